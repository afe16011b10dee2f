//! The configuration, after it was parsed, merged and checked.
//!
//! [`load`] is the way in: it reads `bootstrap-config.yml`, lays the environment's overlay over it, and answers with a [`Config`] in which every name is known and every
//! duration is a [`Duration`], or with every problem it found, each at its line and column.

mod check;
mod edit;
mod error;
mod parse;
mod plugin;
mod read;
mod render;
mod service;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::signature::TrustedKeys;
pub use crate::yaml::Problem;
pub use edit::check_text;
pub use error::ConfigError;
pub use parse::{Loaded, Source, load, load_all};
pub use render::render;
pub use service::is_name;

/// The configuration that chora uses where a project has none; also what `chora bootstrap --init` writes.
pub const DEFAULT: &str = include_str!("default.yml");

/// The Compose files that [`DEFAULT`] names, by their paths: used where the project has no such file, so that it needs none.
const COMPOSE_FILES: [(&str, &str); 4] = [
    (
        "compose/docker-compose.manifest.yml",
        include_str!("../../../../compose/docker-compose.manifest.yml"),
    ),
    (
        "compose/docker-compose.orchestrator.yml",
        include_str!("../../../../compose/docker-compose.orchestrator.yml"),
    ),
    (
        "compose/docker-compose.gateway.yml",
        include_str!("../../../../compose/docker-compose.gateway.yml"),
    ),
    (
        "compose/docker-compose.analyzer.yml",
        include_str!("../../../../compose/docker-compose.analyzer.yml"),
    ),
];

/// The text of a Compose file that is built in, by the path that a service's `docker_compose` has. A file of that path in the project goes before it.
pub fn built_in_compose_file(path: &Path) -> Option<&'static str> {
    COMPOSE_FILES
        .iter()
        .find(|(known, _)| Path::new(known) == path)
        .map(|(_, text)| *text)
}

/// The number of phases, 0 to 4.
pub const PHASES: usize = 5;

/// The names of the phases, by number.
pub const PHASE_NAMES: [&str; PHASES] = [
    "Pre-Bootstrap Validation",
    "Core Services",
    "Infrastructure Services",
    "Capability Services",
    "Validation",
];

/// An ecosystem: its services and how they are to be brought up.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The format's version, `1.0`.
    pub version: String,
    /// The environment that this configuration is for, after the overlay and `--environment`.
    pub environment: String,
    /// Every service, in the order of the file.
    // Invariant: names are unique, dependencies exist, are acyclic and never point to a later phase.
    pub services: Vec<Service>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How failing probes are repeated.
    pub retry: Retry,
    /// What credentials are made and where they are kept.
    pub credentials: CredentialSettings,
    /// What chora logs of itself.
    pub logging: Logging,
    /// Settings of the validation phase, handed to its plugin as they are.
    pub validation: serde_json::Map<String, serde_json::Value>,
    /// Settings of the preflight phase, handed to its plugin as they are.
    pub preflight: serde_json::Map<String, serde_json::Value>,
    /// Plugins besides the bundled ones, and settings and grants of any.
    pub plugins: Vec<PluginConfig>,
    /// The keys of which each plugin that is not bundled must have a signature by one; none where nothing is asked.
    pub plugin_keys: TrustedKeys,
    /// The engine asked for.
    pub engine: EngineChoice,
}

impl Config {
    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The first service with this role.
    pub fn with_role(&self, role: &str) -> Option<&Service> {
        self.services
            .iter()
            .find(|service| service.role.as_deref() == Some(role))
    }
}

/// One service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Unique, `[a-z0-9-]{1,64}`.
    pub name: String,
    /// The phase that brings it up, 1 to 3.
    pub phase: u8,
    /// `registry`, `orchestrator`, `gateway` or one of the user's own.
    pub role: Option<String>,
    /// The Compose file that describes it to the Docker engines, relative to the project.
    pub docker_compose: Option<PathBuf>,
    /// How the process engine runs it: program and arguments, no shell. `chora` as program means this very binary.
    pub command: Vec<String>,
    /// The service that deploys it; absent when chora starts it itself.
    pub deploy_via: Option<String>,
    /// Its version, SemVer.
    pub version: Option<String>,
    /// Its container image.
    pub image: Option<String>,
    /// The TCP port on which it answers.
    pub port: Option<u16>,
    /// The URL whose success means healthy.
    pub health_endpoint: Option<String>,
    /// How its health is found.
    pub health: HealthSettings,
    /// How long it may take to become healthy.
    pub timeout: Duration,
    /// How long it may take to end after it was asked to.
    pub stop_grace: Duration,
    /// Names of the services it needs.
    pub dependencies: Vec<String>,
    /// Environment variables, laid over those that chora sets.
    pub environment: BTreeMap<String, String>,
}

