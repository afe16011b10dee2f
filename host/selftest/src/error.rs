//! Why there is no place to attack in.

use chora_engine::EngineError;
use chora_model::config::ConfigError;
use chora_model::credentials::CredentialError;
use chora_plugin_host::PluginError;

/// What an attack needs and did not get.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, a directory, a port or a process of its own.
    #[error("failed to {doing}")]
    Io {
        /// What for.
        doing: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its configuration is not taken.
    #[error("its configuration is not taken")]
    Config(#[from] ConfigError),
    /// Its credentials cannot be made or read.
    #[error("its credentials cannot be made or read")]
    Credentials(#[from] CredentialError),
    /// Its service does not start.
    #[error("its service does not start")]
    Engine(#[from] EngineError),
    /// A hostile plugin is not even loaded.
    #[error("a hostile plugin is not loaded")]
    Plugin(#[source] Box<PluginError>),
    /// Whoever runs the attacks wants them to stop.
    #[error("it was interrupted")]
    Stopped,
    /// What has to be there is not.
    #[error("there is no {0}")]
    Missing(&'static str),
}

impl From<PluginError> for Error {
    fn from(error: PluginError) -> Self {
        Self::Plugin(Box::new(error))
    }
}

impl Error {
    /// Makes such an error of one of the system's.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
