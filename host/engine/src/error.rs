//! Why an engine could not do what it was asked.

use std::path::PathBuf;

use chora_model::file::FileError;

use crate::docker::DockerError;

/// Why an engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The service has no command for this engine.
    #[error("service `{service}` has no `command`, so the process engine cannot run it")]
    NoCommand {
        /// The service.
        service: String,
    },
    /// The program does not exist.
    #[error("service `{service}` cannot be started: there is no program `{program}`{}", searched(.path.as_deref()))]
    ProgramNotFound {
        /// The service.
        service: String,
        /// The program as configured.
        program: String,
        /// The search path, when it was searched.
        path: Option<String>,
    },
    /// The program is there and may not be run.
    #[error("service `{service}` cannot be started: `{}` is not executable", program.display())]
    NotExecutable {
        /// The service.
        service: String,
        /// The program.
        program: PathBuf,
    },
    /// The system did not start the process.
    #[error("service `{service}` cannot be started: running `{}` failed", program.display())]
    Spawn {
        /// The service.
        service: String,
        /// The program.
        program: PathBuf,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// A file of the engine could not be read or written.
    #[error("the files of service `{service}` cannot be used")]
    File {
        /// The service.
        service: String,
        /// Which, and why.
        #[source]
        source: FileError,
    },
    /// A file or directory of a service could not be used.
    #[error("`{}` of service `{service}` cannot be used", path.display())]
    Io {
        /// The service.
        service: String,
        /// The path.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// What the engine remembers of a service cannot be read.
    #[error("`{}`, which says where service `{service}` runs, is damaged; see with `ps` whether it still runs, end it, and delete that file", path.display())]
    DamagedRecord {
        /// The service.
        service: String,
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The process did not end, not even when it was killed.
    #[error("service `{service}` (process {pid}) still runs after it was killed")]
    DoesNotEnd {
        /// The service.
        service: String,
        /// The process.
        pid: u32,
    },
    /// The system refused to look after a process.
    #[error("the system does not let chora {action} process {pid} of service `{service}`")]
    Process {
        /// The service.
        service: String,
        /// The process.
        pid: u32,
        /// What was to be done.
        action: &'static str,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// A command in a service's environment did not end in time.
    #[error("`{program}` in the environment of service `{service}` did not end within {limit:?}")]
    ExecTimedOut {
        /// The service.
        service: String,
        /// The program.
        program: String,
        /// The time it had.
        limit: std::time::Duration,
    },
    /// The Docker Engine could not do it.
    #[error("{}", about(.service))]
    Docker {
        /// The service, or `*` where it is about all.
        service: String,
        /// Why, and what to do.
        #[source]
        source: Box<DockerError>,
    },
    /// Work handed to another thread was lost.
    #[error("looking after service `{service}` was interrupted")]
    Interrupted {
        /// The service.
        service: String,
    },
}

impl EngineError {
    pub(crate) fn docker(service: &str, source: DockerError) -> Self {
        Self::Docker {
            service: service.to_owned(),
            source: Box::new(source),
        }
    }

    /// Whether the service as it is configured can never run, so that trying again is of no use.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::NoCommand { .. } | Self::ProgramNotFound { .. } | Self::NotExecutable { .. } => {
                true
            }
            Self::Docker { source, .. } => source.is_configuration(),
            Self::Spawn { .. }
            | Self::File { .. }
            | Self::Io { .. }
            | Self::DamagedRecord { .. }
            | Self::DoesNotEnd { .. }
            | Self::Process { .. }
            | Self::ExecTimedOut { .. }
            | Self::Interrupted { .. } => false,
        }
    }
}

fn about(service: &str) -> String {
    if service == "*" {
        "the Docker Engine cannot be used".to_owned()
    } else {
        format!("the container of service `{service}` cannot be looked after")
    }
}

fn searched(path: Option<&str>) -> String {
    path.map_or_else(String::new, |path| format!(" in PATH ({path})"))
}
