//! A project of a test's own on the real engine; everything that it made goes with it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bollard::Docker;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::*;
use chora_compose::{Attachment, Network, Project, Service};
use chora_engine::docker::{DockerEngine, DockerSettings, Endpoint};
use chora_engine::{
    Definition, Engine as _, RunState, SecretEnv, ServiceSpec, Started, Surroundings,
};
use chora_model::config::CredentialSettings;
use chora_model::credentials;
use chora_model::layout::Layout;
use futures_util::StreamExt as _;
use tempfile::TempDir;

use crate::place::{self, Hold};

pub(crate) const GRACE: Duration = Duration::from_secs(20);
pub(crate) const NO_GRACE: Duration = Duration::from_millis(1);
/// What everything is labelled with that a test makes behind the engine's back.
const FOREIGN: &str = "test.chora.world";

/// A project of a test's own.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) layout: Layout,
    pub(crate) engine: DockerEngine,
    pub(crate) client: Docker,
    pub(crate) image: String,
    pub(crate) endpoint: Endpoint,
    /// What its Compose files say.
    pub(crate) project: Arc<Mutex<Project>>,
    _hold: Option<Hold>,
}

impl World {
    /// On the engine that all tests share.
    pub(crate) async fn new() -> Self {
        let (endpoint, hold) = place::engine().await;
        let mut world = Self::at(endpoint).await;
        world._hold = Some(hold);
        world
    }

    /// On an engine of the test's own.
    pub(crate) async fn at(endpoint: Endpoint) -> Self {
        let folder = tempfile::Builder::new().prefix("w").tempdir().unwrap();
        let layout = Layout::new(folder.path(), "dev", true);
        let client = endpoint.connect().await.unwrap();
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        let image = format!("chora-engine-test:{name}");
        crate::image::build(&client, &image, "one").await;
        let project = Project {
            name: format!("chora-{}", name.to_lowercase()),
            directory: folder.path().to_owned(),
            files: vec![folder.path().join("compose.yml")],
            services: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
        };
        let project = Arc::new(Mutex::new(project));
        let mut world = Self {
            engine: engine(&layout, endpoint.clone(), &project),
            folder,
            layout,
            client,
            image,
            endpoint,
            project,
            _hold: None,
        };
        world.network("default", false);
        world
    }

    /// What another chora would make of the same project.
    pub(crate) fn another_engine(&self) -> DockerEngine {
        engine(&self.layout, self.endpoint.clone(), &self.project)
    }

    pub(crate) fn network(&mut self, key: &str, external: bool) {
        let mut project = self.project.lock().unwrap();
        let network = Network {
            key: key.to_owned(),
            name: format!("{}_{key}", project.name),
            external,
            ..Network::default()
        };
        project.networks.insert(key.to_owned(), network);
    }

    pub(crate) fn volume(&mut self, key: &str) {
        let mut project = self.project.lock().unwrap();
        let volume = chora_compose::Volume {
            key: key.to_owned(),
            name: format!("{}_{key}", project.name),
            ..chora_compose::Volume::default()
        };
        project.volumes.insert(key.to_owned(), volume);
    }

    /// Names what the engine makes: `<project><rest>`.
    pub(crate) fn named(&self, rest: &str) -> String {
        format!("{}{rest}", self.project.lock().unwrap().name)
    }

    /// Writes a service into the project's file. Its program ends at once when asked to.
    pub(crate) fn service(&self, name: &str, words: &[&str]) -> ServiceSpec {
        self.service_with(name, words, |_| {})
    }

    pub(crate) fn service_with(
        &self,
        name: &str,
        words: &[&str],
        change: impl FnOnce(&mut Service),
    ) -> ServiceSpec {
        let mut service = Service {
            name: name.to_owned(),
            image: Some(self.image.clone()),
            command: Some(words.iter().map(|word| (*word).to_owned()).collect()),
            init: Some(true),
            networks: BTreeMap::from([("default".to_owned(), Attachment::default())]),
            ..Service::default()
        };
        change(&mut service);
        let mut project = self.project.lock().unwrap();
        project.services.insert(name.to_owned(), service);
        drop(project);
        self.spec(name, Some("compose.yml"), None, None)
    }

    pub(crate) fn spec(
        &self,
        name: &str,
        file: Option<&str>,
        image: Option<&str>,
        port: Option<u16>,
    ) -> ServiceSpec {
        let definition = Definition {
            name: name.to_owned(),
            version: Some("1.0.0".to_owned()),
            command: Vec::new(),
            image: image.map(str::to_owned),
            port,
            environment: BTreeMap::new(),
            docker_compose: file.map(PathBuf::from),
            stop_grace: GRACE,
        };
        let files = ["compose.yml".into()];
        let place = Surroundings {
            layout: &self.layout,
            log_level: "info",
            registry: None,
            registry_inside: None,
            compose_files: if file.is_some() { &files } else { &[] },
            compose_variables: None,
        };
        ServiceSpec::new(definition, place)
    }