impl Service {
    /// Name of the credential that is this service's API key: `api_key_` and its name with `-` as `_`.
    pub fn api_key_name(&self) -> String {
        api_key_name(&self.name)
    }

    /// `http://localhost:PORT`, or the origin of the health endpoint: where the service's API is.
    pub fn origin(&self) -> Option<url::Url> {
        if let Some(endpoint) = &self.health_endpoint {
            let mut url = url::Url::parse(endpoint).ok()?;
            url.set_path("/");
            url.set_query(None);
            url.set_fragment(None);
            return Some(url);
        }
        let port = self.port?;
        url::Url::parse(&format!("http://localhost:{port}/")).ok()
    }
}

/// Name of the credential that is a service's API key: `api_key_` and its name with `-` as `_`.
pub fn api_key_name(service: &str) -> String {
    format!("api_key_{}", service.replace('-', "_"))
}

/// How a service's health is found.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthSettings {
    /// The health plugin: `http-check` (the default with a health endpoint), `tcp-check` (the default with only a port), a name under `plugins`, or none: running is enough.
    pub plugin: Option<String>,
    /// Handed to the plugin as its settings.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Answers in a row that make it healthy, at least 1; 3 unless configured.
    pub successes: u32,
    /// How long one probe may take; 5 seconds unless configured.
    pub probe_timeout: Duration,
}

/// How long things may take, on a monotonic clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeouts {
    /// The default of a service's `timeout`.
    pub health_check: Duration,
    /// Each phase as a whole.
    pub phases: [Duration; PHASES],
}

/// How failing probes are repeated, and for how long.
///
/// The delays `initial_delay`, `initial_delay * backoff_factor`, … (at most `max_delay`), `max_attempts` of them, add up to the patience that a failing service is given; its own
/// `timeout` may end it sooner. Probes go on more densely than these delays wherever the rule asks for it that a ready service is found within max(50 ms, 10 % of the time waited).
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// The first delay after a failure.
    pub initial_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
    /// What each delay is multiplied with, at least 1.
    pub backoff_factor: f64,
    /// How many delays; absent leaves only the timeout.
    pub max_attempts: Option<u32>,
}

/// What credentials are made and where they are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialSettings {
    /// Entropy of the signing secret in bits, 256 or more.
    pub jwt_secret_bits: u32,
    /// Entropy of each API key in bits, 128 or more.
    pub api_key_bits: u32,
    /// The file, relative to the project; absent for the environment's own `credentials.json`.
    pub storage_path: Option<PathBuf>,
}

/// What chora logs of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Logging {
    /// `error`, `warn`, `info`, `debug` or `trace`; also handed to the services as `LOG_LEVEL`.
    pub level: String,
    /// How many journals of earlier runs are kept, the newest; at least 1, and 100 unless configured.
    pub keep_runs: usize,
}

/// A plugin in the configuration: one of the user's own, or settings and grants for a bundled one.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginConfig {
    /// Its name.
    pub name: String,
    /// The component file, relative to the project; absent for a bundled plugin.
    pub path: Option<PathBuf>,
    /// Where it runs; absent for health plugins and for bundled ones, which have their place.
    pub placement: Option<Placement>,
    /// What it is granted. For bundled plugins: besides their own table.
    pub grants: Vec<crate::grant::Grant>,
    /// Handed to it as its settings.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// False leaves a bundled plugin out.
    pub enabled: bool,
    /// Whether an observer that fails makes the run fail.
    pub required: bool,
}

/// Where a custom phase plugin runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// As a part of this phase, beside the bundled plugin.
    Phase(u8),
    /// Before this phase begins.
    BeforePhase(u8),
    /// After this phase has ended.
    AfterPhase(u8),
    /// Within the service's phase, once the service is up; what needs the service waits for it.
    AfterService(String),
    /// Within the service's phase, before the service is started.
    BeforeService(String),
}

/// Which engine to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// The engine that runs the environment's services already, else `process`.
    #[default]
    Auto,
    /// Child processes of this machine.
    Process,
    /// Containers, through the Docker Engine API.
    Docker,
}

#[cfg(test)]
pub(crate) mod tests;
