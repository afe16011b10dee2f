//! Why a service could not start or go on; each message names what to do next.

use std::io;

use crate::{KeyringError, SettingsError};

/// A service could not start, or ended for another reason than being asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The environment is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The credentials cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The logs could not be set up.
    #[error(
        "the environment variable `LOG_LEVEL` is `{value}`, which is neither a level (`error`, `warn`, `info`, `debug`, `trace`) nor a filter"
    )]
    LogLevel {
        /// What it holds.
        value: String,
        /// What the parser says.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The address is taken.
    #[error(
        "`{service}` cannot listen on `{address}`: the port is taken; stop what holds it (`ss -ltnp` names it) or set `PORT` to a free one"
    )]
    PortTaken {
        /// The service.
        service: String,
        /// `host:port`.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The address cannot be bound for another reason.
    #[error("`{service}` cannot listen on `{address}`; check `HOST` and `PORT`")]
    Bind {
        /// The service.
        service: String,
        /// `host:port`.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The signal handlers cannot be installed.
    #[error("cannot listen for SIGTERM and SIGINT")]
    Signals(#[source] io::Error),
    /// The HTTP client cannot be built.
    #[error("cannot set up the http client")]
    Client(#[source] reqwest::Error),
    /// The server stopped by itself.
    #[error("`{service}` stopped serving")]
    Server {
        /// The service.
        service: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Something of the service itself, such as its storage.
    #[error("`{service}` cannot start")]
    Service {
        /// The service.
        service: String,
        /// What it says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ServeError {
    /// Wraps a service's own reason not to start.
    pub fn service(service: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Service {
            service: service.to_owned(),
            source: Box::new(source),
        }
    }
}