    pub(crate) async fn start(&self, spec: &ServiceSpec) -> Started {
        let started = self.engine.start(spec, &SecretEnv::default()).await;
        started.unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// What a start that fails says, causes and all.
    pub(crate) async fn refusal(&self, spec: &ServiceSpec) -> String {
        let error = self.engine.start(spec, &SecretEnv::default()).await;
        chain(&error.unwrap_err())
    }

    pub(crate) async fn state(&self, name: &str) -> RunState {
        self.engine.inspect(name).await.unwrap().state
    }

    pub(crate) async fn id(&self, name: &str) -> String {
        self.engine.inspect(name).await.unwrap().id.unwrap()
    }

    /// The first lines of a service's log, as soon as they are there.
    pub(crate) async fn lines(&self, name: &str, count: usize) -> Vec<String> {
        let lines = self.engine.log_follow(name, usize::MAX).await.unwrap();
        lines.take(count).map(Result::unwrap).collect().await
    }

    /// A container that chora did not make.
    pub(crate) async fn foreign(
        &self,
        name: &str,
        change: impl FnOnce(&mut ContainerCreateBody),
    ) -> String {
        let mut body = ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(vec!["sleep".to_owned()]),
            labels: Some(self.mark()),
            ..ContainerCreateBody::default()
        };
        change(&mut body);
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let made = self
            .client
            .create_container(Some(options), body)
            .await
            .unwrap();
        let start = self
            .client
            .start_container(&made.id, None::<StartContainerOptions>);
        start.await.unwrap();
        made.id
    }

    pub(crate) fn mark(&self) -> HashMap<String, String> {
        let name = self.folder.path().display().to_string();
        HashMap::from([(FOREIGN.to_owned(), name)])
    }

    /// Secrets that differ from call to call.
    pub(crate) fn secrets(&self) -> SecretEnv {
        let folder = tempfile::tempdir().unwrap();
        let settings = CredentialSettings {
            jwt_secret_bits: 256,
            api_key_bits: 256,
            storage_path: None,
        };
        let path = folder.path().join("credentials.json");
        let data = folder.path().join("data");
        let made = credentials::ensure(&path, &settings, &["web".to_owned()], &data).unwrap();
        SecretEnv::for_name("web", &made.credentials)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let endpoint = self.endpoint.clone();
        let folder = self.folder.path().display().to_string();
        let image = self.image.clone();
        // A drop cannot wait for the runtime that it may be run in.
        let cleared = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                // A connection belongs to the runtime that it was made in.
                let Ok(client) = endpoint.connect().await else {
                    return;
                };
                for label in ["dev.chora.project", FOREIGN] {
                    clear(&client, &format!("{label}={folder}")).await;
                }
                let _ = client
                    .remove_image(&image, None::<RemoveImageOptions>, None)
                    .await;
            });
        });
        let _ = cleared.join();
    }
}

/// Removes everything with a label.
async fn clear(client: &Docker, label: &str) {
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filters)
        .build();
    for container in client
        .list_containers(Some(options))
        .await
        .unwrap_or_default()
    {
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let _ = client
            .remove_container(&container.id.unwrap(), Some(options))
            .await;
    }
    let options = ListNetworksOptionsBuilder::default()
        .filters(&filters)
        .build();
    for network in client
        .list_networks(Some(options))
        .await
        .unwrap_or_default()
    {
        let _ = client.remove_network(&network.id.unwrap()).await;
    }
    let options = ListVolumesOptionsBuilder::default()
        .filters(&filters)
        .build();
    if let Ok(volumes) = client.list_volumes(Some(options)).await {
        for volume in volumes.volumes.unwrap_or_default() {
            let _ = client
                .remove_volume(&volume.name, None::<RemoveVolumeOptions>)
                .await;
        }
    }
}

fn engine(layout: &Layout, endpoint: Endpoint, project: &Arc<Mutex<Project>>) -> DockerEngine {
    let project = Arc::clone(project);
    let name = project.lock().unwrap().name.clone();
    let settings = DockerSettings {
        endpoint,
        project: Some(name),
        reader: Some(Arc::new(move |_| Ok(project.lock().unwrap().clone()))),
        program: "/bin/false".into(),
    };
    DockerEngine::open(layout, settings)
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
