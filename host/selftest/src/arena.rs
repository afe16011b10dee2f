//! A project of its own with a process engine and real HTTP, and plugins in it with the grants and settings that they are given. Attacks are made here, and the tests of the sandbox too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chora_engine::process::ProcessEngine;
use chora_engine::{SecretEnv, ServiceSpec};
use chora_model::config::{self, Service, Source};
use chora_model::event::{EventKind, EventSink, HostCall};
use chora_model::plan::StepKey;
use chora_plugin_host::{
    CredentialVault, HealthError, HealthReport, HealthService, Lookup, Plugin, PluginError,
    PluginHost, ProbeTally, Scene, Verdict,
};
use futures_util::StreamExt as _;

use crate::place::Place;
use crate::{Error, Guest, Snapshot};

const CONFIG: &str = "services:
  - {name: db, phase: 1, command: [sh, -c, \"echo ready; exec sleep 1000\"], health: none, stop_grace: 0.1}
  - {name: web, phase: 2, command: [sleep, \"1000\"], health: none, dependencies: [db]}
";

/// A service that is elsewhere.
const ENDPOINT: &str = "  - {name: api, phase: 2, command: [sleep, \"1000\"], health_endpoint: \"http://api.home.test/\"}
";

/// Everything that was told.
#[derive(Default)]
struct Recorder(Mutex<Vec<EventKind>>);

impl EventSink for Recorder {
    fn emit(&self, kind: EventKind) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(kind);
    }
}

/// Waits for nobody: every service is healthy.
struct Healthy;

#[async_trait]
impl HealthService for Healthy {
    async fn wait(
        &self,
        _: &Arc<Scene>,
        _: &StepKey,
        _: &Service,
        _: &ProbeTally,
    ) -> Result<HealthReport, HealthError> {
        Ok(HealthReport {
            waited: Duration::from_millis(5),
            confirm: Duration::from_millis(1),
            summary: "fine".to_owned(),
        })
    }

    async fn probe(&self, _: &Arc<Scene>, _: &Service) -> Result<Verdict, HealthError> {
        Ok(Verdict {
            healthy: true,
            summary: "fine".to_owned(),
        })
    }
}

/// A project with the services `db` and `web`, and a host.
pub struct Arena {
    /// What the host's functions act on.
    pub scene: Arc<Scene>,
    /// What loads and calls plugins here.
    pub host: PluginHost,
    place: Place,
    events: Arc<Recorder>,
}

impl Arena {
    /// A project in which nothing runs, for plugins of this host.
    pub fn new(host: PluginHost) -> Result<Self, Error> {
        Self::made(host, CONFIG, |scene| scene)
    }

    /// The same with a service at `api.home.test` more, and names that lead where this says.
    pub fn with_lookup(host: PluginHost, lookup: Arc<dyn Lookup>) -> Result<Self, Error> {
        let config = format!("{CONFIG}{ENDPOINT}");
        Self::made(host, &config, |scene| scene.with_lookup(lookup))
    }

    fn made(
        host: PluginHost,
        config: &str,
        with: impl FnOnce(Scene) -> Scene,
    ) -> Result<Self, Error> {
        let place = Place::new(config)?;
        let loaded = config::load(&Source {
            project: place.path().to_owned(),
            ..Source::default()
        })?;
        let config = Arc::new(loaded.config);
        let services = config.services.iter().map(|service| service.name.clone());
        let vault = CredentialVault::new(
            loaded.layout.credentials(),
            loaded.layout.data(),
            config.credentials.clone(),
            services.collect(),
        );
        // None of the services is chora's own.
        let engine = ProcessEngine::open(&loaded.layout, "/bin/false".into());
        let events = Arc::new(Recorder::default());
        let scene = Scene::new(
            config,
            loaded.layout,
            Arc::new(engine),
            Arc::new(vault),
            Arc::new(Healthy),
            Arc::clone(&events) as Arc<dyn EventSink>,
        );
        Ok(Self {
            scene: Arc::new(with(scene)),
            host,
            place,
            events,
        })
    }

    /// Loads a component, and gives it neither grants nor settings.
    pub async fn guest(&self, component: &[u8]) -> Result<Guest<'_>, PluginError> {
        let plugin = self.host.load("guest", component).await?;
        Ok(self.guest_of(plugin))
    }

    /// A loaded plugin, without grants and settings.
    pub fn guest_of(&self, plugin: Arc<Plugin>) -> Guest<'_> {
        Guest::new(self, plugin)
    }

    /// Makes the credentials, and starts the service `db`.
    pub async fn start_db(&self) -> Result<(), Error> {
        self.make_credentials()?;
        let service = self.scene.config.service("db");
        let service = service.ok_or(Error::Missing("service `db`"))?;
        let spec = ServiceSpec::of(&self.scene.config, service, &self.scene.layout);
        let credentials = self.scene.credentials.current()?;
        let credentials = credentials.ok_or(Error::Missing("file of credentials"))?;
        let secrets = SecretEnv::of(service, &credentials);
        self.scene.engine.start(&spec, &secrets).await?;
        // What it writes at its beginning is written before anything is compared.
        let mut log = self.scene.engine.log_follow("db", 10).await?;
        let line = log.next().await;
        let line = line.ok_or(Error::Missing("line in the log of `db`"))??;
        match line.as_str() {
            "ready" => Ok(()),
            _ => Err(Error::Missing("line `ready` in the log of `db`")),
        }
    }

    /// Makes the credentials.
    pub fn make_credentials(&self) -> Result<(), Error> {
        self.scene.credentials.ensure()?;
        Ok(())
    }

    /// The credential itself.
    pub fn secret(&self, name: &str) -> Result<String, Error> {
        let credentials = self.scene.credentials.current()?;
        let credentials = credentials.ok_or(Error::Missing("file of credentials"))?;
        let secret = credentials.get(name).ok_or(Error::Missing("such secret"))?;
        Ok(secret.expose().to_owned())
    }

    /// The project's files and processes.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        self.place.snapshot()
    }

    /// Everything that was told so far.
    pub fn events(&self) -> Vec<EventKind> {
        let events = self.events.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.clone()
    }

    /// The lines of the ledger so far.
    pub fn ledger(&self) -> Vec<HostCall> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| match event {
                EventKind::HostCall(call) => Some(call),
                _ => None,
            })
            .collect()
    }
}
