//! Checking a configuration before it is saved.

use std::path::Path;

use super::parse::from_text;
use super::{Config, ConfigError, Source};

/// Checks the text of a base file, with the overlay that lies beside the real one. `file_name` is how problems name the text.
///
/// # Errors
/// Everything that is wrong, as [`super::load`] would say it.
pub fn check_text(text: &str, file_name: &Path, source: &Source) -> Result<Config, ConfigError> {
    from_text(text, file_name, source, false).map(|loaded| loaded.config)
}
