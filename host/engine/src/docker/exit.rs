//! Waiting for the end of a container, and for a change of its health. The engine tells both; a connection that breaks is made again, because an engine may be restarted meanwhile.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error as ApiError;
use bollard::models::EventMessage;
use bollard::query_parameters::{EventsOptionsBuilder, WaitContainerOptionsBuilder};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tokio::time::Instant;

use super::DockerEngine;
use super::container::{Container, Found, since_parameter};
use super::daemon::Maker;
use super::error::{DockerError, lost, status};
use crate::{Exit, Health, HealthState, RunState};

/// How often the engine starts a container again until that is a crash loop and no slow start.
const LOOP: u32 = 3;
/// How long an engine may be away before a wait gives it up.
const AWAY: Duration = Duration::from_secs(60);
/// Between two tries to reach it, at first and at most.
const FIRST: Duration = Duration::from_millis(50);
const LAST: Duration = Duration::from_secs(1);

/// The exit code of what was killed by `SIGKILL`, which is how the kernel ends what wants more memory than it may have.
const KILLED: i32 = 137;
/// How long after the end of a container the engine may still hear why it was killed.
const HEARSAY: Duration = Duration::from_secs(1);

/// Is there where systemd runs, by `sd_booted(3)`.
const SYSTEMD: &str = "/run/systemd/system";

impl DockerEngine {
    /// Resolves when the service has ended and the engine does not start it again, or does so in vain.
    pub(super) async fn wait_end(&self, service: &str) -> Result<Exit, DockerError> {
        loop {
            let container = match self.through_restarts(|| self.find(service)).await? {
                Found::Absent | Found::Foreign(_) => return Ok(Exit::UNKNOWN),
                Found::Ours(container) => container,
            };
            match container.run_state() {
                RunState::Exited(_) if self.takes_it_along(&container).await? => continue,
                RunState::Exited(exit) => return self.told_whole(&container, exit).await,
                RunState::Created | RunState::Absent => return Ok(Exit::UNKNOWN),
                RunState::Restarting(exit) if exit.restarts >= LOOP => return Ok(exit),
                RunState::Running | RunState::Paused | RunState::Restarting(_) => {}
            }
            let Some(code) = self.next_end(&container).await? else {
                // The connection broke; another look tells.
                continue;
            };
            let Some(after) = self
                .through_restarts(|| self.inspect_container(container.id()))
                .await?
            else {
                return Ok(Exit::of_code(code));
            };
            match after.run_state() {
                RunState::Exited(_) if self.takes_it_along(&after).await? => {}
                RunState::Exited(exit) => return self.told_whole(&after, exit).await,
                // It is up again already, and has forgotten how it ended.
                _ if after.restarts() >= LOOP => {
                    return Ok(Exit {
                        restarts: after.restarts(),
                        oom: after.exit().oom,
                        ..Exit::of_code(code)
                    });
                }
                _ => {}
            }
        }
    }

