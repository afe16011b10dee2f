//! What to run: a service as an engine sees it, secrets apart.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chora_model::config::{Config, Service};
use chora_model::credentials::{Credentials, JWT_SECRET};
use chora_model::layout::Layout;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A service as an engine runs it. Holds no secret and can be shown and hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// The service's name.
    pub name: String,
    /// Its version, where configured.
    pub version: Option<String>,
    /// Program and arguments for the process engine.
    pub command: Vec<String>,
    /// The container image.
    pub image: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Environment variables that chora sets, paths as they are on this machine.
    pub set: BTreeMap<String, String>,
    /// Environment variables that are configured, laid over those that chora sets. Holds no secret.
    pub environment: BTreeMap<String, String>,
    /// The service's own Compose file, absolute.
    pub docker_compose: Option<PathBuf>,
    /// The Compose files of all services of the environment, in the order in which they are merged.
    pub compose_files: Vec<PathBuf>,
    /// Variables of the Compose files that tell of the services; see [`compose_variables`].
    pub compose_variables: BTreeMap<String, String>,
    /// Where the registry is for who reaches it by its name, as containers of one network do.
    pub registry_inside: Option<String>,
    /// The working directory: the project.
    pub directory: PathBuf,
    /// A directory for the service's data; made before the start.
    pub data: PathBuf,
    /// How long it may take to end.
    pub stop_grace: Duration,
}

/// The part of a service that its owner decides, wherever it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The service's name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The container image.
    pub image: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Environment variables, laid over those that chora sets.
    pub environment: BTreeMap<String, String>,
    /// Its Compose file, absolute or relative to the project.
    pub docker_compose: Option<PathBuf>,
    /// How long it may take to end.
    pub stop_grace: Duration,
}

/// What the place tells a service of the world around it.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The environment's files.
    pub layout: &'a Layout,
    /// How much it is to log.
    pub log_level: &'a str,
    /// Where the registry is, for all but the registry itself.
    pub registry: Option<&'a str>,
    /// The same for a container, which reaches the registry by its service's name.
    pub registry_inside: Option<&'a str>,
    /// The Compose files of all services, in the order in which they are merged.
    pub compose_files: &'a [PathBuf],
    /// Variables of the Compose files that tell of the services; absent where there are none.
    pub compose_variables: Option<&'a BTreeMap<String, String>>,
}

impl ServiceSpec {
    /// A definition in its place.
    pub fn new(definition: Definition, place: Surroundings<'_>) -> Self {
        let data = place.layout.service_data(&definition.name);
        let set = [
            ("CHORA_SERVICE", Some(definition.name.clone())),
            ("CHORA_ENVIRONMENT", Some(place.layout.environment.clone())),
            ("DATA_DIR", Some(data.display().to_string())),
            ("LOG_LEVEL", Some(place.log_level.to_owned())),
            ("PORT", definition.port.map(|port| port.to_string())),
            ("SERVICE_VERSION", definition.version.clone()),
            ("MANIFEST_URL", place.registry.map(str::to_owned)),
        ];
        let set = set
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        let project = &place.layout.project;
        let absolute = |path: &PathBuf| project.join(path);
        Self {
            name: definition.name,
            version: definition.version,
            command: definition.command,
            image: definition.image,
            port: definition.port,
            set,
            environment: definition.environment,
            docker_compose: definition.docker_compose.as_ref().map(absolute),
            compose_files: place.compose_files.iter().map(absolute).collect(),
            compose_variables: place.compose_variables.cloned().unwrap_or_default(),
            registry_inside: place.registry_inside.map(str::to_owned),
            directory: place.layout.project.clone(),
            data,
            stop_grace: definition.stop_grace,
        }
    }

