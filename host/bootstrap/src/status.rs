//! `chora status`: what is true now. Every service is looked at and probed once, all at the same time; nothing is changed and no lock is taken.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chora_engine::{Exit, RunState};
use chora_model::config::Service;
use chora_model::event::{EventKind, EventSink};
use chora_model::failure::{Code, Failure};
use chora_model::lock;
use chora_model::state::{self, State, Status};
use chora_plugin_host::{HealthService, Scene};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::Serialize;

use crate::health::HealthWaiter;
use crate::project::Project;
use crate::report;

/// The environment in one word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Overall {
    /// Everything was reached and every service is healthy.
    Healthy,
    /// Something is not healthy.
    Degraded,
    /// No bootstrap was ever run here, or all of it was rolled back.
    NotBootstrapped,
    /// The last bootstrap failed, was interrupted, or was killed.
    Failed,
    /// A command is at work.
    InProgress {
        /// Which, since when.
        holder: String,
    },
    /// Later phases were rolled back.
    RolledBack,
}

/// What [`status`] found.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// The environment.
    pub environment: String,
    /// The engine, by name.
    pub engine: String,
    /// The environment in one word.
    pub overall: Overall,
    /// The phase that was reached.
    pub phase: Option<u8>,
    /// What the state says.
    pub status: Option<Status>,
    /// Every service that was asked for.
    pub services: Vec<ServiceStatus>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// The run that the state is of.
    pub run: Option<RunStatus>,
    /// What the user should know besides.
    pub warnings: Vec<String>,
    /// The exit code of the command line's contract.
    pub exit_code: u8,
}

/// The run that the state is of.
#[derive(Debug, Clone, Serialize)]
pub struct RunStatus {
    /// Its identifier.
    pub id: String,
    /// When the first run began.
    pub started_at: Timestamp,
    /// When the last phase was completed.
    pub completed_at: Option<Timestamp>,
    /// How often it was gone on with.
    pub retry_count: u32,
}

/// One service.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: u8,
    /// The version that runs, or else the configured one.
    pub version: Option<String>,
    /// `up`, `unhealthy`, `starting`, `stopped`, `exited`, `absent` or `unknown`.
    pub status: &'static str,
    /// Whether it is healthy.
    pub healthy: bool,
    /// The process, or the engine's name for the container.
    pub id: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Where it answers.
    pub url: Option<String>,
    /// How long it has run.
    pub uptime_seconds: Option<u64>,
    /// The probe's answer, or how it ended.
    pub detail: String,
}

/// Events of a look that nobody is told of.
struct Nobody;

impl EventSink for Nobody {
    fn emit(&self, _kind: EventKind) {}
}

/// Looks at the environment; at all services, or at those that are named.
///
/// # Errors
/// When a name is not configured, or the state or lock cannot be read. An engine that cannot tell about a service is reported with that service.
pub async fn status(project: &Project, services: &[String]) -> Result<StatusReport, Failure> {
    if let Some(unknown) = services
        .iter()
        .find(|name| project.config.service(name).is_none())
    {
        let known: Vec<&str> = project
            .config
            .services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        return Err(Failure::new(
            Code::ConfigError,
            format!("service `{unknown}` is not configured"),
        )
        .next(format!("choose from {}", known.join(", "))));
    }
    let state = state::load(&project.layout).map_err(|error| report::state_failure(&error))?;
    let holder =
        lock::holder(&project.layout.lock()).map_err(|error| report::lock_failure(&error))?;
    let (scene, health) = project.scene(Arc::new(Nobody));
    let chosen = project.config.services.iter();
    let chosen = chosen.filter(|service| services.is_empty() || services.contains(&service.name));
    let looked = chosen.map(|service| look(&scene, &health, service));
    let services = join_all(looked).await;
    let (overall, exit_code) = judge(
        state.as_ref(),
        holder.map(|holder| holder.to_string()),
        &services,
    );
    Ok(StatusReport {
        environment: project.layout.environment.clone(),
        engine: project.engine().kind().to_owned(),
        overall,
        phase: state.as_ref().map(|state| state.current_phase),
        status: state.as_ref().map(|state| state.status),
        services,
        last_error: state.as_ref().and_then(|state| state.last_error.clone()),
        run: state.map(|state| RunStatus {
            id: state.run,
            started_at: state.started_at,
            completed_at: state.completed_at,
            retry_count: state.retry_count,
        }),
        warnings: project
            .plugins()
            .warning()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        exit_code,
    })
}

/// The whole in one word, and the exit code.
fn judge(
    state: Option<&State>,
    holder: Option<String>,
    services: &[ServiceStatus],
) -> (Overall, u8) {
    let reached = state.map_or(0, |state| match state.status {
        Status::RolledBack => state.current_phase,
        Status::InProgress
        | Status::Completed
        | Status::Failed
        | Status::Interrupted
        | Status::RollingBack => u8::MAX,
    });
    let mut expected = services
        .iter()
        .filter(|service| service.phase <= reached)
        .peekable();
    // Of no service at all it is not true that all are healthy.
    let healthy = expected.peek().is_some() && expected.all(|service| service.healthy);
    let by_health = u8::from(!healthy);
    if let Some(holder) = holder {
        return (Overall::InProgress { holder }, by_health);
    }
    match state.map(|state| state.status) {
        None => (Overall::NotBootstrapped, 2),
        Some(Status::RolledBack) if reached == 0 => (Overall::NotBootstrapped, 2),
        Some(Status::RolledBack) => (Overall::RolledBack, by_health),
        Some(Status::Completed) if healthy => (Overall::Healthy, 0),
        Some(Status::Completed) => (Overall::Degraded, 1),
        // Nobody holds the lock, so whoever was at work is not any more.
        Some(Status::Failed | Status::Interrupted | Status::InProgress | Status::RollingBack) => {
            (Overall::Failed, 3)
        }
    }
}

