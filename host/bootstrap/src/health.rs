//! Waiting for health: probing at the right pace, noticing an exit at once, giving up in time. Called by the plugin host whenever a plugin asks `health`.

mod pace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chora_engine::{EngineError, Exit, Health, HealthState, RunState};
use chora_model::config::Service;
use chora_model::event::PluginFunction;
use chora_model::plan::StepKey;
use chora_plugin_host::{
    Call, HealthError, HealthReport, HealthService, Outstanding, PluginError, ProbeTally, Scene,
    Target, Verdict,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::asked::Asked;
use crate::plugins::Plugins;
use pace::{Next, Pace};

/// A service without a health check is taken for healthy when it has run this long.
const MOMENT: Duration = Duration::from_millis(100);
/// Lines of a service's log in an error.
pub(crate) const TAIL: usize = 20;
/// The longest that a log's tail is waited for.
const TAIL_PATIENCE: Duration = Duration::from_secs(2);

/// The health service of a project.
pub(crate) struct HealthWaiter {
    plugins: Arc<Plugins>,
    /// What each service last answered, for reports.
    last: Mutex<BTreeMap<String, String>>,
    /// Whether waits are to end, and the steps whose waits have.
    stop: CancellationToken,
    left: watch::Sender<BTreeSet<StepKey>>,
}

impl HealthWaiter {
    pub(crate) fn new(plugins: Arc<Plugins>) -> Self {
        Self {
            plugins,
            last: Mutex::default(),
            stop: CancellationToken::new(),
            left: watch::Sender::default(),
        }
    }

    /// Lets nobody wait any longer: a run that is to stop has nothing to wait for.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Resolves once a wait of this step was left because of [`stop`](Self::stop). The step's plugin does not hear of it: it has nothing to explain.
    pub(crate) async fn left(&self, step: &StepKey) {
        let mut left = self.left.subscribe();
        // The sender lives in `self`.
        let _ = left.wait_for(|steps| steps.contains(step)).await;
    }

    /// What the service answered when it was last probed.
    pub(crate) fn last_answer(&self, service: &str) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(service).cloned()
    }

    fn remember(&self, service: &str, answer: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(service.to_owned(), answer.to_owned());
    }

    /// One probe by the service's health plugin; a probe that does not end in time is an answer, and no error.
    async fn ask(
        &self,
        scene: &Arc<Scene>,
        service: &Service,
        plugin: &str,
        asked: &mut Asked<'_>,
    ) -> Result<Verdict, HealthError> {
        let failed = |source| HealthError::Plugin {
            service: service.name.clone(),
            source: Box::new(source),
        };
        let (host, entry) = self.plugins.health(plugin).await.map_err(failed)?;
        let patience = service.health.probe_timeout;
        let call = Call {
            settings: entry.settings_for(service),
            plugin: entry.plugin,
            grants: entry.grants,
            caller: StepKey::new(plugin, &service.name),
            timeout: patience.saturating_add(Duration::from_secs(1)),
            dry_run: false,
            intent: None,
            outstanding: Outstanding::default(),
        };
        let target = Target {
            service: service.name.clone(),
            endpoint: service.health_endpoint.clone(),
            port: service.port,
            timeout: patience,
        };
        let probed = host.probe(scene, call, &target);
        let probed = asked.answer(probed, |answer| {
            answer.as_ref().is_ok_and(|verdict| verdict.healthy)
        });
        let verdict = match probed.await {
            Ok(verdict) => verdict,
            Err(PluginError::TimedOut { limit, .. }) => Verdict {
                healthy: false,
                summary: format!("health check `{plugin}` gave no answer within {limit:.1?}"),
            },
            Err(error) => return Err(failed(error)),
        };
        self.remember(&service.name, &verdict.summary);
        Ok(verdict)
    }

    async fn until_healthy(
        &self,
        scene: &Arc<Scene>,
        service: &Service,
        begun: Instant,
        tally: &ProbeTally,
    ) -> Result<HealthReport, HealthError> {
        let Some(plugin) = &service.health.plugin else {
            return running_a_moment(scene, service, begun).await;
        };
        let mut pace = Pace::new(&scene.config.retry, service.health.successes);
        let mut asked = probes(scene, service, plugin);
        let mut first_success = None;
        loop {
            let before = Instant::now();
            let verdict = self.ask(scene, service, plugin, &mut asked).await?;
            tally.count(verdict.healthy);
            let now = Instant::now();
            if !verdict.healthy {
                first_success = None;
            } else if first_success.is_none() {
                first_success = Some(now);
            }
            match pace.probed(verdict.healthy, now - begun, now - before) {
                Next::After(delay) => sleep(delay).await,
                Next::Healthy => {
                    // What answers may be a foreign process on the same port.
                    if !is_running(scene, service).await? {
                        return Err(exited(scene, service, begun, None).await);
                    }
                    let now = Instant::now();
                    return Ok(HealthReport {
                        waited: now - begun,
                        confirm: first_success.map_or(Duration::ZERO, |first| now - first),
                        summary: verdict.summary,
                    });
                }
                Next::GiveUp => {
                    let patience = pace.patience().unwrap_or_default();
                    let limit = format!("the patience of its `retry` settings ({patience:.1?})");
                    return Err(self.timed_out(scene, service, now - begun, limit).await);
                }
            }
        }
    }
}

