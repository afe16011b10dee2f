//! `health`: waiting for, and looking at, the health of services.

use std::time::{Duration, Instant};

use chora_model::event::EventKind;
use chora_model::grant::Access;

use super::chain;
use crate::bindings::imports::chora::bootstrap::health::{Error, Host, Report, Verdict};
use crate::call::CallState;
use crate::gate::{Decision, HostFunction};
use crate::health::{HealthError, ProbeTally};
use crate::output::clean_line;

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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Host for CallState {
    async fn wait(&mut self, name: String) -> wasmtime::Result<Result<Report, Error>> {
        let access = Access::Health(&name);
        let arguments: [&[u8]; 1] = [name.as_bytes()];
        let permit = match self.enter(HostFunction::HEALTH_WAIT, &access, &arguments)? {
            Decision::Allowed(permit) | Decision::Planned(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
        };
        let scene = std::sync::Arc::clone(&permit.scene);
        let (begun, tally) = (Instant::now(), ProbeTally::default());
        let answer = match scene.config.service(&name) {
            None => Err(Error::UnknownService(name)),
            Some(_) if scene.has_planned() => Ok(planned()),
            Some(service) => match scene.health.wait(&scene, service, &tally).await {
                Ok(report) => {
                    scene.events.emit(EventKind::ServiceHealthy {
                        service: name,
                        step: Some(self.caller.clone()),
                        waited_ms: millis(report.waited),
                        probes: tally.made(),
                        failed_probes: tally.failed(),
                        confirm_us: u64::try_from(report.confirm.as_micros()).unwrap_or(u64::MAX),
                    });
                    Ok(Report {
                        waited: millis(report.waited),
                        probes: tally.made(),
                        planned: false,
                        summary: report.summary,
                    })
                }
                Err(error) => {
                    scene.events.emit(EventKind::ServiceNotHealthy {
                        service: name,
                        step: Some(self.caller.clone()),
                        waited_ms: millis(begun.elapsed()),
                        probes: tally.made(),
                        failed_probes: tally.failed(),
                        reason: reason(&error),
                    });
                    Err(error.into())
                }
            },
        };
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn probe(&mut self, name: String) -> wasmtime::Result<Result<Verdict, Error>> {
        let access = Access::Health(&name);
        let arguments: [&[u8]; 1] = [name.as_bytes()];
        let permit = match self.enter(HostFunction::HEALTH_PROBE, &access, &arguments)? {
            Decision::Allowed(permit) | Decision::Planned(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
        };
        let scene = std::sync::Arc::clone(&permit.scene);
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