    /// Whether a container has ended because its engine does, which will start it again when it is back; then it is back. An engine that goes takes no new connection any more, and still answers on
    /// those that it has while it stops its containers.
    async fn takes_it_along(&self, container: &Container) -> Result<bool, DockerError> {
        if !container.comes_back() {
            return Ok(false);
        }
        let connect = || self.0.connection.endpoint().connect();
        match connect().await {
            Ok(_) => Ok(false),
            Err(error) if error.is_lost() => {
                self.through_restarts(connect).await?;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// How a container has ended, with the want of memory that the engine learned of too late to put it into the container's state. Docker hears of the end and of its reason by two ways, and the reason
    /// may come second; then only its events have it.
    pub(super) async fn told_whole(
        &self,
        container: &Container,
        exit: Exit,
    ) -> Result<Exit, DockerError> {
        if exit.oom || exit.code != Some(KILLED) || !container.has_memory_limit() {
            return Ok(exit);
        }
        let mut told = Box::pin(self.events_of(container, &["oom"]).await?);
        let told = tokio::time::timeout(HEARSAY, told.next()).await;
        Ok(Exit {
            oom: matches!(told, Ok(Some(Ok(_)))),
            ..exit
        })
    }

    /// What happens to a container from its last start on. What has happened already is told again, so that nothing is missed between a look and this.
    async fn events_of(
        &self,
        container: &Container,
        events: &[&str],
    ) -> Result<impl Stream<Item = Result<EventMessage, ApiError>> + use<>, DockerError> {
        let filters = HashMap::from([
            ("container", vec![container.id()]),
            ("event", events.to_vec()),
        ]);
        let since = container
            .started_at()
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let options = EventsOptionsBuilder::default()
            .filters(&filters)
            .since(&since_parameter(since))
            .build();
        let client = self.0.connection.client().await?;
        Ok(client.events(Some(options)))
    }

    /// The exit code of a container's next end; absent when the engine did not say.
    pub(super) async fn next_end(&self, container: &Container) -> Result<Option<i32>, DockerError> {
        let client = self.0.connection.client().await?;
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let mut waiting = Box::pin(client.wait_container(container.id(), Some(options)));
        let code = match waiting.next().await {
            Some(Ok(answer)) => answer.status_code,
            Some(Err(ApiError::DockerContainerWaitError { code, .. })) => code,
            Some(Err(error)) if lost(&error) || status(&error) == Some(404) => return Ok(None),
            // The body of an answer that broke off.
            Some(Err(ApiError::JsonDataError { .. } | ApiError::JsonSerdeError { .. })) | None => {
                tokio::time::sleep(FIRST).await;
                return Ok(None);
            }
            Some(Err(error)) => {
                return Err(self.0.connection.failed("wait for the container", error));
            }
        };
        Ok(Some(i32::try_from(code).unwrap_or(i32::MAX)))
    }

    /// Asks again for as long as the engine may be on its way back.
    pub(super) async fn through_restarts<T, F>(
        &self,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, DockerError>
    where
        F: Future<Output = Result<T, DockerError>>,
    {
        let until = Instant::now() + AWAY;
        let mut pause = FIRST;
        loop {
            match ask().await {
                Err(error) if error.is_lost() && Instant::now() < until => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LAST);
                }
                answer => return answer,
            }
        }
    }

    /// What the engine's health check says of a container that runs.
    pub(super) async fn health_of(
        &self,
        service: &str,
    ) -> Result<Option<(Box<Container>, Health)>, DockerError> {
        let found = self.through_restarts(|| self.find(service)).await?;
        let Found::Ours(container) = found else {
            return Ok(None);
        };
        if !container.is_up() {
            return Ok(None);
        }
        let health = container.health();
        Ok(health.map(|health| (container, health)))
    }

    /// Resolves when the health is another than `known`, or there is none any more.
    pub(super) async fn health_other_than(
        &self,
        service: &str,
        known: HealthState,
    ) -> Result<Option<Health>, DockerError> {
        loop {
            let Some((container, health)) = self.health_of(service).await? else {
                return Ok(None);
            };
            if health.state != known {
                return Ok(Some(health));
            }
            if known == HealthState::Starting && self.never_checks().await? {
                return Err(DockerError::NoHealthChecks {
                    container: container.name().to_owned(),
                });
            }
            let events = ["health_status", "die", "destroy"];
            let mut events = Box::pin(self.events_of(&container, &events).await?);
            while let Some(Ok(_)) = events.next().await {
                // What comes along at once is told by one look.
                while let Some(Some(Ok(_))) = events.next().now_or_never() {}
                match self.health_of(service).await? {
                    None => return Ok(None),
                    Some((_, health)) if health.state != known => return Ok(Some(health)),
                    Some(_) => {}
                }
            }
            tokio::time::sleep(FIRST).await;
        }
    }

    /// Whether the engine runs no health checks: podman has timers of systemd run them, and does not say so where there is none.
    async fn never_checks(&self) -> Result<bool, DockerError> {
        let here = self.endpoint().socket_path().is_some();
        Ok(here
            && !Path::new(SYSTEMD).exists()
            && self.0.connection.maker().await? == Maker::Podman)
    }
}
