//! The Docker Engine as the tests look at it and change things in it, past chora.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, ContainerSummary, HostConfig, PortBinding};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptions, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
};

use crate::support::{Ecosystem, Ports};

/// The label that says for which project chora made something.
const PROJECT: &str = "dev.chora.project";
/// The label that Compose gives the containers of a service.
const SERVICE: &str = "com.docker.compose.service";

/// The reference ecosystem on containers.
pub(crate) fn containers(ports: &Ports) -> String {
    let mut text = chora_model::config::DEFAULT.replace("engine: auto", "engine: docker");
    for (usual, service) in [
        ("8500", "manifest"),
        ("8600", "orchestrator"),
        ("8700", "gateway"),
        ("8800", "analyzer"),
    ] {
        text = text.replace(usual, &ports.of(service).to_string());
    }
    text
}

/// An ecosystem that was brought up.
pub(crate) fn up() -> Ecosystem {
    let ecosystem = Ecosystem::with_config(containers);
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem
}

/// Asks the engine.
pub(crate) fn ask<T, F: Future<Output = T>>(question: impl FnOnce(Docker) -> F) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let docker = Docker::connect_with_defaults().expect("a Docker Engine");
        let docker = docker.negotiate_version().await.expect("an answer");
        question(docker).await
    })
}

/// Everything that is there of a project, running or not, by service.
pub(crate) fn made_for(ecosystem: &Ecosystem) -> BTreeMap<String, ContainerSummary> {
    let directory = ecosystem.path().canonicalize().expect("a directory");
    let label = format!("{PROJECT}={}", directory.display());
    let listed = ask(async |docker| {
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&HashMap::from([("label", vec![label.as_str()])]))
            .build();
        docker.list_containers(Some(options)).await.expect("a list")
    });
    let named = listed.into_iter().map(|container| {
        let service = container.labels.as_ref().and_then(|it| it.get(SERVICE));
        (service.expect("a service").clone(), container)
    });
    named.collect()
}

/// The ids of the containers, by service.
pub(crate) fn ids(ecosystem: &Ecosystem) -> BTreeMap<String, String> {
    let all = made_for(ecosystem).into_iter();
    all.map(|(service, container)| (service, container.id.expect("an id")))
        .collect()
}

/// The networks of a project.
pub(crate) fn networks(ecosystem: &Ecosystem) -> usize {
    let directory = ecosystem.path().canonicalize().expect("a directory");
    let label = format!("{PROJECT}={}", directory.display());
    ask(async |docker| {
        let options = ListNetworksOptionsBuilder::default()
            .filters(&HashMap::from([("label", vec![label.as_str()])]))
            .build();
        docker
            .list_networks(Some(options))
            .await
            .expect("a list")
            .len()
    })
}

pub(crate) fn kill(id: &str) {
    ask(async |docker| {
        docker
            .kill_container(id, None::<KillContainerOptions>)
            .await
    })
    .expect("a killed container");
}

pub(crate) fn pause(id: &str) {
    ask(async |docker| docker.pause_container(id).await).expect("a paused container");
}

pub(crate) fn remove(id: &str) {
    ask(async |docker| {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        docker.remove_container(id, Some(options)).await
    })
    .expect("a removed container");
}

/// A container of somebody else, removed when it is dropped.
pub(crate) struct Foreign {
    pub(crate) id: String,
}

impl Foreign {
    /// Made of an image that is there; it need not run to have its name.
    pub(crate) fn named(name: &str, image: &str) -> Self {
        let created = ask(async |docker| {
            let options = CreateContainerOptionsBuilder::default().name(name).build();
            let body = ContainerCreateBody {
                image: Some(image.to_owned()),
                ..ContainerCreateBody::default()
            };
            docker.create_container(Some(options), body).await
        });
        Self {
            id: created.expect("a container").id,
        }
    }

    /// One that runs, and that is published on a port of this machine.
    pub(crate) fn publishing(name: &str, image: &str, port: u16) -> Self {
        ask(async |docker| {
            let options = CreateContainerOptionsBuilder::default().name(name).build();
            let binding = PortBinding {
                host_ip: Some("127.0.0.1".to_owned()),
                host_port: Some(port.to_string()),
            };
            let body = ContainerCreateBody {
                image: Some(image.to_owned()),
                cmd: Some(vec!["sleep".to_owned(), "1000".to_owned()]),
                exposed_ports: Some(vec!["80/tcp".to_owned()]),
                host_config: Some(HostConfig {
                    port_bindings: Some(HashMap::from([(
                        "80/tcp".to_owned(),
                        Some(vec![binding]),
                    )])),
                    ..HostConfig::default()
                }),
                ..ContainerCreateBody::default()
            };
            let created = docker.create_container(Some(options), body).await;
            let made = Self {
                id: created.expect("a container").id,
            };
            let started = docker.start_container(&made.id, None::<StartContainerOptions>);
            started.await.expect("a running container");
            made
        })
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        remove(&self.id);
    }
}
