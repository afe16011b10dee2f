//! The plugin's own settings from the configuration. Needs no grant; may be read in `plan`.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::imports::chora::bootstrap::settings;
use crate::{Error, Failure};

/// A setting as JSON; absent when it is not configured.
#[must_use]
pub fn value(key: &str) -> Option<Value> {
    serde_json::from_str(&settings::get(key)?).ok()
}

/// A setting as a type of the plugin's own; absent when it is not configured.
///
/// # Errors
/// The setting has another shape; the failure names it.
pub fn read<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    match settings::get(key) {
        None => Ok(None),
        Some(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| invalid(key, error.to_string())),
    }
}

/// The failure of a setting that does not make sense.
#[must_use]
pub fn invalid(key: &str, problem: impl AsRef<str>) -> Error {
    Failure::new(format!(
        "the setting `{key}` is not valid: {}",
        problem.as_ref()
    ))
    .next(format!(
        "Correct `{key}` in the plugin's settings in the configuration."
    ))
    .into()
}