impl HealthWaiter {
    /// Why a service was not healthy in time: its engine is asked first, because nothing answers that it does not run.
    async fn timed_out(
        &self,
        scene: &Scene,
        service: &Service,
        waited: Duration,
        limit: String,
    ) -> HealthError {
        let asked = scene.engine.inspect(&service.name);
        match tokio::time::timeout(TAIL_PATIENCE, asked).await {
            Ok(Err(source)) => engine_failed(service, source),
            Ok(Ok(_)) | Err(_) => HealthError::TimedOut {
                service: service.name.clone(),
                waited,
                limit,
                last_probe: self.last_answer(&service.name),
            },
        }
    }

    /// What the health check of the configuration says; without one, that it runs is all.
    async fn probe_running(
        &self,
        scene: &Arc<Scene>,
        service: &Service,
    ) -> Result<Verdict, HealthError> {
        match &service.health.plugin {
            Some(plugin) => {
                let mut asked = probes(scene, service, plugin);
                self.ask(scene, service, plugin, &mut asked).await
            }
            None => Ok(Verdict {
                healthy: true,
                summary: "running".to_owned(),
            }),
        }
    }

    /// Waits until the engine's own check of the service, where it has one, says that it is healthy.
    async fn until_engine_agrees(
        &self,
        scene: &Scene,
        service: &Service,
    ) -> Result<(), HealthError> {
        let failed = |source| engine_failed(service, source);
        let mut known = scene.engine.health(&service.name).await.map_err(failed)?;
        while let Some(health) = known {
            if health.state == HealthState::Healthy {
                return Ok(());
            }
            if health.state == HealthState::Unhealthy {
                self.remember(&service.name, &told(&health));
            }
            let changed = scene.engine.health_changed(&service.name, health.state);
            known = changed.await.map_err(failed)?;
        }
        Ok(())
    }
}

