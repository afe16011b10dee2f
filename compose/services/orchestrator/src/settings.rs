//! Where the orchestrator works, and why it cannot.

use std::path::PathBuf;
use std::sync::Arc;

use chora_engine::Engine;
use chora_engine::docker::{DockerEngine, DockerSettings, Endpoint};
use chora_engine::process::ProcessEngine;
use chora_model::file::FileError;
use chora_model::layout::Layout;
use chora_service_kit::{KeyringError, ServeError, ServiceSettings};

/// Why the orchestrator does not start.
#[derive(Debug, thiserror::Error)]
pub enum OrchestratorError {
    /// A variable of the environment is missing.
    #[error(
        "`{0}` is not set; `chora bootstrap` sets it, and by hand it is `{0}=PATH chora serve orchestrator`"
    )]
    Missing(&'static str),
    /// There is no such engine.
    #[error(
        "`CHORA_ENGINE` is `{0}`, which is neither `process` nor `docker`; correct it or unset it"
    )]
    UnknownEngine(String),
    /// This program's own path is not known, so `chora` in a command could not be run.
    #[error("the path of this program cannot be told")]
    OwnPath(#[source] std::io::Error),
    /// The credentials cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The list of deployments cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The list of deployments is damaged.
    #[error("`{}`, the list of what is deployed, is damaged; mend it, or delete it and deploy again", path.display())]
    Damaged {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// It cannot serve.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Where the orchestrator works.
#[derive(Debug, Clone)]
pub struct Place {
    /// The environment's files, shared with chora.
    pub layout: Layout,
    /// What `chora` as the program of a command means.
    pub exe: PathBuf,
    /// The credentials of all services.
    pub credentials: PathBuf,
    /// The orchestrator's own directory.
    pub data: PathBuf,
    /// How much deployed services are to log.
    pub log_level: String,
    /// What runs them.
    pub runs_on: RunsOn,
    /// The Compose project that containers are to be of, where it is told.
    pub compose_project: Option<String>,
}

/// The engine that runs what is deployed: the one on which the orchestrator runs itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsOn {
    /// Processes beside it.
    Processes,
    /// Containers of the Docker Engine whose socket it was given.
    Docker,
}

impl Place {
    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        match self.runs_on {
            RunsOn::Processes => Arc::new(ProcessEngine::open(&self.layout, self.exe.clone())),
            RunsOn::Docker => {
                let settings = DockerSettings {
                    endpoint: Endpoint::from_env(),
                    program: self.exe.clone(),
                    project: self.compose_project.clone(),
                    reader: None,
                };
                Arc::new(DockerEngine::open(&self.layout, settings))
            }
        }
    }

    /// Reads `CHORA_PROJECT`, `CHORA_HOME`, `CHORA_ENGINE`, `CHORA_COMPOSE_PROJECT` and what the settings hold already.
    pub fn from_env(settings: &ServiceSettings) -> Result<Self, OrchestratorError> {
        let path = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .ok_or(OrchestratorError::Missing(name))
        };
        let layout = Layout {
            project: path("CHORA_PROJECT")?,
            environment: settings.environment.clone(),
            home: path("CHORA_HOME")?,
        };
        Ok(Self {
            layout,
            exe: std::env::current_exe().map_err(OrchestratorError::OwnPath)?,
            credentials: settings
                .credentials_file
                .clone()
                .ok_or(OrchestratorError::Missing("CREDENTIALS_FILE"))?,
            data: settings
                .data_dir
                .clone()
                .ok_or(OrchestratorError::Missing("DATA_DIR"))?,
            log_level: std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".to_owned()),
            compose_project: std::env::var("CHORA_COMPOSE_PROJECT")
                .ok()
                .filter(|name| !name.is_empty()),
            runs_on: match std::env::var("CHORA_ENGINE").as_deref() {
                Err(_) | Ok("" | "process") => RunsOn::Processes,
                Ok("docker") => RunsOn::Docker,
                Ok(other) => return Err(OrchestratorError::UnknownEngine(other.to_owned())),
            },
        })
    }
}