async fn look(scene: &Arc<Scene>, health: &HealthWaiter, service: &Service) -> ServiceStatus {
    let mut found = ServiceStatus {
        name: service.name.clone(),
        phase: service.phase,
        version: service.version.clone(),
        status: "unknown",
        healthy: false,
        id: None,
        port: service.port,
        url: service
            .origin()
            .map(|url| url.as_str().trim_end_matches('/').to_owned()),
        uptime_seconds: None,
        detail: String::new(),
    };
    let status = match scene.engine.inspect(&service.name).await {
        Ok(status) => status,
        Err(error) => {
            found.detail = in_full(&error);
            return found;
        }
    };
    match status.state {
        RunState::Absent => {
            found.status = "absent";
            found.detail = "not started".to_owned();
        }
        RunState::Created => {
            found.status = "stopped";
            found.id = status.id;
            found.detail = "made, and not started".to_owned();
        }
        RunState::Paused => {
            found.status = "unhealthy";
            found.id = status.id;
            found.detail = "paused".to_owned();
        }
        RunState::Restarting(exit) => {
            found.status = "unhealthy";
            found.id = status.id;
            found.detail = format!("ended with {exit}; the engine is starting it again");
        }
        RunState::Exited(exit) => {
            found.status = if was_asked_to(exit) {
                "stopped"
            } else {
                "exited"
            };
            found.detail = format!("ended with {exit}");
        }
        RunState::Running => {
            let uptime = status
                .started_at
                .and_then(|since| Duration::try_from(Timestamp::now().duration_since(since)).ok());
            found.id = status.id;
            found.version = status.version.or(found.version);
            found.uptime_seconds = uptime.map(|uptime| uptime.as_secs());
            match health.probe(scene, service).await {
                Ok(verdict) => {
                    found.healthy = verdict.healthy;
                    found.detail = verdict.summary;
                }
                Err(error) => found.detail = in_full(&error),
            }
            let young = uptime.is_some_and(|uptime| uptime < service.timeout);
            found.status = match (found.healthy, young) {
                (true, _) => "up",
                (false, true) => "starting",
                (false, false) => "unhealthy",
            };
        }
    }
    found
}

/// An error with its causes, in one line.
fn in_full(error: &dyn Error) -> String {
    let mut lines = vec![error.to_string()];
    lines.extend(report::causes(error));
    lines.join(": ")
}

/// A service that ended well, or by the signal that asks a process to end: a container's exit code is then 128 more than the signal's number, as a shell's is.
fn was_asked_to(exit: Exit) -> bool {
    let asked = rustix::process::Signal::TERM.as_raw();
    exit.signal == Some(asked) || [0, 128 + asked].map(Some).contains(&exit.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(phase: u8, healthy: bool) -> ServiceStatus {
        ServiceStatus {
            name: "a".to_owned(),
            phase,
            version: None,
            status: "up",
            healthy,
            id: None,
            port: None,
            url: None,
            uptime_seconds: None,
            detail: String::new(),
        }
    }

    fn state(status: Status, current_phase: u8) -> State {
        State {
            status,
            current_phase,
            ..State::new("dev", "process", "run")
        }
    }

    #[test]
    fn what_was_asked_to_end_is_told_from_what_failed() {
        for asked in [Exit::of_code(0), Exit::of_signal(15), Exit::of_code(143)] {
            assert!(was_asked_to(asked), "{asked}");
        }
        for other in [
            Exit::of_code(1),
            Exit::of_code(137),
            Exit::of_signal(9),
            Exit::UNKNOWN,
        ] {
            assert!(!was_asked_to(other), "{other}");
        }
    }

    #[test]
    fn the_judgement_and_its_exit_code() {
        use Status::{Completed, Failed, InProgress, Interrupted, RolledBack, RollingBack};
        let well = [service(1, true), service(3, true)];
        let ill = [service(1, true), service(3, false)];
        for (state, services, code) in [
            (None, &well[..], 2),
            (Some(state(Completed, 4)), &well[..], 0),
            (Some(state(Completed, 4)), &ill[..], 1),
            (Some(state(Completed, 4)), &[], 1),
            (Some(state(Failed, 2)), &well[..], 3),
            (Some(state(Interrupted, 2)), &well[..], 3),
            (Some(state(InProgress, 2)), &well[..], 3),
            (Some(state(RollingBack, 2)), &well[..], 3),
            (Some(state(RolledBack, 0)), &ill[..], 2),
            (Some(state(RolledBack, 2)), &ill[..], 0),
            (Some(state(RolledBack, 3)), &ill[..], 1),
        ] {
            let status = state.as_ref().map(|state| state.status);
            assert_eq!(judge(state.as_ref(), None, services).1, code, "{status:?}");
        }
        let held = judge(Some(&state(InProgress, 2)), Some("x".to_owned()), &ill);
        assert_eq!(
            held,
            (
                Overall::InProgress {
                    holder: "x".to_owned()
                },
                1
            )
        );
    }
}
