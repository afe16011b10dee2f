//! What a plugin finds on the Docker Engine before it calls: containers, a network, a volume and images with names of the test's own. Gone with the test.

use std::path::PathBuf;
use std::time::Duration;

use chora_engine::docker::Endpoint;
use chora_engine::docker::one_off::{OneOff, OneOffs};
use chora_model::layout::Layout;

use crate::docker_engine;
use crate::registry;

/// What is there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Laid {
    /// Nothing but an image with a shell.
    Nothing,
    /// A container that runs.
    Running,
    /// A container that has ended.
    Ended,
    /// A network and a volume.
    Places,
    /// Another name of the image.
    Image,
    /// A registry with an image.
    Registry,
}

/// The part of the engine that is a test's own.
pub(crate) struct Harbour {
    project: PathBuf,
    prefix: String,
    /// The image that `IMAGE` stands for.
    pub(crate) image: String,
    pub(crate) one_offs: OneOffs,
}

impl Harbour {
    pub(crate) async fn lay(layout: &Layout, laid: Laid) -> Self {
        let name = layout.project.file_name().expect("a name");
        let name = name.to_string_lossy();
        let known = name.chars().filter(char::is_ascii_alphanumeric);
        let prefix = format!("chora-{}", known.collect::<String>().to_lowercase());
        let shell = docker_engine::shell_image().to_owned();
        let image = match laid {
            Laid::Registry => format!("127.0.0.1:{}/{prefix}:1", registry::start()),
            Laid::Image => {
                let name = format!("chora-test/{prefix}:1");
                docker_engine::name_image(&shell, &name);
                name
            }
            Laid::Nothing | Laid::Running | Laid::Ended | Laid::Places => shell.clone(),
        };
        let harbour = Self {
            project: layout.project.clone(),
            prefix,
            image,
            one_offs: OneOffs::open(layout, Endpoint::from_env(), None),
        };
        match laid {
            Laid::Running => harbour.start("echo ready; exec sleep 1000").await,
            Laid::Ended => {
                harbour.start("echo ready").await;
                let container = harbour.container();
                let ended = harbour.one_offs.wait(&container, Duration::from_secs(60));
                ended.await.expect("an end");
            }
            Laid::Places => {
                let network = harbour.network();
                let made = harbour.one_offs.ensure_network(&network, "guest", true);
                made.await.expect("a network");
                let volume = harbour.volume();
                let made = harbour.one_offs.ensure_volume(&volume, "guest");
                made.await.expect("a volume");
            }
            Laid::Nothing | Laid::Image | Laid::Registry => {}
        }
        harbour
    }

    pub(crate) fn container(&self) -> String {
        format!("{}-box", self.prefix)
    }

    pub(crate) fn network(&self) -> String {
        format!("{}-net", self.prefix)
    }

    pub(crate) fn volume(&self) -> String {
        format!("{}-vol", self.prefix)
    }

    async fn start(&self, script: &str) {
        let one = OneOff {
            name: self.container(),
            plugin: "guest".to_owned(),
            image: self.image.clone(),
            command: ["sh", "-c", script].map(str::to_owned).into(),
            memory: 64 << 20,
            ..OneOff::default()
        };
        self.one_offs.start(&one).await.expect("a container");
    }

    /// Everything that is there of the test, and whether its image is.
    pub(crate) fn contents(&self) -> Vec<String> {
        let containers = docker_engine::made_for(&self.project).into_iter();
        let containers = containers.map(|it| format!("{:?} {:?}", it.id, it.state));
        let mut found: Vec<String> = containers.collect();
        found.extend(docker_engine::networks_and_volumes(&self.project));
        found.push(format!("{}", docker_engine::has_image(&self.image)));
        found.sort();
        found
    }
}

impl Drop for Harbour {
    fn drop(&mut self) {
        docker_engine::clear(&self.project);
        if self.image != docker_engine::shell_image() {
            docker_engine::forget_image(&self.image);
        }
    }
}
