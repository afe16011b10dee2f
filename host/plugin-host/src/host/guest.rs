//! The calls of a described plugin: `plan`, `apply`, `revert`, `probe` and `observe`.

mod observe;

use std::sync::Arc;
use std::time::Duration;

use chora_model::event::millis;
use chora_model::plan::Change;

use super::{Call, PluginHost};
use crate::bindings::health_check::exports::chora::bootstrap::health_check as wit_health;
use crate::bindings::imports::chora::bootstrap::types as wit_types;
use crate::bindings::phase::exports::chora::bootstrap::phase as wit_phase;
use crate::call::CallParts;
use crate::gate::Mode;
use crate::output::clean_line;
use crate::plugin::Pre;
use crate::{
    Context, GuestFailure, Outcome, PlannedStep, PluginError, PluginKind, Scene, Target, Verdict,
};

/// The longest sentence that is taken from a guest.
const SENTENCE: usize = 4_000;

impl PluginHost {
    /// Asks a phase plugin for its steps. Only their number is checked here.
    pub async fn plan(
        &self,
        scene: &Arc<Scene>,
        call: Call,
        context: &Context,
    ) -> Result<Vec<PlannedStep>, PluginError> {
        let pre = phase_of(&call)?;
        let limit = call.timeout.min(self.limits().call);
        let parts = parts(scene, &call, Mode::Look, None);
        let context = context_for_guest(scene, context);
        let mut open = self.open(&call.plugin.name, "plan".to_owned(), parts, limit)?;
        let ended = tokio::time::timeout(limit, async {
            let guest = pre.instantiate_async(&mut open.store).await?;
            let guest = guest.chora_bootstrap_phase();
            let answer = guest.call_plan(&mut open.store, &context).await?;
            Ok(answer.map_err(failure_of))
        })
        .await;
        let steps = open.settle(ended)?;
        if steps.len() > self.limits().steps {
            return Err(PluginError::Limit {
                plugin: call.plugin.name.clone(),
                call: "plan".to_owned(),
                what: "the number of steps".to_owned(),
                limit: self.limits().steps.to_string(),
                outstanding: None,
            });
        }
        Ok(steps.into_iter().map(PlannedStep::from).collect())
    }

    /// Lets a phase plugin bring one step about.
    pub async fn apply(
        &self,
        scene: &Arc<Scene>,
        call: Call,
        context: &Context,
        step: &str,
    ) -> Result<Outcome, PluginError> {
        let pre = phase_of(&call)?;
        let parts = parts(scene, &call, acting(&call), None);
        let context = context_for_guest(scene, context);
        let limit = call.timeout;
        let mut open = self.open(&call.plugin.name, format!("apply({step})"), parts, limit)?;
        let ended = tokio::time::timeout(limit, async {
            let guest = pre.instantiate_async(&mut open.store).await?;
            let guest = guest.chora_bootstrap_phase();
            let answer = guest.call_apply(&mut open.store, &context, step).await?;
            Ok(answer.map_err(failure_of))
        })
        .await;
        open.settle(ended).map(Outcome::from)
    }

    /// Lets a phase plugin undo one step.
    pub async fn revert(
        &self,
        scene: &Arc<Scene>,
        call: Call,
        context: &Context,
        step: &str,
    ) -> Result<Outcome, PluginError> {
        let pre = phase_of(&call)?;
        let parts = parts(scene, &call, acting(&call), None);
        let context = context_for_guest(scene, context);
        let limit = call.timeout;
        let mut open = self.open(&call.plugin.name, format!("revert({step})"), parts, limit)?;
        let ended = tokio::time::timeout(limit, async {
            let guest = pre.instantiate_async(&mut open.store).await?;
            let guest = guest.chora_bootstrap_phase();
            let answer = guest.call_revert(&mut open.store, &context, step).await?;
            Ok(answer.map_err(failure_of))
        })
        .await;
        open.settle(ended).map(Outcome::from)
    }

    /// Lets a health plugin look at a service once.
    pub async fn probe(
        &self,
        scene: &Arc<Scene>,
        call: Call,
        target: &Target,
    ) -> Result<Verdict, PluginError> {
        let Pre::Health(pre) = &call.plugin.pre else {
            return Err(wrong_kind(&call, PluginKind::Health));
        };
        // The guest is told the probe's own timeout; the rest is for telling of it.
        let limit = call
            .timeout
            .min(target.timeout.saturating_add(Duration::from_secs(1)));
        let parts = parts(scene, &call, Mode::Look, Some(target.service.clone()));
        let asked = wit_health::Target {
            service: target.service.clone(),
            endpoint: target.endpoint.clone(),
            port: target.port,
            timeout: millis(target.timeout),
        };
        let name = format!("probe({})", target.service);
        let (pre, place) = match self.place(&call.plugin) {
            Some((pre, place)) => (pre, Some(place)),
            None => (pre, None),
        };
        let mut open = self.open_in(pre.engine(), &call.plugin.name, name, parts, limit)?;
        open.place = place;
        let ended = tokio::time::timeout(limit, async {
            let guest = pre.instantiate_async(&mut open.store).await?;
            let guest = guest.chora_bootstrap_health_check();
            let answer = guest.call_probe(&mut open.store, &asked).await?;
            Ok(answer.map_err(|error| match error {
                wit_health::Error::Unsupported(text) | wit_health::Error::Other(text) => {
                    GuestFailure {
                        message: clean_line(&text, SENTENCE),
                        ..GuestFailure::default()
                    }
                }
            }))
        })
        .await;
        let verdict = open.settle(ended)?;
        Ok(Verdict {
            healthy: verdict.healthy,
            summary: clean_line(&verdict.summary, SENTENCE),
        })
    }
}

