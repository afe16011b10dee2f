//! The engine, the image that is measured with, and clearing away what a measurement left.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptions,
};
use chora_compose::Build;
use chora_engine::docker::Endpoint;
use chora_engine::docker::image::build;

use crate::project::timed;

/// The whole program, in the language of the project.
const SOURCE: &str = include_str!("trivial.rs");
const DOCKERFILE: &str = "FROM scratch\nCOPY trivial /trivial\nENTRYPOINT [\"/trivial\"]\n";
/// The label by which Compose's projects are told apart.
const PROJECT: &str = "com.docker.compose.project";

/// An engine with an image of the trivial program.
pub(super) struct World {
    pub(super) docker: Docker,
    pub(super) image: String,
}

impl World {
    /// Compiles the program and makes the image.
    pub(super) async fn new() -> Result<Self> {
        let docker = Endpoint::from_env().connect().await;
        let docker = docker.context(
            "failed to reach the Docker Engine that containers are measured on; `cargo xtask setup` starts one",
        )?;
        let image = format!("chora-bench/trivial:{}", std::process::id());
        let folder = tempfile::tempdir().context("failed to make a directory")?;
        compile(folder.path())?;
        let section = Build {
            context: folder.path().to_owned(),
            ..Build::default()
        };
        build(&docker, &image, &section, &|_| {}).await?;
        Ok(Self { docker, image })
    }

    /// Removes everything that was made of the image, and the image.
    pub(super) async fn clear(&self) -> Result<()> {
        let of_image = HashMap::from([("ancestor", vec![self.image.as_str()])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&of_image)
            .build();
        let mut projects = BTreeSet::new();
        for container in self.docker.list_containers(Some(options)).await? {
            projects.extend(container.labels.and_then(|mut all| all.remove(PROJECT)));
            let options = RemoveContainerOptionsBuilder::default()
                .force(true)
                .v(true)
                .build();
            let id = container.id.unwrap_or_default();
            self.docker.remove_container(&id, Some(options)).await?;
        }
        for project in projects {
            let label = format!("{PROJECT}={project}");
            let options = ListNetworksOptionsBuilder::default()
                .filters(&HashMap::from([("label", vec![label.as_str()])]))
                .build();
            for network in self.docker.list_networks(Some(options)).await? {
                let id = network.id.unwrap_or_default();
                self.docker.remove_network(&id).await?;
            }
        }
        self.docker
            .remove_image(&self.image, None::<RemoveImageOptions>, None)
            .await
            .context("failed to remove the image that was measured with")?;
        Ok(())
    }
}

/// A program that needs nothing around it.
fn compile(folder: &Path) -> Result<()> {
    let source = folder.join("trivial.rs");
    std::fs::write(&source, SOURCE).context("failed to write the program to measure with")?;
    std::fs::write(folder.join("Dockerfile"), DOCKERFILE)
        .context("failed to write a Dockerfile")?;
    let program = folder.join("trivial");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command
        .args(["--edition", "2024", "-O", "-C", "strip=symbols"])
        .args(["-C", "target-feature=+crt-static", "-C", "panic=abort"])
        .arg("-o")
        .args([&program, &source]);
    timed(&mut command).context("failed to compile the program to measure with")?;
    ensure!(program.is_file(), "the compiler made no program");
    Ok(())
}
