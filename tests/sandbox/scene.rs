//! A project of its own for each test, and plugins in it with the grants and settings that the test gives them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chora_engine::process::ProcessEngine;
use chora_engine::{SecretEnv, ServiceSpec};
use chora_model::config::{self, Service, Source};
use chora_model::event::{EventKind, EventSink, HostCall, RunKind};
use chora_model::grant::{Grant, GrantSet};
use chora_model::plan::StepKey;
use chora_plugin_host::{
    Call, CompileCache, Context, CredentialVault, HealthError, HealthReport, HealthService,
    HostOptions, Intent, Limits, Lookup, ObservedEvent, ObservedRun, Outcome, Outstanding,
    PlannedStep, Plugin, PluginError, PluginHost, ProbeTally, Scene, Target, Verdict,
};
use futures_util::StreamExt as _;
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes that ends by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const CONFIG: &str = "services:
  - {name: db, phase: 1, command: [sh, -c, \"echo ready; exec sleep 1000\"], health: none, stop_grace: 0.1}
  - {name: web, phase: 2, command: [sleep, \"1000\"], health: none, dependencies: [db]}
";

/// A service that is elsewhere.
const ENDPOINT: &str = "  - {name: api, phase: 2, command: [sleep, \"1000\"], health_endpoint: \"http://api.home.test/\"}
";

/// Everything that was told.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<EventKind>>);

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

/// A project with two services and a host.
pub(crate) struct Sandbox {
    directory: TempDir,
    pub(crate) scene: Arc<Scene>,
    pub(crate) host: PluginHost,
    events: Arc<Recorder>,
}

/// What a project consists of: its files with their contents, and the processes that work in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    files: BTreeMap<PathBuf, Vec<u8>>,
    processes: Vec<u32>,
}

impl Sandbox {
    /// With the limits that chora has.
    pub(crate) fn new() -> Self {
        Self::limited(Limits::default())
    }

    /// With these limits.
    pub(crate) fn limited(limits: Limits) -> Self {
        Self::made(limits, CONFIG, |scene| scene)
    }

    /// With a service at `api.home.test`, and names that lead where this says.
    pub(crate) fn with_lookup(lookup: Arc<dyn Lookup>) -> Self {
        let config = format!("{CONFIG}{ENDPOINT}");
        Self::made(Limits::default(), &config, |scene| {
            scene.with_lookup(lookup)
        })
    }

    fn made(limits: Limits, config: &str, with: impl FnOnce(Scene) -> Scene) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join(".chora")).expect("a directory");
        let file = directory.path().join(".chora/bootstrap-config.yml");
        std::fs::write(file, config).expect("the configuration");
        let loaded = config::load(&Source {
            project: directory.path().to_owned(),
            ..Source::default()
        })
        .expect("a configuration");
        let config = Arc::new(loaded.config);
        let services = config.services.iter().map(|service| service.name.clone());
        let vault = CredentialVault::new(
            loaded.layout.credentials(),
            loaded.layout.data(),
            config.credentials.clone(),
            services.collect(),
        );
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
        // One cache for all tests: each guest is compiled once, not once a test.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-cache");
        let host = PluginHost::new(HostOptions {
            cache: Some(CompileCache {
                key: cache.with_extension("key"),
                directory: cache,
            }),
            limits,
        });
        Self {
            directory,
            scene: Arc::new(with(scene)),
            host: host.expect("a host"),
            events,
        }
    }

    /// A guest without grants and settings.
    pub(crate) async fn guest(&self, component: &[u8]) -> Guest<'_> {
        let plugin = self.host.load("guest", component).await;
        Guest {
            sandbox: self,
            plugin: plugin.expect("a plugin"),
            grants: GrantSet::default(),
            settings: serde_json::Map::new(),
            timeout: PATIENCE,
            dry_run: false,
            intent: None,
            outstanding: Outstanding::default(),
        }
    }

    /// Makes the credentials, and starts the service `db`.
    pub(crate) async fn start_db(&self) {
        self.make_credentials();
        let service = self.scene.config.service("db").expect("a service");
        let spec = ServiceSpec::of(&self.scene.config, service, &self.scene.layout);
        let credentials = self.scene.credentials.current().expect("readable");
        let secrets = SecretEnv::of(service, &credentials.expect("credentials"));
        let started = self.scene.engine.start(&spec, &secrets).await;
        started.expect("a started service");
        // What it writes at its beginning is written before anything is compared.
        let mut log = self.scene.engine.log_follow("db", 10).await.expect("a log");
        let line = log.next().await.expect("a line").expect("a readable line");
        assert_eq!(line, "ready");
    }

    pub(crate) fn make_credentials(&self) {
        self.scene.credentials.ensure().expect("credentials");
    }

    /// The credential itself.
    pub(crate) fn secret(&self, name: &str) -> String {
        let credentials = self.scene.credentials.current().expect("readable");
        let credentials = credentials.expect("credentials");
        credentials.get(name).expect("a secret").expose().to_owned()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut files = BTreeMap::new();
        let mut left = vec![self.directory.path().to_owned()];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(&path).expect("a directory").flatten();
                left.extend(entries.map(|entry| entry.path()));
                files.insert(path, Vec::new());
            } else {
                let content = std::fs::read(&path).expect("a file");
                files.insert(path, content);
            }
        }
        Snapshot {
            files,
            processes: self.processes(),
        }
    }

    /// The processes that work in the project.
    fn processes(&self) -> Vec<u32> {
        let project = self.directory.path().canonicalize().expect("a directory");
        let all = std::fs::read_dir("/proc").expect("processes").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut ours: Vec<u32> = pids
            .filter(|pid| {
                let directory = std::fs::read_link(format!("/proc/{pid}/cwd"));
                directory.is_ok_and(|directory| directory.starts_with(&project))
            })
            .collect();
        ours.sort_unstable();
        ours
    }

    pub(crate) fn events(&self) -> Vec<EventKind> {
        let events = self.events.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.clone()
    }

    /// The lines of the ledger.
    pub(crate) fn ledger(&self) -> Vec<HostCall> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| match event {
                EventKind::HostCall(call) => Some(call),
                _ => None,
            })
            .collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        crate::processes::kill_recorded(&self.scene.layout.home);
    }
}

