//! Why something was not done for a plugin on a Docker Engine.

use std::time::Duration;

use crate::docker::error::DockerError;
use crate::docker::image::ImageError;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum OneOffError {
    /// Somebody else's has the name.
    #[error(
        "there is a {kind} `{name}` that chora did not make for this environment; it is left alone"
    )]
    NotOurs {
        /// `container`, `network` or `volume`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// It belongs to a service, or to all of them.
    #[error(
        "the {kind} `{name}` belongs to {}; that is changed through the services, and not by itself",
        whose(.service.as_deref())
    )]
    OfService {
        /// `container`, `network` or `volume`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The service, where it is one service's.
        service: Option<String>,
    },
    /// The name is one that the services' own could need.
    #[error("the name `{name}` is kept for a {kind} of the environment's services; choose another")]
    Reserved {
        /// `container`, `network` or `volume`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The image is not there.
    #[error("the image `{reference}` is not there; pull it, or build it, first")]
    NoImage {
        /// The image.
        reference: String,
    },
    /// What is to be used is not there.
    #[error("there is no {kind} `{name}`; make it first")]
    Missing {
        /// `container`, `network` or `volume`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// It does not run, and has to.
    #[error("container `{name}` does not run")]
    NotRunning {
        /// The container.
        name: String,
    },
    /// It is used, or it is another than the one that is asked for.
    #[error("{kind} `{name}` is in use: {why}")]
    InUse {
        /// `container`, `image`, `network` or `volume`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// By what, or how it differs.
        why: String,
    },
    /// It took longer than it may.
    #[error("it did not end within {limit:?}")]
    TimedOut {
        /// The time it had.
        limit: Duration,
    },
    /// The program cannot be run.
    #[error("the program of container `{name}` cannot be run: {reason}")]
    CannotRun {
        /// The container.
        name: String,
        /// What the runtime said.
        reason: String,
    },
    /// A volume that is a path of the machine.
    #[error(
        "volume `{name}` is the path `{path}` of the engine's machine; it is mounted as that path, or not at all"
    )]
    Disguised {
        /// The volume.
        name: String,
        /// What it stands for.
        path: String,
    },
    /// Where chora notes that there is something to sweep up cannot be written.
    #[error("cannot note that there is something to clear away on the Docker Engine")]
    Record(#[source] chora_model::file::FileError),
    /// The image cannot be had.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The engine does not answer, or refused.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// Chora itself is ending.
    #[error("it was interrupted")]
    Interrupted,
}

fn whose(service: Option<&str>) -> String {
    service.map_or_else(
        || "the environment's services".to_owned(),
        |service| format!("service `{service}`"),
    )
}

impl OneOffError {
    /// What the making or the start of a container failed with.
    pub(super) fn of_start(name: &str, error: DockerError) -> Self {
        match error {
            DockerError::CannotRun { reason } => Self::CannotRun {
                name: name.to_owned(),
                reason,
            },
            DockerError::ImageMissing { image } => Self::NoImage { reference: image },
            other => Self::Docker(other),
        }
    }
}
