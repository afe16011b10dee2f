//! The executors: one step at a time each, from its plugin's call to what is told of it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use chora_model::config::Config;
use chora_model::failure::Failure;
use chora_model::plan::Step;
use chora_plugin_host::{
    Call, Context, Intent, Outcome, Outstanding, PluginError, PluginHost, Scene,
};
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::health::{HealthWaiter, log_tail};
use crate::plugins::Ready;
use crate::report::{Time, Trouble, step_failure};

/// For a step that sets no timeout: its phase ends it before.
const UNLIMITED: Duration = Duration::from_secs(86_400 * 7);
/// A step that waits as long as its timeout allows gets this much more to tell of it.
const TELLING: Duration = Duration::from_secs(1);

/// Why a step was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its phase's time was over.
    PhaseOver(Duration),
    /// The run's time was over.
    RunOver(Duration),
    /// The user wanted to stop.
    Stopped,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) struct StepEnd {
    /// What came of it; a failure is absent when the user stopped it.
    pub(crate) result: Result<Outcome, Option<Box<Failure>>>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// What a step is done with.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Whether it is undone.
    pub(crate) backward: bool,
    /// Ends it at once.
    pub(crate) cut: CancellationToken,
    /// Why it is cut off, once it is.
    pub(crate) why: Arc<OnceLock<Why>>,
    /// What has to be durable before it changes anything; absent where nothing is kept.
    pub(crate) intent: Option<Intent>,
}

/// Who does steps. The dispatcher knows no more of it than this.
#[async_trait]
pub(crate) trait Executor: Send + Sync + 'static {
    /// The configuration, for telling who was waiting.
    fn config(&self) -> &Config;

    /// Does a step, or undoes it, until it ends or is cut off.
    async fn perform(&self, step: &Step, turn: &Turn) -> StepEnd;

    /// The run is to stop: steps that only wait are left at once, others may end by themselves for a while.
    fn stop(&self);

    /// The end of a step whose task broke off.
    fn lost(&self, step: &Step, error: &JoinError, backward: bool) -> StepEnd;
}

/// The plugins as executor.
pub(crate) struct Crew {
    pub(crate) host: PluginHost,
    pub(crate) plugins: BTreeMap<String, Ready>,
    pub(crate) scene: Arc<Scene>,
    pub(crate) health: Arc<HealthWaiter>,
    pub(crate) run: String,
    pub(crate) dry_run: bool,
}

#[async_trait]
impl Executor for Crew {
    fn config(&self) -> &Config {
        &self.scene.config
    }

    async fn perform(&self, step: &Step, turn: &Turn) -> StepEnd {
        let begun = Instant::now();
        let outstanding = Outstanding::default();
        let over = |time, limit| Trouble::Over {
            time,
            limit,
            outstanding: outstanding.get(),
        };
        let called = tokio::select! {
            biased;
            called = self.call(step, turn, &outstanding) => called.map_err(Trouble::Plugin),
            () = self.health.left(&step.key) => Err(Trouble::Stopped),
            () = turn.cut.cancelled() => Err(match turn.why.get() {
                Some(Why::PhaseOver(limit)) => over(Time::Phase, *limit),
                Some(Why::RunOver(limit)) => over(Time::Run, *limit),
                Some(Why::Stopped) | None => Trouble::Stopped,
            }),
        };
        let took = begun.elapsed();
        let result = match called {
            Ok(outcome) => Ok(outcome),
            Err(Trouble::Stopped) => Err(None),
            Err(trouble) => {
                let failure = self.failure(step, &trouble, turn.backward).await;
                Err(Some(Box::new(failure)))
            }
        };
        StepEnd { result, took }
    }

    fn stop(&self) {
        self.health.stop();
    }

    fn lost(&self, step: &Step, error: &JoinError, backward: bool) -> StepEnd {
        let trouble = Trouble::Lost(error.to_string());
        let scene = &self.scene;
        let failure = step_failure(&scene.config, &scene.layout, step, &trouble, backward);
        StepEnd {
            result: Err(Some(Box::new(failure))),
            took: Duration::ZERO,
        }
    }
}

impl Crew {
    async fn call(
        &self,
        step: &Step,
        turn: &Turn,
        outstanding: &Outstanding,
    ) -> Result<Outcome, PluginError> {
        let ready = self
            .plugins
            .get(&step.plugin)
            .ok_or_else(|| PluginError::Invalid {
                plugin: step.plugin.clone(),
                reason: "it is not loaded".to_owned(),
                source: None,
            })?;
        let timeout = step.timeout.unwrap_or(UNLIMITED);
        let call = Call {
            plugin: Arc::clone(&ready.plugin),
            grants: Arc::clone(&ready.grants),
            settings: Arc::clone(&ready.settings),
            caller: step.key.clone(),
            timeout: timeout.saturating_add(TELLING),
            dry_run: self.dry_run,
            intent: turn.intent.clone(),
            outstanding: outstanding.clone(),
        };
        let context = Context {
            run: self.run.clone(),
            environment: self.scene.layout.environment.clone(),
            phase: step.phase,
            dry_run: self.dry_run,
        };
        if turn.backward {
            self.host
                .revert(&self.scene, call, &context, &step.id)
                .await
        } else {
            self.host.apply(&self.scene, call, &context, &step.id).await
        }
    }

    async fn failure(&self, step: &Step, trouble: &Trouble, backward: bool) -> Failure {
        let scene = &self.scene;
        let mut failure = step_failure(&scene.config, &scene.layout, step, trouble, backward);
        if let Some(service) = &failure.service {
            failure.log_tail = log_tail(scene, service).await;
            failure.last_probe = self.health.last_answer(service);
        }
        failure
    }
}
