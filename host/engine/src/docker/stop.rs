//! Stopping and removing, and sweeping up what the environment leaves behind.

use std::time::Duration;

use bollard::models::ContainerStateStatusEnum;
use bollard::query_parameters::{
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions, StopContainerOptionsBuilder,
};

use super::DockerEngine;
use super::body::whole_seconds;
use super::connection::{QUICK, SLOW};
use super::container::{Container, Found};
use super::error::{DockerError, in_use, status};
use crate::Swept;

/// How long the engine may take beyond the grace.
const AFTER_GRACE: Duration = Duration::from_secs(30);
/// How often a removal by somebody else is looked after, and after what pause.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

impl DockerEngine {
    /// Ends the service's container. True if it ran.
    pub(super) async fn stop_found(
        &self,
        service: &str,
        grace: Duration,
    ) -> Result<bool, DockerError> {
        match self.find(service).await? {
            // What is not ours is not to be stopped.
            Found::Absent | Found::Foreign(_) => Ok(false),
            Found::Ours(container) if container.is_up() => {
                self.end(&container, grace).await?;
                Ok(true)
            }
            Found::Ours(_) => Ok(false),
        }
    }

    /// Stops and removes the service's container with its anonymous volumes. True if there was one.
    pub(super) async fn remove_found(
        &self,
        service: &str,
        grace: Duration,
    ) -> Result<bool, DockerError> {
        let mut removed = false;
        // A service that was renamed and made anew has two.
        while let Found::Ours(container) = self.find(service).await? {
            if container.is_up() {
                self.end(&container, grace).await?;
            }
            removed |= self.discard(container.id()).await?;
        }
        Ok(removed)
    }

    /// Asks a container to end, and lets the engine kill it after the grace; what its file asks for is given as well.
    pub(super) async fn end(
        &self,
        container: &Container,
        grace: Duration,
    ) -> Result<(), DockerError> {
        let own = container.0.config.as_ref().and_then(|it| it.stop_timeout);
        let seconds = whole_seconds(grace).max(own.unwrap_or_default());
        let client = self.0.connection.client().await?;
        let name = container.name().to_owned();
        if container.is(ContainerStateStatusEnum::PAUSED) {
            // A process that is held still cannot end in good order.
            let unpaused = client.unpause_container(container.id());
            let _ = self
                .0
                .connection
                .call("let the container go on", QUICK, unpaused)
                .await;
        }
        let options = StopContainerOptionsBuilder::default()
            .t(i32::try_from(seconds).unwrap_or(i32::MAX))
            .build();
        self.fault("container.stop", "before", &name)?;
        let limit = Duration::from_secs(seconds.unsigned_abs()).saturating_add(AFTER_GRACE);
        let stopped = client.stop_container(container.id(), Some(options));
        self.0
            .connection
            .look_within("stop the container", limit, stopped)
            .await?;
        self.fault("container.stop", "after", &name)
    }

    /// Removes a container with its anonymous volumes. True unless it was gone already.
    pub(super) async fn discard(&self, id: &str) -> Result<bool, DockerError> {
        let client = self.0.connection.client().await?;
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        self.fault("container.remove", "before", id)?;
        let removed = client.remove_container(id, Some(options));
        match tokio::time::timeout(SLOW, removed).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if status(&error) == Some(404) => return Ok(false),
            // Somebody else removes it right now.
            Ok(Err(error)) if status(&error) == Some(409) => {
                self.gone(id).await?;
                return Ok(false);
            }
            Ok(Err(error)) => return Err(self.0.connection.failed("remove the container", error)),
            Err(_) => {
                return Err(DockerError::TimedOut {
                    action: "remove the container",
                    limit: SLOW,
                });
            }
        }
        self.fault("container.remove", "after", id)?;
        Ok(true)
    }

    async fn gone(&self, id: &str) -> Result<(), DockerError> {
        for _ in 0..LOOKS {
            if self.inspect_container(id).await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(DockerError::Contended {
            kind: "container",
            name: id.to_owned(),
        })
    }

    /// Removes the containers that plugins had made, the environment's networks, and its volumes if they are asked for, unless somebody uses them.
    pub(super) async fn sweep_all(&self, volumes: bool) -> Result<Swept, DockerError> {
        let mut swept = Swept::default();
        for container in self.one_offs().await? {
            if self.discard(container.id()).await? {
                swept.containers.push(container.name().to_owned());
            }
        }
        self.sweep_networks(&mut swept).await?;
        if volumes {
            self.sweep_volumes(&mut swept).await?;
        }
        self.forget_note(volumes, &mut swept).await?;
        Ok(swept)
    }

    async fn sweep_networks(&self, swept: &mut Swept) -> Result<(), DockerError> {
        let client = self.0.connection.client().await?;
        let options = ListNetworksOptionsBuilder::default()
            .filters(&self.0.owner.filter())
            .build();
        let listed = client.list_networks(Some(options));
        let listed = self
            .0
            .connection
            .call("list networks", QUICK, listed)
            .await?;
        for network in listed {
            let (Some(id), Some(name)) = (network.id, network.name) else {
                continue;
            };
            self.fault("network.remove", "before", &name)?;
            let key = self.network_key(&id, &name).await?;
            let removed = client.remove_network(key);
            match tokio::time::timeout(QUICK, removed).await {
                Ok(Ok(())) => swept.networks.push(name.clone()),
                Ok(Err(error)) if status(&error) == Some(404) => {}
                Ok(Err(error)) if in_use(&error).is_some() => {
                    swept.kept.push(format!("network `{name}`: {error}"));
                }
                Ok(Err(error)) => return Err(self.0.connection.failed("remove a network", error)),
                Err(_) => {
                    return Err(DockerError::TimedOut {
                        action: "remove a network",
                        limit: QUICK,
                    });
                }
            }
            self.fault("network.remove", "after", &name)?;
        }
        Ok(())
    }

    async fn sweep_volumes(&self, swept: &mut Swept) -> Result<(), DockerError> {
        let client = self.0.connection.client().await?;
        let options = ListVolumesOptionsBuilder::default()
            .filters(&self.0.owner.filter())
            .build();
        let listed = client.list_volumes(Some(options));
        let listed = self
            .0
            .connection
            .call("list volumes", QUICK, listed)
            .await?;
        for volume in listed.volumes.unwrap_or_default() {
            let name = volume.name;
            self.fault("volume.remove", "before", &name)?;
            let removed = client.remove_volume(&name, None::<RemoveVolumeOptions>);
            match tokio::time::timeout(SLOW, removed).await {
                Ok(Ok(())) => swept.volumes.push(name.clone()),
                Ok(Err(error)) if status(&error) == Some(404) => {}
                Ok(Err(error)) if status(&error) == Some(409) => {
                    swept.kept.push(format!("volume `{name}`: {error}"));
                }
                Ok(Err(error)) => return Err(self.0.connection.failed("remove a volume", error)),
                Err(_) => {
                    return Err(DockerError::TimedOut {
                        action: "remove a volume",
                        limit: SLOW,
                    });
                }
            }
            self.fault("volume.remove", "after", &name)?;
        }
        Ok(())
    }
}
