//! What a person may see while a step works. Needs no grant.

use crate::bindings::imports::chora::bootstrap::progress::{self, Level};

/// Names what the step is doing now, in place of what it said before.
pub fn doing(what: impl AsRef<str>) {
    progress::doing(what.as_ref());
}

/// A line that is shown only with `--verbose`.
pub fn debug(message: impl AsRef<str>) {
    progress::log(Level::Debug, message.as_ref());
}

/// A line worth knowing.
pub fn info(message: impl AsRef<str>) {
    progress::log(Level::Info, message.as_ref());
}

/// A line that deserves attention.
pub fn warning(message: impl AsRef<str>) {
    progress::log(Level::Warning, message.as_ref());
}
