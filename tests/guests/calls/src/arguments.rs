//! What the calls are made with.

use chora_plugin::{Error, settings};
use serde::Deserialize;

/// The setting `arguments`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Arguments {
    /// For `services` and `health`.
    pub(crate) service: String,
    /// For `services.exec`.
    pub(crate) command: Vec<String>,
    /// For `credentials`.
    pub(crate) credential: String,
    /// For `http`.
    pub(crate) url: String,
    /// For `http`, in place of `GET` or `POST`.
    pub(crate) method: Option<String>,
    /// For `http`.
    pub(crate) headers: Vec<(String, String)>,
    /// For `http`: send this credential along.
    pub(crate) bearer: Option<String>,
    /// For `tcp`.
    pub(crate) host: String,
    /// For `tcp` and `machine.port`.
    pub(crate) port: u16,
}

impl Arguments {
    pub(crate) fn read() -> Result<Self, Error> {
        Ok(settings::read("arguments")?.unwrap_or_default())
    }
}
