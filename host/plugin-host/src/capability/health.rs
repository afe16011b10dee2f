//! `health`: waiting for, and looking at, the health of services.

use std::time::Duration;

use chora_model::event::EventKind;
use chora_model::grant::Access;

use super::chain;
use crate::bindings::imports::chora::bootstrap::health::{Error, Host, Report, Verdict};
use crate::call::CallState;
use crate::gate::{Decision, HostFunction};
use crate::health::HealthError;

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
        let answer = match scene.config.service(&name) {
            None => Err(Error::UnknownService(name)),
            Some(_) if scene.has_planned() => Ok(planned()),
            Some(service) => match scene.health.wait(&scene, service).await {
                Ok(report) => {
                    scene.events.emit(EventKind::ServiceHealthy {
                        service: name,
                        waited_ms: millis(report.waited),
                        probes: report.probes,
                        confirm_us: u64::try_from(report.confirm.as_micros()).unwrap_or(u64::MAX),
                    });
                    Ok(Report {
                        waited: millis(report.waited),
                        probes: report.probes,
                        planned: false,
                        summary: report.summary,
                    })
                }
                Err(error) => Err(error.into()),
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
