//! Loading the bundled plugins, and a warm call: a loaded plugin, a fresh instance, one export called.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use chora_engine::EngineError;
use chora_engine::process::ProcessEngine;
use chora_model::config::{self, Service, Source};
use chora_model::event::{EventKind, EventSink};
use chora_model::grant::GrantSet;
use chora_model::plan::StepKey;
use chora_plugin_host::{
    Call, CompileCache, Context, CredentialVault, HealthError, HealthReport, HealthService,
    HostOptions, Outstanding, Plugin, PluginHost, ProbeTally, Scene, Verdict,
};

use crate::figures::{report, report_against};

/// How many calls are measured, after how many that are not.
const CALLS: usize = 2_000;
const WARM_UP: usize = 100;
/// How often loading is measured.
const LOADS: usize = 50;

/// Planning asks nobody's health and speaks to nobody.
struct Nobody;

#[async_trait]
impl HealthService for Nobody {
    async fn wait(
        &self,
        _: &Arc<Scene>,
        _: &StepKey,
        service: &Service,
        _: &ProbeTally,
    ) -> Result<HealthReport, HealthError> {
        Err(not_here(service))
    }

    async fn probe(&self, _: &Arc<Scene>, service: &Service) -> Result<Verdict, HealthError> {
        Err(not_here(service))
    }
}

fn not_here(service: &Service) -> HealthError {
    HealthError::Engine {
        service: service.name.clone(),
        source: EngineError::Interrupted {
            service: service.name.clone(),
        },
    }
}

impl EventSink for Nobody {
    fn emit(&self, _: EventKind) {}
}

/// A host with an empty compile cache, and a project without services for it to act on.
pub(crate) struct Stage {
    pub(crate) scene: Arc<Scene>,
    pub(crate) host: PluginHost,
    _directory: tempfile::TempDir,
}

impl Stage {
    /// Where events go to is told.
    pub(crate) fn new(events: Arc<dyn EventSink>) -> Result<Self> {
        let directory = tempfile::tempdir().context("failed to make a directory")?;
        let loaded = config::load(&Source {
            project: directory.path().to_owned(),
            ..Source::default()
        })?;
        let config = Arc::new(loaded.config);
        let exe = std::env::current_exe().context("failed to find this program")?;
        let engine = Arc::new(ProcessEngine::open(&loaded.layout, exe));
        let vault = CredentialVault::new(
            loaded.layout.credentials(),
            loaded.layout.data(),
            config.credentials.clone(),
            Vec::new(),
        );
        let scene = Arc::new(Scene::new(
            config,
            loaded.layout,
            engine,
            Arc::new(vault),
            Arc::new(Nobody),
            events,
        ));
        let host = PluginHost::new(HostOptions {
            cache: Some(CompileCache {
                directory: directory.path().join("cache"),
                key: directory.path().join("key"),
            }),
            ..HostOptions::default()
        })?;
        Ok(Self {
            scene,
            host,
            _directory: directory,
        })
    }
}

/// A call of a plugin with these grants.
pub(crate) fn call(plugin: &Arc<Plugin>, grants: &Arc<GrantSet>) -> Call {
    Call {
        plugin: Arc::clone(plugin),
        grants: Arc::clone(grants),
        settings: Arc::default(),
        caller: StepKey("bench".to_owned()),
        timeout: Duration::from_secs(10),
        dry_run: false,
        intent: None,
        outstanding: Outstanding::default(),
    }
}

/// Prints the figures of loading the bundled plugins, and of calls to a loaded one.
pub(crate) async fn measure() -> Result<()> {
    let stage = Stage::new(Arc::new(Nobody))?;
    let host = &stage.host;
    for bundled in chora_bundled_plugins::ALL {
        let began = Instant::now();
        host.load(bundled.name, bundled.bytes).await?;
        let anew = began.elapsed();
        report(
            &format!("load {}, compiled anew", bundled.name),
            &mut [anew],
        );
        let mut loads = Vec::new();
        for _ in 0..LOADS {
            let began = Instant::now();
            host.load(bundled.name, bundled.bytes).await?;
            loads.push(began.elapsed());
        }
        let name = format!("load {}, from the cache", bundled.name);
        report_against(&name, &mut loads, "compiled anew", anew);
    }

    let bundled = chora_bundled_plugins::get("core-services").context("failed to find a plugin")?;
    let plugin = host.load(bundled.name, bundled.bytes).await?;
    let context = Context {
        run: "bench".to_owned(),
        environment: "dev".to_owned(),
        phase: 1,
        dry_run: false,
    };
    let mut calls = Vec::with_capacity(CALLS);
    for number in 0..WARM_UP + CALLS {
        let call = call(&plugin, &Arc::default());
        let began = Instant::now();
        host.plan(&stage.scene, call, &context).await?;
        if number >= WARM_UP {
            calls.push(began.elapsed());
        }
    }
    report("warm plugin call (fresh instance, `plan`)", &mut calls);
    Ok(())
}
