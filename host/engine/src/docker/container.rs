//! Finding a service's container, and what it says of itself.

use std::collections::HashMap;

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, HealthStatusEnum,
    RestartPolicyNameEnum,
};
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::connection::{QUICK, settled};
use super::error::DockerError;
use super::network::short;
use super::{DockerEngine, labels};
use crate::{Exit, Health, HealthState, RunState, SecretEnv, Status};

/// What is found of a service.
pub(super) enum Found {
    Absent,
    /// Somebody else's container has the name.
    Foreign(DockerError),
    Ours(Box<Container>),
}

/// A container of this environment, as the engine described it.
pub(super) struct Container(pub(super) ContainerInspectResponse);

impl Container {
    pub(super) fn id(&self) -> &str {
        self.0.id.as_deref().unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        let name = self.0.name.as_deref().unwrap_or_default();
        name.trim_start_matches('/')
    }

    pub(super) fn labels(&self) -> Option<&HashMap<String, String>> {
        self.0.config.as_ref()?.labels.as_ref()
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels()?.get(name).map(String::as_str)
    }

    /// The id of the image that it was made of.
    pub(super) fn image(&self) -> &str {
        bare(self.0.image.as_deref().unwrap_or_default())
    }

    pub(super) fn has_secrets(&self, secrets: &SecretEnv) -> bool {
        let salt = self.label(labels::SALT).unwrap_or_default();
        self.label(labels::SECRETS) == Some(&secrets.digest(salt))
    }

    pub(super) fn networks(&self) -> impl Iterator<Item = &str> {
        let settings = self.0.network_settings.as_ref();
        let networks = settings.and_then(|settings| settings.networks.as_ref());
        networks
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
    }

    /// The process of this machine that is its first, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        let pid = self.0.state.as_ref()?.pid?;
        u32::try_from(pid).ok().filter(|pid| *pid != 0)
    }

    /// The time of its last start, as the engine's clock had it.
    pub(super) fn started_at(&self) -> Option<jiff::Timestamp> {
        let at: jiff::Timestamp = self.0.state.as_ref()?.started_at.as_ref()?.parse().ok()?;
        // One that was never started has the year 1.
        (at > jiff::Timestamp::UNIX_EPOCH).then_some(at)
    }

    pub(super) fn is(&self, status: ContainerStateStatusEnum) -> bool {
        self.0.state.as_ref().and_then(|state| state.status) == Some(status)
    }

    /// Whether it cannot be started any more.
    pub(super) fn is_dead(&self) -> bool {
        self.is(ContainerStateStatusEnum::DEAD) || self.is(ContainerStateStatusEnum::REMOVING)
    }

    pub(super) fn exit(&self) -> Exit {
        let state = self.0.state.as_ref();
        let code = state.and_then(|state| state.exit_code);
        Exit {
            code: code.and_then(|code| i32::try_from(code).ok()),
            signal: None,
            oom: state.and_then(|state| state.oom_killed).unwrap_or_default(),
            restarts: self.restarts(),
        }
    }

    /// Whether it may use only so much memory.
    pub(super) fn has_memory_limit(&self) -> bool {
        let host = self.0.host_config.as_ref();
        host.and_then(|host| host.memory).unwrap_or_default() > 0
    }

    pub(super) fn restarts(&self) -> u32 {
        let count = self.0.restart_count.unwrap_or_default();
        u32::try_from(count).unwrap_or_default()
    }

    /// Whether the engine starts it again when it is started itself.
    pub(super) fn comes_back(&self) -> bool {
        let host = self.0.host_config.as_ref();
        let policy = host.and_then(|host| host.restart_policy.as_ref()?.name);
        matches!(
            policy,
            Some(RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::UNLESS_STOPPED)
        )
    }

    pub(super) fn run_state(&self) -> RunState {
        let status = self.0.state.as_ref().and_then(|state| state.status);
        match status {
            Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING) => {
                RunState::Running
            }
            Some(ContainerStateStatusEnum::PAUSED) => RunState::Paused,
            Some(ContainerStateStatusEnum::RESTARTING) => RunState::Restarting(self.exit()),
            Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD)
            | Some(ContainerStateStatusEnum::REMOVING) => RunState::Exited(self.exit()),
            Some(ContainerStateStatusEnum::CREATED | ContainerStateStatusEnum::EMPTY) | None => {
                RunState::Created
            }
        }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(
            self.run_state(),
            RunState::Running | RunState::Paused | RunState::Restarting(_)
        )
    }

    /// Whether it has a port of the machine.
    pub(super) fn is_published(&self, port: u16) -> bool {
        let settings = self.0.network_settings.as_ref();
        let ports = settings.and_then(|settings| settings.ports.as_ref());
        let mut bindings = ports
            .into_iter()
            .flatten()
            .flat_map(|(_, bindings)| bindings)
            .flatten();
        bindings.any(|binding| binding.host_port.as_deref() == Some(port.to_string().as_str()))
    }

    pub(super) fn status(&self) -> Status {
        Status {
            state: self.run_state(),
            id: Some(short(self.id())),
            started_at: self.started_at(),
            definition: self.label(labels::DEFINITION).map(str::to_owned),
            version: self.label(labels::SERVICE_VERSION).map(str::to_owned),
        }
    }

    pub(super) fn health(&self) -> Option<Health> {
        let health = self.0.state.as_ref()?.health.as_ref()?;
        let state = match health.status? {
            HealthStatusEnum::STARTING => HealthState::Starting,
            HealthStatusEnum::HEALTHY => HealthState::Healthy,
            HealthStatusEnum::UNHEALTHY => HealthState::Unhealthy,
            HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => return None,
        };
        let last = health.log.as_ref().and_then(|log| log.last());
        let failures = health.failing_streak.unwrap_or_default();
        Some(Health {
            state,
            failures: u32::try_from(failures).unwrap_or_default(),
            answer: last
                .and_then(|last| last.output.as_ref())
                .map(|output| output.trim().to_owned())
                .filter(|output| !output.is_empty()),
        })
    }
}

