//! The effective configuration as text, secrets blotted out.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Config, EngineChoice, HealthSettings, Placement, PluginConfig, Service};
use crate::credentials::REDACTED;

/// Words in the name of a variable that make its value a secret.
const SECRET_WORDS: &[&str] = &["password", "passwd", "secret", "token", "key", "credential"];

/// The configuration as YAML that can be read again, but for the values that look secret.
pub fn render(config: &Config) -> String {
    let timeouts = &config.timeouts;
    let mut limits = Map::new();
    limits.insert("health_check".to_owned(), seconds(timeouts.health_check));
    for (phase, timeout) in timeouts.phases.iter().enumerate() {
        limits.insert(format!("phase_{phase}"), seconds(*timeout));
    }
    let retry = &config.retry;
    let document = json!({
        "version": config.version,
        "environment": config.environment,
        "engine": match config.engine {
            EngineChoice::Auto => "auto",
            EngineChoice::Process => "process",
            EngineChoice::Docker => "docker",
        },
        "services": config.services.iter().map(service).collect::<Vec<_>>(),
        "timeouts": limits,
        "retry": present([
            ("initial_delay", Some(seconds(retry.initial_delay))),
            ("max_delay", Some(seconds(retry.max_delay))),
            ("backoff_factor", Some(json!(retry.backoff_factor))),
            ("max_attempts", retry.max_attempts.map(Value::from)),
        ]),
        "credentials": present([
            ("jwt_secret_bits", Some(json!(config.credentials.jwt_secret_bits))),
            ("api_key_bits", Some(json!(config.credentials.api_key_bits))),
            ("storage_path", config.credentials.storage_path.as_ref().map(|path| json!(path))),
        ]),
        "logging": { "level": config.logging.level, "keep_runs": config.logging.keep_runs },
        "validation": redacted(&config.validation),
        "preflight": redacted(&config.preflight),
        "plugin_keys": config.plugin_keys.iter().map(|key| json!({ "name": key.name, "key": key.text })).collect::<Vec<_>>(),
        "plugins": config.plugins.iter().map(plugin).collect::<Vec<_>>(),
    });
    serde_yaml::to_string(&document).unwrap_or_else(|error| format!("# {error}\n"))
}

fn service(service: &Service) -> Value {
    let environment: Map<String, Value> = service
        .environment
        .iter()
        .map(|(name, value)| {
            let shown = if looks_secret(name) { REDACTED } else { value };
            (name.clone(), json!(shown))
        })
        .collect();
    present([
        ("name", Some(json!(service.name))),
        ("phase", Some(json!(service.phase))),
        ("role", service.role.as_ref().map(|role| json!(role))),
        (
            "docker_compose",
            service.docker_compose.as_ref().map(|path| json!(path)),
        ),
        ("command", Some(json!(service.command))),
        (
            "deploy_via",
            service.deploy_via.as_ref().map(|name| json!(name)),
        ),
        (
            "version",
            service.version.as_ref().map(|version| json!(version)),
        ),
        ("image", service.image.as_ref().map(|image| json!(image))),
        ("port", service.port.map(Value::from)),
        (
            "health_endpoint",
            service.health_endpoint.as_ref().map(|url| json!(url)),
        ),
        ("health", Some(health(&service.health))),
        ("timeout", Some(seconds(service.timeout))),
        ("stop_grace", Some(seconds(service.stop_grace))),
        ("dependencies", Some(json!(service.dependencies))),
        ("environment", Some(Value::Object(environment))),
    ])
}

fn health(health: &HealthSettings) -> Value {
    json!({
        "plugin": health.plugin.as_deref().unwrap_or("none"),
        "settings": redacted(&health.settings),
        "successes": health.successes,
        "probe_timeout": seconds(health.probe_timeout),
    })
}

fn plugin(plugin: &PluginConfig) -> Value {
    let (key, place) = match &plugin.placement {
        None => ("phase", None),
        Some(Placement::Phase(phase)) => ("phase", Some(json!(phase))),
        Some(Placement::BeforePhase(phase)) => ("before", Some(json!(phase))),
        Some(Placement::AfterPhase(phase)) => ("after", Some(json!(phase))),
        Some(Placement::BeforeService(service)) => ("before", Some(json!(service))),
        Some(Placement::AfterService(service)) => ("after", Some(json!(service))),
    };
    let grants: Vec<String> = plugin.grants.iter().map(ToString::to_string).collect();
    present([
        ("name", Some(json!(plugin.name))),
        ("path", plugin.path.as_ref().map(|path| json!(path))),
        (key, place),
        ("grants", Some(json!(grants))),
        ("settings", Some(redacted(&plugin.settings))),
        ("enabled", Some(json!(plugin.enabled))),
        ("required", plugin.required.then_some(json!(true))),
    ])
}

/// A map of what is there.
fn present<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect::<Map<String, Value>>()
        .into()
}

fn seconds(duration: Duration) -> Value {
    json!(duration.as_secs_f64())
}

fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

fn redacted(settings: &Map<String, Value>) -> Value {
    settings
        .iter()
        .map(|(name, value)| {
            let shown = match value {
                Value::Object(map) => redacted(map),
                Value::String(_) if looks_secret(name) => json!(REDACTED),
                other => other.clone(),
            };
            (name.clone(), shown)
        })
        .collect::<Map<String, Value>>()
        .into()
}
