//! The Compose project that a service belongs to, and its own part of it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chora_compose::{
    Attachment, ComposeError, Mount, Network, Options, Port, PortRange, Project, Protocol, Service,
    Source,
};
use chora_model::config::built_in_compose_file;
use chora_model::layout::Layout;

use super::connection::Endpoint;
use super::error::DockerError;
use super::naming;
use crate::ServiceSpec;

/// The user that containers run as where chora runs as root.
const NOBODY: u32 = 65532;

/// What reading Compose files needs to know.
#[derive(Debug, Clone)]
pub struct ComposeSource {
    /// The files, in the order in which they are merged.
    pub files: Vec<PathBuf>,
    /// The project's directory.
    pub directory: PathBuf,
    /// The project's name.
    pub name: String,
    /// Variables that chora adds to those of the process and of the project's `.env`.
    pub variables: BTreeMap<String, String>,
}

/// Where a project comes from, when it is not files. What is wrong is told in words.
pub type ComposeReader = Arc<dyn Fn(&ComposeSource) -> Result<Project, String> + Send + Sync>;

/// Reads the files of a project, and what is noticed on the way.
fn read_files(source: &ComposeSource) -> Result<(Project, Vec<String>), DockerError> {
    let failed = |error: &dyn std::error::Error| {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let lines: Vec<String> = causes.map(ToString::to_string).collect();
        DockerError::Compose {
            reason: lines.join(": "),
        }
    };
    let variables = Variables::read(&source.directory, source.variables.clone());
    let variables = variables.map_err(|error| failed(&error))?;
    let lookup = |name: &str| variables.get(name);
    if let Some(name) = lookup(naming::VARIABLE)
        && !name.is_empty()
        && name != chora_compose::project_name(&name)
    {
        return Err(DockerError::ProjectName { name });
    }
    let files = source.files.iter();
    let sources: Result<Vec<Source>, _> = files.map(|it| file_of(&source.directory, it)).collect();
    let sources = sources.map_err(|error| failed(&error))?;
    let options = Options {
        directory: &source.directory,
        name: Some(&source.name),
        default_name: &source.name,
        variables: &lookup,
    };
    let loaded = chora_compose::load(&sources, options).map_err(|error| failed(&error))?;
    let warnings = loaded.warnings.iter().map(ToString::to_string).collect();
    Ok((loaded.project, warnings))
}

/// What the variables in Compose files stand for: what chora sets, what the environment has, and what the project's `.env` says, in this order.
pub(super) struct Variables {
    own: BTreeMap<String, String>,
    file: chora_compose::dotenv::Variables,
}

impl Variables {
    fn read(directory: &Path, own: BTreeMap<String, String>) -> Result<Self, ComposeError> {
        let file = chora_compose::env_file(directory, &|name| outer(&own, name))?;
        Ok(Self { own, file })
    }

    /// The same without a `.env` that cannot be read.
    pub(super) fn lenient(directory: &Path, own: BTreeMap<String, String>) -> Self {
        let file = chora_compose::env_file(directory, &|name| outer(&own, name));
        let file = file.unwrap_or_default();
        Self { own, file }
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        outer(&self.own, name).or_else(|| self.file.get(name).map(str::to_owned))
    }
}

fn outer(own: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let own = own.get(name).cloned();
    own.or_else(|| std::env::var(name).ok())
}

/// A Compose file: the project's own, or the built-in one where the project has none of that path.
pub(super) fn file_of(directory: &Path, path: &Path) -> Result<Source, ComposeError> {
    let built_in = path
        .strip_prefix(directory)
        .ok()
        .and_then(built_in_compose_file);
    match built_in {
        Some(text) if !path.exists() => Ok(Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }),
        Some(_) | None => Source::read(path),
    }
}

/// Who the containers run as: whoever runs chora, or nobody in particular where that is root.
pub(super) fn user() -> (u32, u32) {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    if uid.is_root() {
        (NOBODY, NOBODY)
    } else {
        (uid.as_raw(), gid.as_raw())
    }
}