/// A plugin as it is called.
pub(crate) struct Guest<'a> {
    sandbox: &'a Sandbox,
    pub(crate) plugin: Arc<Plugin>,
    grants: GrantSet,
    settings: serde_json::Map<String, Value>,
    timeout: Duration,
    dry_run: bool,
    intent: Option<Intent>,
    /// The host call that it is in.
    pub(crate) outstanding: Outstanding,
}

impl Guest<'_> {
    pub(crate) fn granted<T: AsRef<str>>(mut self, grants: &[T]) -> Self {
        let parsed = grants.iter().map(|text| Grant::parse(text.as_ref()));
        self.grants = GrantSet(parsed.map(|grant| grant.expect("a grant")).collect());
        self
    }

    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) fn intending(mut self, intent: Intent) -> Self {
        self.intent = Some(intent);
        self
    }

    pub(crate) fn in_a_dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    pub(crate) async fn apply(&self, step: &str) -> Result<Outcome, PluginError> {
        let Sandbox { host, scene, .. } = self.sandbox;
        host.apply(scene, self.call(step), &self.context(), step)
            .await
    }

    pub(crate) async fn plan(&self) -> Result<Vec<PlannedStep>, PluginError> {
        let Sandbox { host, scene, .. } = self.sandbox;
        host.plan(scene, self.call("plan"), &self.context()).await
    }

    /// Probes the service `db`.
    pub(crate) async fn probe(&self) -> Result<Verdict, PluginError> {
        let Sandbox { host, scene, .. } = self.sandbox;
        let target = Target {
            service: "db".to_owned(),
            endpoint: None,
            port: None,
            timeout: self.timeout,
        };
        host.probe(scene, self.call("db"), &target).await
    }

    /// Tells an observer of a bootstrap.
    pub(crate) async fn observe(&self, event: &ObservedEvent) -> Result<(), PluginError> {
        let Sandbox { host, scene, .. } = self.sandbox;
        let run = ObservedRun {
            id: "test".to_owned(),
            kind: RunKind::Bootstrap,
            environment: "dev".to_owned(),
            dry_run: self.dry_run,
        };
        host.observe(scene, self.call(event.name()), &run, event)
            .await
    }

    fn call(&self, step: &str) -> Call {
        Call {
            plugin: Arc::clone(&self.plugin),
            grants: Arc::new(self.grants.clone()),
            settings: Arc::new(self.settings.clone()),
            caller: StepKey::new("guest", step),
            timeout: self.timeout,
            dry_run: self.dry_run,
            intent: self.intent.clone(),
            outstanding: self.outstanding.clone(),
        }
    }

    fn context(&self) -> Context {
        Context {
            run: "test".to_owned(),
            environment: "dev".to_owned(),
            phase: 1,
            dry_run: self.dry_run,
        }
    }
}
