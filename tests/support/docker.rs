//! The Docker Engine as the tests look at it and change things in it, past chora.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
    KillContainerOptions, ListContainersOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions,
    RemoveVolumeOptions, TagImageOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;

/// The label that says for which project chora made something.
const PROJECT: &str = "dev.chora.project";
/// The label that Compose gives the containers of a service.
const SERVICE: &str = "com.docker.compose.service";
/// An image with a shell and little more.
const SHELL: &str = "chora-test/shell:1";

/// Asks the engine, on a thread of its own: a test may be in a runtime already.
pub(crate) fn ask<T: Send, F: Future<Output = T>>(question: impl FnOnce(Docker) -> F + Send) -> T {
    let asking = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let docker = Docker::connect_with_defaults().expect("a Docker Engine");
            let docker = docker.negotiate_version().await.expect("an answer");
            question(docker).await
        })
    };
    std::thread::scope(|scope| match scope.spawn(asking).join() {
        Ok(answer) => answer,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// The label of everything that chora made for a project.
fn label(project: &Path) -> String {
    let directory = project.canonicalize();
    let directory = directory.unwrap_or_else(|_| project.to_owned());
    format!("{PROJECT}={}", directory.display())
}

/// Every container of a project, running or not.
pub(crate) fn made_for(project: &Path) -> Vec<ContainerSummary> {
    let label = label(project);
    ask(async |docker| {
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&HashMap::from([("label", vec![label.as_str()])]))
            .build();
        docker.list_containers(Some(options)).await.expect("a list")
    })
}

/// The names of the networks and volumes of a project.
pub(crate) fn networks_and_volumes(project: &Path) -> Vec<String> {
    let label = label(project);
    ask(async |docker| {
        let labelled = HashMap::from([("label", vec![label.as_str()])]);
        let options = ListNetworksOptionsBuilder::default()
            .filters(&labelled)
            .build();
        let networks = docker.list_networks(Some(options)).await.expect("a list");
        let options = ListVolumesOptionsBuilder::default()
            .filters(&labelled)
            .build();
        let volumes = docker.list_volumes(Some(options)).await.expect("a list");
        let networks = networks.into_iter().filter_map(|network| network.name);
        let volumes = volumes.volumes.into_iter().flatten().map(|it| it.name);
        networks.chain(volumes).collect()
    })
}

/// Makes a container that is nobody's; it need not run to have its name.
pub(crate) fn make_foreign(name: &str) {
    let image = shell_image();
    ask(async |docker| {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            cmd: Some(vec!["sleep".to_owned(), "1000".to_owned()]),
            ..ContainerCreateBody::default()
        };
        docker.create_container(Some(options), body).await
    })
    .expect("a container");
}

/// Removes a container, and answers whether it was there.
pub(crate) fn remove(name: &str) -> bool {
    ask(async |docker| {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        docker.remove_container(name, Some(options)).await.is_ok()
    })
}

/// Whether the engine has an image of this name.
pub(crate) fn has_image(name: &str) -> bool {
    ask(async |docker| docker.inspect_image(name).await.is_ok())
}

/// Gives an image another name.
pub(crate) fn name_image(image: &str, name: &str) {
    let (repository, tag) = name.rsplit_once(':').expect("a tag");
    ask(async |docker| {
        let options = TagImageOptionsBuilder::default()
            .repo(repository)
            .tag(tag)
            .build();
        docker.tag_image(image, Some(options)).await
    })
    .expect("an image");
}

/// Takes a name from an image, where there is one.
pub(crate) fn forget_image(name: &str) {
    ask(async |docker| {
        let _ = docker
            .remove_image(name, None::<RemoveImageOptions>, None)
            .await;
    });
}

/// What runs for a project: each start of each service, with the service's name.
pub(crate) fn running(project: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for container in made_for(project) {
        let labels = container.labels.unwrap_or_default();
        let service = labels.get(SERVICE).cloned().unwrap_or_default();
        if let Some(start) = start_of(&container.id.expect("an id")) {
            found.insert(start, service);
        }
    }
    found
}