/// The variables that chora gives to Compose files, whatever is configured.
pub(super) fn variables(layout: &Layout, endpoint: &Endpoint) -> BTreeMap<String, String> {
    let (uid, gid) = user();
    let path = |path: PathBuf| path.display().to_string();
    let mut variables = BTreeMap::from([
        ("CHORA_PROJECT", path(layout.project.clone())),
        ("CHORA_HOME", path(layout.home.clone())),
        ("CHORA_DATA", path(layout.data())),
        ("CHORA_SECRETS", path(layout.secrets())),
        ("CHORA_ENVIRONMENT", layout.environment.clone()),
        ("CHORA_UID", uid.to_string()),
        ("CHORA_GID", gid.to_string()),
    ]);
    if let Some(socket) = endpoint.socket_path() {
        use std::os::unix::fs::MetadataExt as _;
        variables.insert("CHORA_DOCKER_SOCKET", socket.display().to_string());
        if let Ok(metadata) = std::fs::metadata(socket) {
            variables.insert("CHORA_DOCKER_GID", metadata.gid().to_string());
        }
    }
    let owned = variables.into_iter();
    owned
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A service with the project around it.
pub(super) struct Composed {
    pub(super) project: Project,
    pub(super) service: Service,
    /// What is no error in the files and yet not as it may have been meant.
    pub(super) warnings: Vec<String>,
}

impl Composed {
    /// Reads the files of the environment, and adds the service where it has none of its own.
    pub(super) fn read(
        spec: &ServiceSpec,
        source: ComposeSource,
        reader: Option<&ComposeReader>,
    ) -> Result<Self, DockerError> {
        let (mut project, warnings) = match reader {
            Some(reader) => {
                let read = reader(&source).map_err(|reason| DockerError::Compose { reason });
                (read?, Vec::new())
            }
            None if !source.files.is_empty() => read_files(&source)?,
            None => {
                let project = Project {
                    name: source.name,
                    directory: source.directory,
                    files: Vec::new(),
                    services: BTreeMap::new(),
                    networks: BTreeMap::new(),
                    volumes: BTreeMap::new(),
                };
                (project, Vec::new())
            }
        };
        let composed = project.services.get(&spec.name).cloned();
        let mut service = match (composed, &spec.docker_compose) {
            (Some(service), _) => service,
            (None, Some(file)) => {
                return Err(DockerError::NotInCompose {
                    file: file.display().to_string(),
                });
            }
            (None, None) => plain(spec, &mut project)?,
        };
        // What is configured stands over what a file says, as it does for variables.
        if let Some(image) = &spec.image {
            service.image = Some(image.clone());
        }
        if service.image.is_none() && service.build.is_some() {
            service.image = Some(format!("{}-{}", project.name, spec.name));
        }
        if service.image.is_none() {
            return Err(DockerError::NothingToRun);
        }
        Ok(Self {
            project,
            service,
            warnings,
        })
    }

    pub(super) fn image(&self) -> &str {
        self.service.image.as_deref().unwrap_or_default()
    }

    /// The engine's names of the networks that it joins, the one with the highest priority first.
    pub(super) fn networks(&self) -> Vec<(&Network, &Attachment)> {
        let joined = self.service.networks.iter();
        let mut joined: Vec<_> = joined
            .filter_map(|(key, attachment)| Some((self.project.networks.get(key)?, attachment)))
            .collect();
        joined.sort_by_key(|(_, attachment)| std::cmp::Reverse(attachment.priority));
        joined
    }

    /// The named volumes that it mounts.
    pub(super) fn volumes(&self) -> impl Iterator<Item = &chora_compose::Volume> {
        self.service.mounts.iter().filter_map(|mount| {
            let Mount { kind, .. } = mount;
            match kind {
                chora_compose::MountKind::Volume { source, .. } => {
                    self.project.volumes.get(source.as_ref()?)
                }
                chora_compose::MountKind::Bind(_) | chora_compose::MountKind::Tmpfs(_) => None,
            }
        })
    }
}

/// A service that only names an image: its port is published for this machine alone.
fn plain(spec: &ServiceSpec, project: &mut Project) -> Result<Service, DockerError> {
    let image = spec.image.clone().ok_or(DockerError::NothingToRun)?;
    let key = "default".to_owned();
    let network = Network {
        key: key.clone(),
        name: format!("{}_default", project.name),
        ..Network::default()
    };
    project.networks.entry(key.clone()).or_insert(network);
    let port = spec.port.map(|port| Port {
        target: port,
        protocol: Protocol::Tcp,
        host_ip: Some("127.0.0.1".to_owned()),
        published: Some(PortRange::one(port)),
    });
    Ok(Service {
        name: spec.name.clone(),
        image: Some(image),
        ports: port.into_iter().collect(),
        networks: BTreeMap::from([(key, Attachment::default())]),
        ..Service::default()
    })
}

/// Sorted maps as the engine's models have them.
pub(super) fn unsorted(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    let all = map
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    Some(all.collect()).filter(|map: &HashMap<_, _>| !map.is_empty())
}
