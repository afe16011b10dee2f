//! What a container is made of: the Compose service, what chora sets, and the secrets, as one request.
//!
//! The digest of the request without secrets and bookkeeping is the definition: two services with the same definition run the same, whoever of chora and its orchestrator computes it.

mod host;

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerCreateBody, EndpointSettings, HealthConfig, NetworkingConfig};
use chora_compose::{Condition, HealthTest, Healthcheck, NetworkMode, Service, config_hash};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::labels::{self, Owner};
use super::network::endpoint;
use super::project::{Composed, unsorted};
use crate::{SecretEnv, ServiceSpec};

/// What chora sets that holds inside a container as well; paths of this machine do not.
const SET: [&str; 5] = [
    "CHORA_SERVICE",
    "CHORA_ENVIRONMENT",
    "LOG_LEVEL",
    "PORT",
    "SERVICE_VERSION",
];

/// What is to run, and by what it is known again.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) definition: String,
    body: ContainerCreateBody,
}

impl Wanted {
    pub(super) fn of(owner: &Owner, composed: &Composed, spec: &ServiceSpec) -> Self {
        let service = &composed.service;
        let body = ContainerCreateBody {
            image: service.image.clone(),
            hostname: service.hostname.clone(),
            domainname: service.domainname.clone(),
            user: service.user.clone(),
            tty: Some(service.tty),
            open_stdin: Some(service.stdin_open),
            working_dir: service.working_dir.clone(),
            // An empty list would leave the image's; one empty word is Docker's way to say none.
            entrypoint: service.entrypoint.clone().map(|words| {
                if words.is_empty() {
                    vec![String::new()]
                } else {
                    words
                }
            }),
            cmd: service.command.clone(),
            env: Some(environment(spec, service)),
            exposed_ports: exposed(service),
            healthcheck: service.healthcheck.as_ref().map(healthcheck),
            labels: unsorted(&service.labels),
            stop_signal: service.stop_signal.clone(),
            stop_timeout: service.stop_grace_period.map(whole_seconds),
            host_config: Some(host::config(owner, composed)),
            networking_config: first_network(composed),
            ..ContainerCreateBody::default()
        };
        let mut definition = Sha256::new();
        digest(
            &serde_json::to_value(&body).unwrap_or_default(),
            &mut definition,
        );
        for (network, attachment) in composed.networks() {
            let place = serde_json::to_value(attachment).unwrap_or_default();
            digest(&Value::from(network.name.as_str()), &mut definition);
            digest(&place, &mut definition);
        }
        let name = service
            .container_name
            .clone()
            .unwrap_or_else(|| owner.container_name(&spec.name));
        Self {
            name,
            definition: base16ct::lower::encode_string(&definition.finalize()),
            body,
        }
    }

    /// The request, with everything that differs from one making to the next.
    pub(super) fn request(
        &self,
        owner: &Owner,
        composed: &Composed,
        spec: &ServiceSpec,
        secrets: &SecretEnv,
        image: &str,
    ) -> ContainerCreateBody {
        let mut body = self.body.clone();
        let env = body.env.get_or_insert_default();
        // A later one of the same name would not win in every engine.
        env.retain(|it| {
            !secrets
                .0
                .contains_key(it.split('=').next().unwrap_or_default())
        });
        env.extend(
            secrets
                .0
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        let salt = uuid::Uuid::new_v4().to_string();
        let project = &composed.project;
        let files: Vec<String> = project
            .files
            .iter()
            .map(|it| it.display().to_string())
            .collect();
        let mut all: HashMap<String, String> = body.labels.take().unwrap_or_default();
        let ours = [
            (labels::PROJECT, owner.project.clone()),
            (labels::SERVICE, spec.name.clone()),
            (labels::NUMBER, "1".to_owned()),
            (labels::ONEOFF, "False".to_owned()),
            (labels::CONFIG_HASH, config_hash(&composed.service)),
            (labels::WORKING_DIR, project.directory.display().to_string()),
            (labels::CONFIG_FILES, files.join(",")),
            (labels::VERSION, labels::COMPOSE_VERSION.to_owned()),
            (labels::DEPENDS_ON, depends_on(&composed.service)),
            (labels::IMAGE, image.to_owned()),
            (labels::DEFINITION, self.definition.clone()),
            (labels::SECRETS, secrets.digest(&salt)),
            (labels::SALT, salt),
        ];
        all.extend(ours.map(|(name, value)| (name.to_owned(), value)));
        all.extend(owner.labels().map(|(name, value)| (name.to_owned(), value)));
        if let Some(version) = &spec.version {
            all.insert(labels::SERVICE_VERSION.to_owned(), version.clone());
        }
        body.labels = Some(all);
        body
    }

    /// The limits and the restart policy that the container was made with; `docker update` may have changed them since.
    pub(super) fn updated(&self, found: &bollard::models::HostConfig) -> bool {
        let Some(wanted) = &self.body.host_config else {
            return false;
        };
        let policy = |config: &bollard::models::HostConfig| {
            let name = config.restart_policy.as_ref().and_then(|it| it.name);
            name.map(|name| name.to_string())
                .filter(|name| !name.is_empty() && name != "no")
        };
        wanted.memory.unwrap_or_default() != found.memory.unwrap_or_default()
            || wanted.nano_cpus.unwrap_or_default() != found.nano_cpus.unwrap_or_default()
            || policy(wanted) != policy(found)
    }
}

/// What chora sets, below what the file sets, below what is configured. A name without a value takes the image's away.
fn environment(spec: &ServiceSpec, service: &Service) -> Vec<String> {
    let mut all: BTreeMap<&str, Option<&str>> = SET
        .iter()
        .filter_map(|name| Some((*name, Some(spec.set.get(*name)?.as_str()))))
        .collect();
    let registry = match service.network_mode {
        Some(NetworkMode::Host) => spec.set.get("MANIFEST_URL"),
        Some(_) | None => spec.registry_inside.as_ref(),
    };
    if let Some(registry) = registry {
        all.insert("MANIFEST_URL", Some(registry));
    }
    let composed = service.environment.iter();
    all.extend(composed.map(|(name, value)| (name.as_str(), value.as_deref())));
    let configured = spec.environment.iter();
    all.extend(configured.map(|(name, value)| (name.as_str(), Some(value.as_str()))));
    all.into_iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.to_owned(),
        })
        .collect()
}

