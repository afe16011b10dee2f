//! What plugins make on a Docker Engine beside the services: one-off containers, networks and volumes, and a look at what there is.
//!
//! Everything that is made here bears the environment's labels and the plugin's name. What has other labels is never touched, and what belongs to a service is only looked at and run commands
//! in: starting, stopping and removing that is the [`Engine`](crate::Engine)'s affair. Who may do what is decided by whoever calls; nothing here knows of grants.
//!
//! **Invariant:** [`OneOffs::run`] leaves no container, however it ends: the work is a task of its own, which goes on to the removal also when nobody waits for it any more. What a killed chora
//! left is removed by the next run of that name, or by a reset.

mod body;
mod error;
mod exec;
mod find;
mod image;
mod life;
mod network;
mod record;
mod request;
mod run;
mod volume;

use std::path::PathBuf;
use std::time::Duration;

use chora_model::layout::Layout;
use tokio_util::task::TaskTracker;

use super::{DockerEngine, DockerSettings, Endpoint};

pub use error::OneOffError;
pub use find::{Belongs, Looked, Publisher};
pub use image::ImageFacts;
pub use network::NetworkFacts;
pub use record::sweep;
pub use request::{Bind, HostNamespaces, Mounted, OneOff, Privileges};
pub use run::{Command, Ran};
pub use volume::VolumeFacts;

/// A Docker Engine as plugins see it. Nothing is asked of it before it is needed. Clones share the connection.
#[derive(Clone)]
pub struct OneOffs {
    engine: DockerEngine,
    /// Work that goes on when nobody waits for it any more.
    tasks: TaskTracker,
}

/// What answers at the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// `docker` or `podman`.
    pub kind: &'static str,
    /// Its version, as it counts them.
    pub version: String,
}

impl OneOffs {
    /// The engine at this place, for what belongs to this environment. The names of its Compose project, made of the directory when absent, are kept for services.
    pub fn open(layout: &Layout, endpoint: Endpoint, project: Option<String>) -> Self {
        let settings = DockerSettings {
            endpoint,
            project,
            reader: None,
            // Nothing here makes an image of chora.
            program: PathBuf::new(),
        };
        Self {
            engine: DockerEngine::open(layout, settings),
            tasks: TaskTracker::new(),
        }
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        self.engine.endpoint()
    }

    /// What it is, and its version.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn version(&self) -> Result<Version, OneOffError> {
        let daemon = self.engine.daemon().await?;
        Ok(Version {
            kind: daemon.maker.name(),
            version: daemon.version,
        })
    }

    /// Waits until everything is cleared away that was cut off, but no longer than this. Answers whether all of it is.
    pub async fn settled(&self, limit: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(limit, self.tasks.wait()).await.is_ok()
    }
}
