//! Everything that host functions reach, shared by all calls of one run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chora_engine::Engine;
use chora_model::config::Config;
use chora_model::event::EventSink;
use chora_model::layout::Layout;

use crate::capability::http::Clients;
use crate::{CredentialVault, HealthService};

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
        Self {
            config,
            layout,
            engine,
            credentials,
            health,
            events,
            clients: Clients::default(),
            planned: AtomicBool::new(false),
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
