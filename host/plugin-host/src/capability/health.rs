//! `health`: waiting for, and looking at, the health of services.

use std::sync::Arc;
use std::time::Instant;

use chora_model::event::{EventKind, millis};
use chora_model::grant::Access;
use chora_model::plan::StepKey;
use chora_model::text::chain;

use crate::bindings::imports::chora::bootstrap::health::{Error, Host, Report, Verdict};
use crate::call::CallState;
use crate::gate::{Decision, HostFunction};
use crate::health::{HealthError, HealthReport, ProbeTally};
use crate::output::clean_line;
use crate::scene::Scene;

/// The longest reason that is told of a wait in vain, in characters.
const REASON: usize = 500;

impl From<HealthError> for Error {
    fn from(error: HealthError) -> Self {
        match &error {
            HealthError::Exited { log_tail, .. } => {
                let tail: String = log_tail.iter().map(|line| format!("\n{line}")).collect();
                Self::Exited(format!("{error}{tail}"))
            }
            HealthError::TimedOut { .. } => Self::TimedOut(error.to_string()),
            HealthError::Plugin { .. } => Self::Plugin(chain(&error)),
            HealthError::Engine { .. } => Self::Other(chain(&error)),
        }
    }
}

/// The error and what caused it, on one line.
fn reason(error: &HealthError) -> String {
    clean_line(&chain(error), REASON)
}

/// A wait that is under way. However it ends, also when it is cut off, the end is told.
struct Wait {
    scene: Arc<Scene>,
    step: StepKey,
    service: String,
    begun: Instant,
    tally: ProbeTally,
    /// Why the service is not healthy, as far as is known by now.
    reason: Option<String>,
}

impl Wait {
    fn new(scene: Arc<Scene>, step: StepKey, service: String) -> Self {
        Self {
            scene,
            step,
            service,
            begun: Instant::now(),
            tally: ProbeTally::default(),
            reason: Some("the wait was cut off".to_owned()),
        }
    }

    fn tell(mut self, ended: Result<HealthReport, HealthError>) -> Result<Report, Error> {
        match ended {
            Ok(report) => {
                self.reason = None;
                self.scene.events.emit(EventKind::ServiceHealthy {
                    service: self.service.clone(),
                    step: Some(self.step.clone()),
                    waited_ms: millis(report.waited),
                    probes: self.tally.made(),
                    failed_probes: self.tally.failed(),
                    confirm_us: u64::try_from(report.confirm.as_micros()).unwrap_or(u64::MAX),
                });
                Ok(Report {
                    waited: millis(report.waited),
                    probes: self.tally.made(),
                    planned: false,
                    summary: report.summary,
                })
            }
            Err(error) => {
                self.reason = Some(reason(&error));
                Err(error.into())
            }
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(reason) = self.reason.take() else {
            return;
        };
        self.scene.events.emit(EventKind::ServiceNotHealthy {
            service: std::mem::take(&mut self.service),
            step: Some(self.step.clone()),
            waited_ms: millis(self.begun.elapsed()),
            probes: self.tally.made(),
            failed_probes: self.tally.failed(),
            reason,
        });
    }
}

impl Host for CallState {
    async fn wait(&mut self, name: String) -> wasmtime::Result<Result<Report, Error>> {
        let access = Access::Health(&name);
        let arguments: [&[u8]; 1] = [name.as_bytes()];
        let permit = match self
            .enter(HostFunction::HEALTH_WAIT, &access, &arguments)
            .await?
        {
            Decision::Allowed(permit) | Decision::Planned(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
        };
        let scene = Arc::clone(&permit.scene);
        let answer = match scene.config.service(&name) {
            None => Err(Error::UnknownService(name)),
            Some(_) if scene.has_planned() => Ok(planned()),
            Some(service) => {
                let wait = Wait::new(Arc::clone(&scene), self.caller.clone(), name);
                let ended = scene
                    .health
                    .wait(&scene, &self.caller, service, &wait.tally)
                    .await;
                wait.tell(ended)
            }
        };
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn probe(&mut self, name: String) -> wasmtime::Result<Result<Verdict, Error>> {
        let access = Access::Health(&name);
        let arguments: [&[u8]; 1] = [name.as_bytes()];
        let permit = match self
            .enter(HostFunction::HEALTH_PROBE, &access, &arguments)
            .await?
        {
            Decision::Allowed(permit) | Decision::Planned(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
        };
        let scene = Arc::clone(&permit.scene);
        let answer = match scene.config.service(&name) {
            None => Err(Error::UnknownService(name)),
            Some(_) if scene.has_planned() => Ok(planned_verdict()),
            Some(service) => match scene.health.probe(&scene, service).await {
                Ok(verdict) => Ok(Verdict {
                    healthy: verdict.healthy,
                    summary: verdict.summary,
                }),
                Err(error) => Err(error.into()),
            },
        };
        self.leave(permit, 0);
        Ok(answer)
    }
}

fn planned() -> Report {
    Report {
        waited: 0,
        probes: 0,
        planned: true,
        summary: "not looked at: a dry run has planned changes".to_owned(),
    }
}

fn planned_verdict() -> Verdict {
    Verdict {
        healthy: true,
        summary: planned().summary,
    }
}
