//! What services are told.

use std::path::Path;

use chora_model::config::{CredentialSettings, DEFAULT, Source, check_text};
use chora_model::credentials;

use super::*;

fn layout() -> Layout {
    Layout::new(Path::new("/project"), "dev", true)
}

fn config() -> Config {
    check_text(DEFAULT, Path::new("c.yml"), &Source::default()).unwrap()
}

fn spec(config: &Config, name: &str) -> ServiceSpec {
    ServiceSpec::of(config, config.service(name).unwrap(), &layout())
}

fn variables(config: &Config, name: &str) -> Vec<String> {
    let spec = spec(config, name);
    let lines = spec.variables().into_iter();
    lines
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

#[test]
fn each_role_is_told_what_it_needs() {
    let config = config();
    assert_eq!(
        variables(&config, "manifest"),
        [
            "CHORA_ENVIRONMENT=dev",
            "CHORA_SERVICE=manifest",
            "CREDENTIALS_FILE=/project/.chora/credentials.json",
            "DATA_DIR=/project/.chora/data/manifest",
            "LOG_LEVEL=info",
            "PORT=8500",
            "SERVICE_VERSION=1.0.0",
        ]
    );
    assert_eq!(
        variables(&config, "orchestrator"),
        [
            "CHORA_ENVIRONMENT=dev",
            "CHORA_HOME=/project/.chora",
            "CHORA_PROJECT=/project",
            "CHORA_SERVICE=orchestrator",
            "CREDENTIALS_FILE=/project/.chora/credentials.json",
            "DATA_DIR=/project/.chora/data/orchestrator",
            "LOG_LEVEL=info",
            "MANIFEST_URL=http://localhost:8500",
            "PORT=8600",
            "SERVICE_VERSION=1.0.0",
        ]
    );
    assert_eq!(
        variables(&config, "gateway"),
        [
            "CHORA_ENVIRONMENT=dev",
            "CHORA_SERVICE=gateway",
            "DATA_DIR=/project/.chora/data/gateway",
            "LOG_LEVEL=info",
            "MANIFEST_URL=http://localhost:8500",
            "PORT=8700",
            "SERVICE_VERSION=1.0.0",
        ]
    );
}

#[test]
fn the_configured_environment_is_laid_over() {
    let mut config = config();
    let gateway = config.services.iter_mut().find(|it| it.name == "gateway");
    let environment = &mut gateway.unwrap().environment;
    environment.insert("LOG_LEVEL".to_owned(), "trace".to_owned());
    environment.insert("COLOUR".to_owned(), "blue".to_owned());
    let spec = spec(&config, "gateway");
    assert_eq!(spec.variables()["LOG_LEVEL"], "trace");
    assert_eq!(spec.variables()["COLOUR"], "blue");
    // An engine that has settings of its own between the two still finds what chora set.
    assert_eq!(spec.set["LOG_LEVEL"], "info");
}

#[test]
fn containers_are_told_of_all_compose_files_and_of_the_registry_by_name() {
    let mut config = config();
    let files = ["compose/b.yml", "compose/a.yml", "compose/b.yml"];
    for service in &mut config.services {
        service.docker_compose = None;
    }
    for (service, file) in config.services.iter_mut().zip(files) {
        service.docker_compose = Some(file.into());
    }
    let orchestrator = spec(&config, "orchestrator");
    let absolute = |file: &str| Path::new("/project/compose").join(file);
    assert_eq!(orchestrator.docker_compose, Some(absolute("a.yml")));
    assert_eq!(
        orchestrator.compose_files,
        [absolute("b.yml"), absolute("a.yml")]
    );
    assert_eq!(
        orchestrator.registry_inside.as_deref(),
        Some("http://manifest:8500")
    );
    assert_eq!(
        orchestrator.compose_variables["CHORA_PORT_MANIFEST"],
        "8500"
    );
    assert_eq!(spec(&config, "manifest").registry_inside, None);
    assert_eq!(spec(&config, "analyzer").docker_compose, None);
}

#[test]
fn what_only_containers_are_told_changes_no_process() {
    let config = config();
    let plain = spec(&config, "gateway");
    let mut composed = plain.clone();
    composed.docker_compose = Some("/project/compose.yml".into());
    composed.compose_files = vec!["/project/compose.yml".into()];
    composed.registry_inside = None;
    assert_eq!(composed.digest(), plain.digest());
}

#[test]
fn whatever_changes_what_runs_changes_the_digest() {
    let spec = spec(&config(), "gateway");
    assert_eq!(spec.digest(), spec.clone().digest());
    let mut digests = vec![spec.digest()];
    let mut changed = |change: fn(&mut ServiceSpec)| {
        let mut spec = spec.clone();
        change(&mut spec);
        digests.push(spec.digest());
    };
    changed(|spec| spec.version = Some("1.0.1".to_owned()));
    changed(|spec| spec.image = Some("an/image".to_owned()));
    changed(|spec| spec.port = None);
    changed(|spec| spec.directory = "/elsewhere".into());
    changed(|spec| spec.data = "/elsewhere".into());
    changed(|spec| spec.command.push(String::new()));
    changed(|spec| spec.command = vec!["choras".to_owned(), "erve".to_owned()]);
    changed(|spec| drop(spec.environment.insert("A".to_owned(), "b".to_owned())));
    changed(|spec| drop(spec.environment.insert("Ab".to_owned(), String::new())));
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn a_service_gets_the_signing_secret_and_its_own_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let settings = CredentialSettings {
        jwt_secret_bits: 256,
        api_key_bits: 256,
        storage_path: None,
    };
    let names = ["text-tools".to_owned(), "gateway".to_owned()];
    let path = folder.path().join("credentials.json");
    let made = credentials::ensure(&path, &settings, &names, &folder.path().join("data")).unwrap();
    let secrets = SecretEnv::for_name("text-tools", &made.credentials);
    let names: Vec<&str> = secrets.0.keys().map(String::as_str).collect();
    assert_eq!(names, ["API_KEY_TEXT_TOOLS", "JWT_SECRET"]);
    assert_eq!(secrets.digest("salt"), secrets.digest("salt"));
    assert_ne!(secrets.digest("salt"), secrets.digest("pepper"));
}
