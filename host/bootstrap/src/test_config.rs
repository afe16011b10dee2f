//! Small configurations for unit tests.

use std::collections::BTreeMap;
use std::time::Duration;

use chora_model::config::{
    Config, CredentialSettings, EngineChoice, HealthSettings, Logging, PHASES, Retry, Service,
    Timeouts,
};
use chora_model::signature::TrustedKeys;

/// A service of a test: name, phase, dependencies.
pub(crate) type Sketch<'a> = (&'a str, u8, &'a [&'a str]);

/// A configuration of these services.
pub(crate) fn config(services: &[Sketch<'_>]) -> Config {
    Config {
        version: "1.0".to_owned(),
        environment: "dev".to_owned(),
        services: services.iter().map(service).collect(),
        timeouts: Timeouts {
            health_check: Duration::from_secs(10),
            phases: [Duration::from_secs(60); PHASES],
        },
        retry: Retry {
            initial_delay: Duration::from_millis(25),
            max_delay: Duration::from_secs(30),
            backoff_factor: 2.0,
            max_attempts: None,
        },
        credentials: CredentialSettings {
            jwt_secret_bits: 256,
            api_key_bits: 256,
            storage_path: None,
        },
        logging: Logging {
            level: "info".to_owned(),
            keep_runs: 100,
        },
        validation: serde_json::Map::new(),
        preflight: serde_json::Map::new(),
        plugins: Vec::new(),
        plugin_keys: TrustedKeys::default(),
        engine: EngineChoice::Auto,
    }
}

fn service((name, phase, dependencies): &Sketch<'_>) -> Service {
    Service {
        name: (*name).to_owned(),
        phase: *phase,
        role: None,
        docker_compose: None,
        command: vec!["true".to_owned()],
        deploy_via: None,
        version: None,
        image: None,
        port: None,
        health_endpoint: None,
        health: HealthSettings {
            plugin: None,
            settings: serde_json::Map::new(),
            successes: 3,
            probe_timeout: Duration::from_secs(5),
        },
        timeout: Duration::from_secs(10),
        stop_grace: Duration::from_secs(10),
        dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
        environment: BTreeMap::new(),
    }
}