/// An image's id without the name of its digest, which not every engine writes.
pub(super) fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

impl DockerEngine {
    /// The container of a service: the one of its name, or one of ours that was given another name.
    pub(super) async fn find(&self, service: &str) -> Result<Found, DockerError> {
        let name = self.name_of(service);
        let named = self.inspect_container(&name).await?;
        if let Some(container) = named {
            if self.is_ours(&container, service) {
                return Ok(Found::Ours(Box::new(container)));
            }
            if let Some(renamed) = self.find_labelled(service).await? {
                return Ok(Found::Ours(Box::new(renamed)));
            }
            return Ok(Found::Foreign(DockerError::Foreign {
                kind: "container",
                id: short(container.id()),
                name,
            }));
        }
        Ok(match self.find_labelled(service).await? {
            Some(container) => Found::Ours(Box::new(container)),
            None => Found::Absent,
        })
    }

    fn is_ours(&self, container: &Container, service: &str) -> bool {
        container.labels().is_some_and(|all| self.0.owner.owns(all))
            && container.label(labels::SERVICE) == Some(service)
    }

    pub(super) async fn inspect_container(
        &self,
        name: &str,
    ) -> Result<Option<Container>, DockerError> {
        let client = self.0.connection.client().await?;
        let found = settled(|| client.inspect_container(name, None));
        let found = self.0.connection.look("look at a container", found).await?;
        Ok(found.map(Container))
    }

    async fn find_labelled(&self, service: &str) -> Result<Option<Container>, DockerError> {
        for id in self.ids(&self.0.owner.filter_service(service)).await? {
            if let Some(container) = self.inspect_container(&id).await? {
                return Ok(Some(container));
            }
        }
        Ok(None)
    }

    /// The containers that a filter lets through, running or not.
    pub(super) async fn ids(
        &self,
        filter: &HashMap<String, Vec<String>>,
    ) -> Result<Vec<String>, DockerError> {
        let listed = self.list_containers(true, filter).await?;
        Ok(listed.into_iter().filter_map(|it| it.id).collect())
    }

    pub(super) async fn list_containers(
        &self,
        even_stopped: bool,
        filter: &HashMap<String, Vec<String>>,
    ) -> Result<Vec<ContainerSummary>, DockerError> {
        let client = self.0.connection.client().await?;
        let options = ListContainersOptionsBuilder::default()
            .all(even_stopped)
            .filters(filter)
            .build();
        let listed = settled(|| client.list_containers(Some(options.clone())));
        self.0
            .connection
            .call("list containers", QUICK, listed)
            .await
    }

    /// The status of each service of this environment, sorted.
    pub(super) async fn list_all(&self) -> Result<Vec<(String, Status)>, DockerError> {
        let ids = self.ids(&self.0.owner.filter()).await?;
        let looks = ids.iter().map(|id| self.inspect_container(id));
        let mut all = Vec::with_capacity(ids.len());
        for found in futures_util::future::join_all(looks).await {
            // One that is absent was removed meanwhile.
            if let Some(container) = found?
                && let Some(service) = container.label(labels::SERVICE)
            {
                all.push((service.to_owned(), container.status()));
            }
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all.dedup_by(|(one, _), (other, _)| one == other);
        Ok(all)
    }
}

/// A moment as the engine's API takes it: seconds and nanoseconds of them.
pub(super) fn since_parameter(since: jiff::Timestamp) -> String {
    format!("{}.{:09}", since.as_second(), since.subsec_nanosecond())
}
