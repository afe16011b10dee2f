//! Structured logs: one JSON object a line on stderr.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::ServeError;

/// Sends logs to stderr as JSON lines, filtered by `LOG_LEVEL` (`info`). Does nothing when the process has a subscriber already.
pub fn init_logs(service: &str) -> Result<(), ServeError> {
    let value = std::env::var("LOG_LEVEL")
        .ok()
        .filter(|value| !value.trim().is_empty())
        .unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(value.to_lowercase())
        .map_err(|source| ServeError::LogLevel { value, source })?;
    // The client of the Docker Engine logs whole requests at its finer levels, with the secrets of containers in them.
    let filter = match "bollard=info".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    let installed = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .try_init();
    if installed.is_ok() {
        tracing::debug!(service, "logs go to stderr");
    }
    Ok(())
}
