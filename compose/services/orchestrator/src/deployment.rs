//! What is deployed: as it was asked for, as it is kept, and as a caller sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chora_engine::{Definition, Exit};
use chora_service_kit::{ApiError, is_service_name};
use serde::{Deserialize, Serialize};

/// How long a deployed service may take to end.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// A service as its deployer described it: the body of `POST /v1/deploy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// Its version, SemVer.
    #[serde(default)]
    pub version: Option<String>,
    /// Program and arguments for the process engine.
    #[serde(default)]
    pub command: Vec<String>,
    /// The container image.
    #[serde(default)]
    pub image: Option<String>,
    /// The Compose file that describes it to the Docker engine, relative to the project.
    #[serde(default)]
    pub docker_compose: Option<PathBuf>,
    /// The Compose files of all services, in the order in which they are merged into one project.
    #[serde(default)]
    pub compose_files: Vec<PathBuf>,
    /// Variables of those files that tell of the services: their ports and versions.
    #[serde(default)]
    pub compose_variables: BTreeMap<String, String>,
    /// Its port.
    #[serde(default)]
    pub port: Option<u16>,
    /// Where its health is found.
    #[serde(default)]
    pub health_endpoint: Option<String>,
    /// The services that it needs.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// Environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The environment that the deployer means; refused when it is another one.
    #[serde(default)]
    pub environment_name: Option<String>,
}

impl Deployment {
    /// What cannot be deployed is told by field.
    pub(crate) fn check(&self, environment: &str) -> Result<(), ApiError> {
        let wrong = |field: &str, text: &str| {
            let message = format!("`{field}` {text}");
            Err(ApiError::bad_request("invalid_deployment", message).with("field", field))
        };
        if !is_service_name(&self.name) {
            return wrong("name", "is 1 to 64 lower-case letters, digits and `-`");
        }
        if let Some(version) = &self.version
            && semver::Version::parse(version).is_err()
        {
            return wrong("version", "is not a SemVer version such as `1.0.0`");
        }
        let is_container = self.image.is_some() || self.docker_compose.is_some();
        match self.command.first() {
            Some(program) if program.is_empty() => {
                return wrong(
                    "command",
                    "is a program and its arguments, and the program has no name",
                );
            }
            None if !is_container => {
                return wrong(
                    "command",
                    "is needed where there is neither `image` nor `docker_compose`",
                );
            }
            Some(_) | None => {}
        }
        if self.command.iter().any(|word| word.contains('\0')) {
            return wrong("command", "holds a zero byte");
        }
        if self.port == Some(0) {
            return wrong("port", "is 1 to 65535");
        }
        let bad_name = |name: &String| name.is_empty() || name.contains(['=', '\0']);
        if self.environment.keys().any(bad_name) {
            return wrong("environment", "has a variable without a proper name");
        }
        if let Some(name) = &self.environment_name
            && name != environment
        {
            let text = format!("is `{name}`, and this orchestrator serves `{environment}`");
            return wrong("environment_name", &text);
        }
        Ok(())
    }

    pub(crate) fn definition(&self) -> Definition {
        Definition {
            name: self.name.clone(),
            version: self.version.clone(),
            command: self.command.clone(),
            image: self.image.clone(),
            port: self.port,
            environment: self.environment.clone(),
            docker_compose: self.docker_compose.clone(),
            stop_grace: STOP_GRACE,
        }
    }
}

/// What a deployment is meant to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// To run, and to be started again when it ends.
    Running,
    /// To be stopped.
    Stopped,
}

/// What a deployment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs.
    Running,
    /// It was stopped.
    Stopped,
    /// It ended by itself and is about to be started again.
    Exited,
    /// It ended again and again and is left alone.
    CrashLooping,
}

/// A deployment as a caller sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// What it does.
    pub state: State,
    /// What it is meant to do.
    pub desired: Desired,
    /// Its process.
    pub pid: Option<u32>,
    /// When it was started.
    pub started_at: Option<jiff::Timestamp>,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// How it last ended by itself.
    pub last_exit: Option<Exit>,
    /// Its port.
    pub port: Option<u16>,
    /// The last lines of its log, when it does not run though it should.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_tail: Vec<String>,
}