/// What tells a start of a container from any other; absent when it does not run.
pub(crate) fn start_of(id: &str) -> Option<String> {
    let container = inspected(id)?;
    let (id, state) = (container.id?, container.state?);
    (state.running == Some(true)).then(|| format!("{id} {}", state.started_at.unwrap_or_default()))
}

/// The first process of a container.
pub(crate) fn pid_of(id: &str) -> u32 {
    let state = inspected(id).and_then(|container| container.state);
    let pid = state.and_then(|state| state.pid).unwrap_or_default();
    u32::try_from(pid).expect("a process id")
}

fn inspected(id: &str) -> Option<ContainerInspectResponse> {
    // It may have been removed meanwhile.
    ask(async |docker| {
        docker
            .inspect_container(id, None::<InspectContainerOptions>)
            .await
            .ok()
    })
}

/// Kills a container, and waits until it has ended.
pub(crate) fn kill(id: &str) {
    ask(async |docker| {
        let killed = docker.kill_container(id, None::<KillContainerOptions>);
        killed.await.expect("a running container");
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        // Its exit code is an error to the client.
        let _ = docker.wait_container(id, Some(options)).next().await;
    });
}

/// The processes of a container, wherever they hang in the tree.
pub(crate) fn processes_of(id: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        std::fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(id))
    })
    .collect()
}

/// Removes everything that was made for a project, and what it ran with it.
pub(crate) fn clear(project: &Path) {
    let label = label(project);
    ask(async |docker| {
        let labelled = HashMap::from([("label", vec![label.as_str()])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&labelled)
            .build();
        let containers = docker.list_containers(Some(options)).await;
        let removals = containers
            .unwrap_or_default()
            .into_iter()
            .filter_map(|it| it.id);
        let removals = removals.map(|id| {
            let options = RemoveContainerOptionsBuilder::default()
                .force(true)
                .v(true)
                .build();
            let docker = &docker;
            async move { docker.remove_container(&id, Some(options)).await }
        });
        futures_util::future::join_all(removals).await;
        let options = ListNetworksOptionsBuilder::default()
            .filters(&labelled)
            .build();
        let networks = docker.list_networks(Some(options)).await;
        for network in networks.unwrap_or_default() {
            let _ = docker.remove_network(&network.id.unwrap_or_default()).await;
        }
        let options = ListVolumesOptionsBuilder::default()
            .filters(&labelled)
            .build();
        let volumes = docker.list_volumes(Some(options)).await;
        let volumes = volumes.ok().and_then(|it| it.volumes);
        for volume in volumes.unwrap_or_default() {
            let _ = docker
                .remove_volume(&volume.name, None::<RemoveVolumeOptions>)
                .await;
        }
    });
}

/// The name of an image with a shell, which is made once.
pub(crate) fn shell_image() -> &'static str {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        ask(async |docker| {
            if docker.inspect_image(SHELL).await.is_err() {
                make_shell_image(&docker).await;
            }
        });
    });
    SHELL
}

/// Makes the image on this engine.
pub(crate) async fn make_shell_image(docker: &Docker) {
    let options = BuildImageOptionsBuilder::default()
        .t(SHELL)
        .rm(true)
        .build();
    let body = bollard::body_full(shell_context().into());
    let mut steps = Box::pin(docker.build_image(options, None, Some(body)));
    while let Some(step) = steps.next().await {
        step.expect("an image with a shell");
    }
}

fn shell_context() -> Vec<u8> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from);
    let busybox = busybox.iter().find(|path| path.is_file());
    let busybox = busybox.expect("a static busybox; `cargo xtask setup` installs it");
    let busybox = std::fs::read(busybox).expect("a program");
    let steps = ["/bin/busybox", "/bin/sh", "/bin/sleep"];
    let steps = steps.map(|path| format!("COPY busybox {path}\n"));
    let dockerfile = format!("FROM scratch\n{}", steps.concat());
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in [
        ("Dockerfile", 0o644, dockerfile.as_bytes()),
        ("busybox", 0o755, &busybox),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        let added = archive.append_data(&mut header, path, bytes);
        added.expect("an archive");
    }
    archive.into_inner().expect("an archive")
}