fn phase_of(
    call: &Call,
) -> Result<&crate::bindings::phase::PhasePluginPre<crate::call::CallState>, PluginError> {
    match &call.plugin.pre {
        Pre::Phase(pre) => Ok(pre),
        Pre::Health(_) | Pre::Observer(_) => Err(wrong_kind(call, PluginKind::Phase)),
    }
}

fn wrong_kind(call: &Call, wanted: PluginKind) -> PluginError {
    PluginError::Invalid {
        plugin: call.plugin.name.clone(),
        reason: format!(
            "it is {}, and {} is needed here",
            call.plugin.kind.one(),
            wanted.one()
        ),
        source: None,
    }
}

fn acting(call: &Call) -> Mode {
    if call.dry_run {
        Mode::DryRun
    } else {
        Mode::Act
    }
}

fn parts(scene: &Arc<Scene>, call: &Call, mode: Mode, probed: Option<String>) -> CallParts {
    CallParts {
        scene: Some(Arc::clone(scene)),
        grants: Arc::clone(&call.grants),
        settings: Arc::clone(&call.settings),
        caller: call.caller.clone(),
        digest: call.plugin.digest.clone(),
        mode,
        probed,
        intent: call.intent.clone(),
        outstanding: call.outstanding.clone(),
    }
}

fn context_for_guest(scene: &Scene, context: &Context) -> wit_phase::Context {
    wit_phase::Context {
        run_id: context.run.clone(),
        environment: context.environment.clone(),
        phase: context.phase,
        dry_run: context.dry_run,
        services: scene
            .config
            .services
            .iter()
            .map(|service| wit_types::Service {
                name: service.name.clone(),
                phase: service.phase,
                role: service.role.clone(),
                deploy_via: service.deploy_via.clone(),
                version: service.version.clone(),
                port: service.port,
                health_endpoint: service.health_endpoint.clone(),
                dependencies: service.dependencies.clone(),
                timeout: millis(service.timeout),
            })
            .collect(),
    }
}

fn failure_of(error: wit_phase::Error) -> GuestFailure {
    let line = |text: &String| clean_line(text, SENTENCE);
    match error {
        wit_phase::Error::Failed(failure) => GuestFailure {
            message: line(&failure.message),
            service: failure.service.as_ref().map(line),
            causes: failure.causes.iter().take(10).map(line).collect(),
            next_actions: failure.next_actions.iter().take(10).map(line).collect(),
        },
        wit_phase::Error::UnknownStep(step) => GuestFailure {
            message: format!(
                "the plugin does not know its step `{}` any more",
                line(&step)
            ),
            ..GuestFailure::default()
        },
        wit_phase::Error::Other(text) => GuestFailure {
            message: line(&text),
            ..GuestFailure::default()
        },
    }
}

impl From<wit_phase::Step> for PlannedStep {
    fn from(step: wit_phase::Step) -> Self {
        Self {
            id: step.id,
            title: clean_line(&step.title, SENTENCE),
            needs: step.needs,
            service: step.service,
            timeout: step.timeout.map(Duration::from_millis),
            disturbs: step.disturbs,
        }
    }
}

impl From<wit_phase::Outcome> for Outcome {
    fn from(outcome: wit_phase::Outcome) -> Self {
        Self {
            change: outcome.change.into(),
            summary: clean_line(&outcome.summary, SENTENCE),
            warnings: outcome
                .warnings
                .iter()
                .take(20)
                .map(|warning| clean_line(warning, SENTENCE))
                .collect(),
        }
    }
}

impl From<wit_types::Change> for Change {
    fn from(change: wit_types::Change) -> Self {
        match change {
            wit_types::Change::Changed => Self::Changed,
            wit_types::Change::Unchanged => Self::Unchanged,
            wit_types::Change::Planned => Self::Planned,
        }
    }
}

impl From<Change> for wit_types::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::Changed => Self::Changed,
            Change::Unchanged => Self::Unchanged,
            Change::Planned => Self::Planned,
        }
    }
}