#[async_trait]
impl HealthService for HealthWaiter {
    async fn wait(
        &self,
        scene: &Arc<Scene>,
        caller: &StepKey,
        service: &Service,
        tally: &ProbeTally,
    ) -> Result<HealthReport, HealthError> {
        let begun = Instant::now();
        let engine = Arc::clone(&scene.engine);
        let watched = async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    self.left.send_modify(|steps| {
                        steps.insert(caller.clone());
                    });
                    std::future::pending().await
                }
                exit = engine.wait_exit(&service.name) => match exit {
                    Ok(exit) => Err(exited(scene, service, begun, Some(exit)).await),
                    Err(source) => Err(engine_failed(service, source)),
                },
                healthy = async {
                    let probed = self.until_healthy(scene, service, begun, tally);
                    let agreed = self.until_engine_agrees(scene, service);
                    tokio::try_join!(probed, agreed).map(|(report, ())| HealthReport {
                        waited: begun.elapsed(),
                        ..report
                    })
                } => healthy,
            }
        };
        match timeout_at(begun + service.timeout, watched).await {
            Ok(result) => result,
            Err(_) => {
                let limit = format!("its timeout of {:.1?}", service.timeout);
                Err(self.timed_out(scene, service, begun.elapsed(), limit).await)
            }
        }
    }

    async fn probe(&self, scene: &Arc<Scene>, service: &Service) -> Result<Verdict, HealthError> {
        let status = scene.engine.inspect(&service.name).await;
        let status = status.map_err(|source| engine_failed(service, source))?;
        let not_healthy = |summary: String| Verdict {
            healthy: false,
            summary,
        };
        match status.state {
            RunState::Absent | RunState::Created => Ok(not_healthy("not started".to_owned())),
            RunState::Paused => Ok(not_healthy("paused".to_owned())),
            RunState::Exited(exit) | RunState::Restarting(exit) => {
                Ok(not_healthy(format!("ended with {exit}")))
            }
            RunState::Running => {
                let own = async {
                    let own = scene.engine.health(&service.name).await;
                    own.map_err(|source| engine_failed(service, source))
                };
                let (probed, own) = tokio::try_join!(self.probe_running(scene, service), own)?;
                Ok(match own {
                    Some(own) if probed.healthy && own.state != HealthState::Healthy => {
                        not_healthy(told(&own))
                    }
                    Some(_) | None => probed,
                })
            }
        }
    }
}

/// What a service's health plugin will have been asked.
fn probes<'a>(scene: &'a Scene, service: &Service, plugin: &str) -> Asked<'a> {
    let about = service.name.clone();
    Asked::new(&*scene.events, plugin, PluginFunction::Probe, about)
}

/// What the engine's own check of a service says, in words.
fn told(health: &Health) -> String {
    let said = match health.state {
        HealthState::Starting => "not passed yet",
        HealthState::Healthy => "passes",
        HealthState::Unhealthy => "fails",
    };
    match &health.answer {
        Some(answer) => format!("the engine's own check {said}: {answer}"),
        None => format!("the engine's own check {said}"),
    }
}

fn engine_failed(service: &Service, source: EngineError) -> HealthError {
    HealthError::Engine {
        service: service.name.clone(),
        source,
    }
}

async fn is_running(scene: &Scene, service: &Service) -> Result<bool, HealthError> {
    let status = scene.engine.inspect(&service.name).await;
    let status = status.map_err(|source| engine_failed(service, source))?;
    Ok(status.state == RunState::Running)
}

async fn running_a_moment(
    scene: &Scene,
    service: &Service,
    begun: Instant,
) -> Result<HealthReport, HealthError> {
    let has_run = scene.engine.running_for(&service.name).await;
    let has_run = has_run.map_err(|source| engine_failed(service, source))?;
    sleep(MOMENT.saturating_sub(has_run.unwrap_or_default())).await;
    if !is_running(scene, service).await? {
        return Err(exited(scene, service, begun, None).await);
    }
    Ok(HealthReport {
        waited: begun.elapsed(),
        confirm: Duration::ZERO,
        summary: "running".to_owned(),
    })
}

/// The error of a service that ended, with everything that is known of its end.
async fn exited(
    scene: &Scene,
    service: &Service,
    begun: Instant,
    exit: Option<Exit>,
) -> HealthError {
    let waited = begun.elapsed();
    let exit = match exit {
        Some(exit) => exit,
        None => match scene
            .engine
            .inspect(&service.name)
            .await
            .map(|status| status.state)
        {
            Ok(RunState::Exited(exit) | RunState::Restarting(exit)) => exit,
            Ok(RunState::Absent | RunState::Created | RunState::Running | RunState::Paused)
            | Err(_) => Exit::UNKNOWN,
        },
    };
    HealthError::Exited {
        service: service.name.clone(),
        exit,
        log_tail: log_tail(scene, &service.name).await,
        waited,
    }
}

/// The tail of a service's log; empty when it cannot be had.
pub(crate) async fn log_tail(scene: &Scene, service: &str) -> Vec<String> {
    let tail = scene.engine.log_tail(service, TAIL);
    match tokio::time::timeout(TAIL_PATIENCE, tail).await {
        Ok(Ok(lines)) => lines,
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}
