//! How long a container of an image takes to answer.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, RemoveContainerOptions, StartContainerOptions,
};

use super::error::ImageError;
use super::own::Own;

/// Between two questions: what the answer may be late by.
const PAUSE: Duration = Duration::from_millis(2);

/// Makes a container of the image, as locked up as the compose files have theirs, and measures from its making to the first time that `answers` says yes. None when that takes longer
/// than `limit`, or when the engine is on another machine, where its port cannot be reached. The container is removed.
pub async fn start_time(
    docker: &Docker,
    image: &Own,
    limit: Duration,
    answers: impl AsyncFn(SocketAddr) -> bool,
) -> Result<Option<Duration>, ImageError> {
    let failed = |error| ImageError::of("try", &image.reference, error);
    let port = format!("{}/tcp", image.role.port());
    let binding = PortBinding {
        host_ip: Some(Ipv4Addr::LOCALHOST.to_string()),
        host_port: None,
    };
    let body = ContainerCreateBody {
        image: Some(image.reference.clone()),
        host_config: Some(HostConfig {
            port_bindings: Some(HashMap::from([(port.clone(), Some(vec![binding]))])),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let began = Instant::now();
    let id = docker
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .map_err(failed)?
        .id;
    let measured = async {
        docker
            .start_container(&id, None::<StartContainerOptions>)
            .await?;
        let Some(address) = published(docker, &id, &port).await? else {
            return Ok(None);
        };
        while began.elapsed() < limit {
            if answers(address).await {
                return Ok(Some(began.elapsed()));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }
    .await;
    let options = RemoveContainerOptions {
        force: true,
        v: true,
        ..RemoveContainerOptions::default()
    };
    let removed = docker.remove_container(&id, Some(options)).await;
    let measured = measured.map_err(failed)?;
    removed.map_err(failed)?;
    Ok(measured)
}

/// Where the engine published the port.
async fn published(docker: &Docker, id: &str, port: &str) -> Result<Option<SocketAddr>, Error> {
    let container = docker
        .inspect_container(id, None::<InspectContainerOptions>)
        .await?;
    let ports = container
        .network_settings
        .and_then(|settings| settings.ports);
    let binding = ports
        .and_then(|mut ports| ports.remove(port).flatten())
        .and_then(|bindings| bindings.into_iter().next())
        .and_then(|binding| binding.host_port?.parse().ok());
    Ok(binding.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}
