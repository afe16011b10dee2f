//! Everything that host functions reach, shared by all calls of one run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chora_engine::Engine;
use chora_engine::docker::one_off::OneOffs;
use chora_engine::docker::{Endpoint, project_name};
use chora_model::config::Config;
use chora_model::event::EventSink;
use chora_model::layout::Layout;

use crate::capability::http::Clients;
use crate::names::Names;
use crate::{CredentialVault, HealthService, Lookup};

/// What host functions act on.
pub struct Scene {
    /// The configuration.
    pub config: Arc<Config>,
    /// Where the environment's files are.
    pub layout: Layout,
    /// What runs the services.
    pub engine: Arc<dyn Engine>,
    /// The credentials.
    pub credentials: Arc<CredentialVault>,
    /// Who waits for health.
    pub health: Arc<dyn HealthService>,
    /// Where events go.
    pub events: Arc<dyn EventSink>,
    pub(crate) clients: Clients,
    pub(crate) names: Names,
    docker: OnceLock<OneOffs>,
    planned: AtomicBool,
}

impl Scene {
    /// A scene in which nothing has been planned yet.
    pub fn new(
        config: Arc<Config>,
        layout: Layout,
        engine: Arc<dyn Engine>,
        credentials: Arc<CredentialVault>,
        health: Arc<dyn HealthService>,
        events: Arc<dyn EventSink>,
    ) -> Self {
        let names = Names::of(&config);
        Self {
            config,
            layout,
            engine,
            credentials,
            health,
            events,
            clients: Clients::default(),
            names,
            docker: OnceLock::new(),
            planned: AtomicBool::new(false),
        }
    }

    /// With a Docker Engine for plugins that is not the one of `DOCKER_HOST` or the machine's socket.
    #[must_use]
    pub fn with_docker(self, endpoint: Endpoint) -> Self {
        let docker = self.one_offs(endpoint);
        Self {
            docker: OnceLock::from(docker),
            ..self
        }
    }

    /// With somebody else than the machine's resolver to say where the names of hosts lead.
    #[must_use]
    pub fn with_lookup(self, lookup: Arc<dyn Lookup>) -> Self {
        Self {
            names: self.names.asked_of(lookup),
            ..self
        }
    }

    /// The Docker Engine as plugins see it, whatever engine runs the services.
    pub(crate) fn docker(&self) -> &OneOffs {
        self.docker
            .get_or_init(|| self.one_offs(Endpoint::from_env()))
    }

    fn one_offs(&self, endpoint: Endpoint) -> OneOffs {
        let project = project_name(&self.layout, &endpoint, &self.config);
        OneOffs::open(&self.layout, endpoint, Some(project))
    }

    /// Waits until what cut off calls had begun is cleared away, but no longer than this. Answers whether it is.
    pub async fn settled(&self, limit: Duration) -> bool {
        match self.docker.get() {
            Some(docker) => docker.settled(limit).await,
            None => true,
        }
    }

    /// Whether a dry run has planned a change. From then on what runs is not what would run, and looking at it would mislead.
    pub fn has_planned(&self) -> bool {
        self.planned.load(Ordering::Relaxed)
    }

    pub(crate) fn note_planned(&self) {
        self.planned.store(true, Ordering::Relaxed);
    }
}
