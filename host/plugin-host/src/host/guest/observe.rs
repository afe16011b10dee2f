//! `observe`: an observer is told one event.

use std::sync::Arc;

use chora_model::event::{RunKind, millis};

use super::{SENTENCE, acting, parts, wrong_kind};
use crate::bindings::observer::exports::chora::bootstrap::observer as wit;
use crate::host::{Call, PluginHost};
use crate::output::clean_line;
use crate::plugin::Pre;
use crate::{
    GuestFailure, ObservedEvent, ObservedFailure, ObservedRun, PluginError, PluginKind, Scene,
};

impl PluginHost {
    /// Tells an observer one event.
    pub async fn observe(
        &self,
        scene: &Arc<Scene>,
        call: Call,
        run: &ObservedRun,
        event: &ObservedEvent,
    ) -> Result<(), PluginError> {
        let Pre::Observer(pre) = &call.plugin.pre else {
            return Err(wrong_kind(&call, PluginKind::Observer));
        };
        let limit = call.timeout.min(self.limits().call);
        let parts = parts(scene, &call, acting(&call), None);
        let name = format!("observe({})", event.name());
        let mut open = self.open(&call.plugin.name, name, parts, limit)?;
        let (run, event) = (run_for_guest(run), event_for_guest(event));
        let ended = tokio::time::timeout(limit, async {
            let guest = pre.instantiate_async(&mut open.store).await?;
            let guest = guest.chora_bootstrap_observer();
            let answer = guest.call_observe(&mut open.store, &run, &event).await?;
            Ok(answer.map_err(|text| GuestFailure {
                message: clean_line(&text, SENTENCE),
                ..GuestFailure::default()
            }))
        })
        .await;
        open.settle(ended)
    }
}

fn run_for_guest(run: &ObservedRun) -> wit::Run {
    wit::Run {
        id: run.id.clone(),
        kind: match run.kind {
            RunKind::Bootstrap => wit::RunKind::Bootstrap,
            RunKind::Rollback => wit::RunKind::Rollback,
            RunKind::Reset => wit::RunKind::Reset,
            RunKind::Validate => wit::RunKind::Validate,
        },
        environment: run.environment.clone(),
        dry_run: run.dry_run,
    }
}

fn event_for_guest(event: &ObservedEvent) -> wit::Event {
    match event {
        ObservedEvent::RunStarted => wit::Event::RunStarted,
        ObservedEvent::PhaseStarted {
            phase,
            name,
            steps,
            undo,
        } => wit::Event::PhaseStarted(wit::PhaseStart {
            phase: *phase,
            name: name.clone(),
            steps: number(*steps),
            undo: *undo,
        }),
        ObservedEvent::ServiceHealthy { service, waited } => {
            wit::Event::ServiceHealthy(wit::Health {
                service: service.clone(),
                waited: millis(*waited),
            })
        }
        ObservedEvent::RunFailed {
            interrupted,
            failures,
            duration,
        } => wit::Event::RunFailed(wit::RunFailure {
            interrupted: *interrupted,
            failures: failures.iter().map(failure_for_guest).collect(),
            duration: millis(*duration),
        }),
        ObservedEvent::RunCompleted {
            changed,
            unchanged,
            skipped,
            duration,
        } => wit::Event::RunCompleted(wit::RunResult {
            changed: number(*changed),
            unchanged: number(*unchanged),
            skipped: number(*skipped),
            duration: millis(*duration),
        }),
    }
}

fn failure_for_guest(failure: &ObservedFailure) -> wit::Failure {
    wit::Failure {
        code: failure.code.clone(),
        message: failure.message.clone(),
        phase: failure.phase,
        service: failure.service.clone(),
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