fn exposed(service: &Service) -> Option<Vec<String>> {
    let mut ports: Vec<String> = service
        .expose
        .iter()
        .map(|port| {
            if port.contains('/') {
                port.clone()
            } else {
                format!("{port}/tcp")
            }
        })
        .collect();
    let published = service.ports.iter();
    ports.extend(published.map(|port| format!("{}/{}", port.target, port.protocol.as_str())));
    ports.sort_unstable();
    ports.dedup();
    Some(ports).filter(|ports| !ports.is_empty())
}

fn healthcheck(check: &Healthcheck) -> HealthConfig {
    let nanos = |duration: Option<std::time::Duration>| {
        duration.map(|it| i64::try_from(it.as_nanos()).unwrap_or(i64::MAX))
    };
    HealthConfig {
        test: check.test.as_ref().map(|test| match test {
            HealthTest::Disabled => vec!["NONE".to_owned()],
            HealthTest::Command(words) => {
                let words = words.iter().cloned();
                std::iter::once("CMD".to_owned()).chain(words).collect()
            }
            HealthTest::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        }),
        interval: nanos(check.interval),
        timeout: nanos(check.timeout),
        retries: check.retries.map(i64::from),
        start_period: nanos(check.start_period),
        start_interval: nanos(check.start_interval),
    }
}

fn first_network(composed: &Composed) -> Option<NetworkingConfig> {
    let (network, attachment) = composed.networks().into_iter().next()?;
    let mut settings: EndpointSettings = endpoint(&composed.service.name, attachment);
    if settings.mac_address.is_none() {
        settings
            .mac_address
            .clone_from(&composed.service.mac_address);
    }
    Some(NetworkingConfig {
        endpoints_config: Some(HashMap::from([(network.name.clone(), settings)])),
    })
}

/// As Compose writes it: `db:service_healthy:false`.
fn depends_on(service: &Service) -> String {
    let all: Vec<String> = service
        .depends_on
        .iter()
        .map(|(name, dependency)| {
            let condition = match dependency.condition {
                Condition::Started => "service_started",
                Condition::Healthy => "service_healthy",
                Condition::CompletedSuccessfully => "service_completed_successfully",
            };
            format!("{name}:{condition}:{}", dependency.restart)
        })
        .collect();
    all.join(",")
}

/// Seconds as the engine counts them, never fewer than asked for.
pub(super) fn whole_seconds(duration: std::time::Duration) -> i64 {
    let up = u64::from(duration.subsec_nanos() > 0);
    i64::try_from(duration.as_secs().saturating_add(up)).unwrap_or(i64::MAX)
}

/// Hashes a value with its maps in the order of their keys: the models hold them in none.
fn digest(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            hash.update([b'{']);
            hash.update((sorted.len() as u64).to_le_bytes());
            for (key, value) in sorted {
                digest(&Value::from(key.as_str()), hash);
                digest(value, hash);
            }
        }
        Value::Array(items) => {
            hash.update([b'[']);
            hash.update((items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| digest(item, hash));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let text = value.to_string();
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
    }
}

#[cfg(test)]
mod tests;