    /// What a configured service is to an engine.
    pub fn of(config: &Config, service: &Service, layout: &Layout) -> Self {
        let mut set = BTreeMap::new();
        let role = service.role.as_deref();
        if matches!(role, Some("registry" | "orchestrator")) {
            let file = match &config.credentials.storage_path {
                Some(path) => layout.project.join(path),
                None => layout.credentials(),
            };
            set.insert("CREDENTIALS_FILE".to_owned(), file.display().to_string());
        }
        if role == Some("orchestrator") {
            let project = layout.project.display().to_string();
            set.insert("CHORA_PROJECT".to_owned(), project);
            let home = layout.home.display().to_string();
            set.insert("CHORA_HOME".to_owned(), home);
        }
        let registry = config
            .with_role("registry")
            .filter(|registry| registry.name != service.name);
        let inside = registry.and_then(inside);
        let registry = registry.and_then(Service::origin);
        let compose_files = compose_files(config);
        let compose_variables = compose_variables(config);
        let definition = Definition {
            name: service.name.clone(),
            version: service.version.clone(),
            command: service.command.clone(),
            image: service.image.clone(),
            port: service.port,
            environment: service.environment.clone(),
            docker_compose: service.docker_compose.clone(),
            stop_grace: service.stop_grace,
        };
        let place = Surroundings {
            layout,
            log_level: &config.logging.level,
            registry: registry
                .as_ref()
                .map(|url| url.as_str().trim_end_matches('/')),
            registry_inside: inside.as_deref(),
            compose_files: &compose_files,
            compose_variables: Some(&compose_variables),
        };
        let mut spec = Self::new(definition, place);
        spec.set.extend(set);
        spec
    }

    /// The environment of a process on this machine: what chora sets, and over it what is configured.
    pub fn variables(&self) -> BTreeMap<&str, &str> {
        let all = self.set.iter().chain(&self.environment);
        all.map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// SHA-256 of the definition, hex: two specifications with the same digest run the same as processes of this machine.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            // The length keeps neighbours apart.
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        part(&self.name);
        part(self.version.as_deref().unwrap_or_default());
        part(self.image.as_deref().unwrap_or_default());
        part(&self.port.unwrap_or_default().to_string());
        part(&self.directory.display().to_string());
        part(&self.data.display().to_string());
        part(&self.command.len().to_string());
        self.command.iter().for_each(|word| part(word));
        for (name, value) in self.variables() {
            part(name);
            part(value);
        }
        base16ct::lower::encode_string(&hash.finalize())
    }
}

/// The Compose files of a configuration: each once, in the order of the services.
pub fn compose_files(config: &Config) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for service in &config.services {
        if let Some(file) = &service.docker_compose
            && !files.contains(file)
        {
            files.push(file.clone());
        }
    }
    files
}

/// What Compose files may know of all services: `CHORA_PORT_<SERVICE>` and `CHORA_VERSION_<SERVICE>`, the name in upper case with `_` for `-`.
pub fn compose_variables(config: &Config) -> BTreeMap<String, String> {
    let of = |service: &Service| {
        let name = service.name.to_uppercase().replace('-', "_");
        let port = service.port.map(|port| port.to_string());
        [
            (format!("CHORA_PORT_{name}"), port),
            (format!("CHORA_VERSION_{name}"), service.version.clone()),
        ]
    };
    let all = config.services.iter().flat_map(of);
    all.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Where a service is for who reaches it by its name.
fn inside(service: &Service) -> Option<String> {
    let origin = service.origin()?;
    let port = origin.port_or_known_default()?;
    Some(format!("{}://{}:{port}", origin.scheme(), service.name))
}

/// The secret part of a service's environment. Never shown, never stored.
#[derive(Clone, Default)]
pub struct SecretEnv(pub(crate) BTreeMap<String, String>);

impl SecretEnv {
    /// What a service gets: the signing secret, and its own API key.
    pub fn of(service: &Service, credentials: &Credentials) -> Self {
        Self::for_name(&service.name, credentials)
    }

    /// The same for a service of which only the name is known.
    pub fn for_name(service: &str, credentials: &Credentials) -> Self {
        let mut secrets = BTreeMap::new();
        if let Some(secret) = credentials.get(JWT_SECRET) {
            secrets.insert("JWT_SECRET".to_owned(), secret.expose().to_owned());
        }
        let key = chora_model::config::api_key_name(service);
        if let Some(secret) = credentials.get(&key) {
            secrets.insert(key.to_ascii_uppercase(), secret.expose().to_owned());
        }
        Self(secrets)
    }

    /// A salted digest that tells whether two sets of secrets are the same, and nothing else of them.
    pub(crate) fn digest(&self, salt: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(salt);
        for (name, value) in &self.0 {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update((value.len() as u64).to_le_bytes());
            hash.update(value);
        }
        base16ct::lower::encode_string(&hash.finalize())
    }
}

impl std::fmt::Debug for SecretEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests;
