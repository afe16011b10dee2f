//! Configurations, good and bad.

use std::path::Path;

use super::*;

/// The built-in configuration, read and checked.
pub(crate) fn default_config() -> Config {
    check(DEFAULT).unwrap()
}

fn check(text: &str) -> Result<Config, ConfigError> {
    let source = Source {
        project: "/nowhere".into(),
        ..Source::default()
    };
    check_text(text, Path::new("c.yml"), &source)
}

/// What is wrong, one line each.
fn problems(text: &str) -> Vec<String> {
    match check(text) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_built_in_configuration_is_good_and_is_the_one_in_the_repository() {
    let config = default_config();
    let names: Vec<_> = config
        .services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert_eq!(names, ["manifest", "orchestrator", "gateway", "analyzer"]);
    assert_eq!(config.with_role("registry").unwrap().name, "manifest");
    assert_eq!(
        config.service("analyzer").unwrap().deploy_via.as_deref(),
        Some("orchestrator")
    );
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.chora/bootstrap-config.yml");
    assert_eq!(std::fs::read_to_string(committed).unwrap(), DEFAULT);
}

#[test]
fn every_compose_file_of_the_default_configuration_is_built_in() {
    for service in default_config().services {
        let path = service.docker_compose.unwrap();
        let text = built_in_compose_file(&path).unwrap();
        let own = format!("services:\n  {}:\n", service.name);
        assert!(text.contains(&own), "{}", path.display());
        // The port that is configured is the one that the file has where nobody sets it.
        let upper = service.name.to_ascii_uppercase();
        let port = format!("${{CHORA_PORT_{upper}:-{}}}", service.port.unwrap());
        assert!(text.contains(&port), "{}", path.display());
    }
    assert_eq!(built_in_compose_file(Path::new("compose/other.yml")), None);
}

#[test]
fn the_blueprint_s_configuration_is_good() {
    let config = check(
        r#"
version: "1.0"
environment: dev
services:
  - name: manifest
    phase: 1
    docker_compose: docker-compose.manifest.yml
    health_endpoint: http://localhost:8500/health
    timeout: 60
    dependencies: []
  - name: analyzer
    phase: 3
    version: "1.0.0"
    timeout: 0.5
    dependencies: [manifest]
timeouts: {health_check: 120, phase_0: 300}
retry: {initial_delay: 1, max_delay: 30, backoff_factor: 2, max_attempts: 10}
credentials:
  jwt_secret_bits: 256
  api_key_bits: 128
  storage_path: .chora/credentials.json
  storage_permissions: "0600"
"#,
    )
    .unwrap();
    assert_eq!(config.retry.max_attempts, Some(10));
    assert_eq!(
        config.service("analyzer").unwrap().timeout,
        Duration::from_millis(500)
    );
    assert_eq!(config.credentials.storage_path, None);
}

#[test]
fn services_may_be_a_map_keyed_by_name() {
    let config =
        check("services:\n  db: {phase: 1, command: redis-server --port 7000, port: 7000}\n")
            .unwrap();
    let db = config.service("db").unwrap();
    assert_eq!(db.command, ["redis-server", "--port", "7000"]);
    assert_eq!(db.health.plugin.as_deref(), Some("tcp-check"));
}

#[test]
fn everything_wrong_is_told_at_its_place() {
    for (text, wanted) in [
        ("services: [", "c.yml:1:"),
        (
            "servics: []\n",
            "c.yml:1:1: `the configuration` has no key `servics`\n  hint: did you mean `services`?",
        ),
        (
            "services:\n  - name: a\n    phase: 1\n    timout: 3\n",
            "c.yml:4:5: `services` has no key `timout`\n  hint: did you mean `timeout`?",
        ),
        (
            "services:\n  - phase: 1\n",
            "c.yml:2:5: this service has no `name`",
        ),
        (
            "services:\n  - {name: A, phase: 1}\n",
            "c.yml:2:12: `A` is no name of a service",
        ),
        ("services:\n  - {name: a}\n", "service `a` has no `phase`"),
        (
            "services:\n  - {name: a, phase: 4}\n",
            "c.yml:2:22: `phase` is a whole number from 1 to 3, and not 4",
        ),
        (
            "services:\n  - {name: a, phase: 1}\n  - {name: a, phase: 1}\n",
            "c.yml:3:12: there are two services named `a`",
        ),
        (
            "services:\n  - {name: a, phase: 1, port: 70000}\n",
            "from 1 to 65535, and not 70000",
        ),
        (
            "services:\n  - {name: a, phase: 1, port: 7}\n  - {name: b, phase: 1, port: 7}\n",
            "c.yml:3:31: port 7 is that of service `a` already",
        ),
        (
            "services:\n  - {name: a, phase: 1, version: new}\n",
            "`new` is not a SemVer version",
        ),
        (
            "services:\n  - {name: a, phase: 1, timeout: -1}\n",
            "more than 0",
        ),
        (
            "services:\n  - {name: a, phase: 1, timeout: soon}\n",
            "`timeout` is a number, and here stands a text",
        ),
        (
            "services:\n  - {name: a, phase: 1, health_endpoint: localhost}\n",
            "`localhost` is not a URL",
        ),
        (
            "services:\n  - {name: a, phase: 1, health_endpoint: file:///x}\n",
            "`http` or `https` URL",
        ),
        (
            "services:\n  - {name: a, phase: 1, environment: [A]}\n",
            "`A` is not `NAME=VALUE`",
        ),
        (
            "services:\n  - {name: a, phase: 1, command: \"sh 'x\"}\n",
            "not closed",
        ),
        (
            "services:\n  - {name: manifest, phase: 1}\n  - {name: b, phase: 2, dependencies: [manifset]}\n",
            "c.yml:3:40: there is no service `manifset`\n  hint: did you mean `manifest`?",
        ),
        (
            "services:\n  - {name: a, phase: 1, dependencies: [b]}\n  - {name: b, phase: 2}\n",
            "`a` of phase 1 needs `b`, which comes only in phase 2",
        ),
        (
            "services:\n  - {name: a, phase: 1, dependencies: [b]}\n  - {name: b, phase: 1, dependencies: [c]}\n  - {name: c, phase: 1, dependencies: [a]}\n",
            "these services wait for each other: `a` needs `b` needs `c` needs `a`",
        ),
        (
            "services:\n  - {name: a, phase: 3, deploy_via: x}\n",
            "there is no service `x`",
        ),
        (
            "services:\n  - {name: a, phase: 3, deploy_via: b}\n  - {name: b, phase: 3}\n",
            "comes only in phase 3",
        ),
        (
            "services: 3\n",
            "`services` is a list, and here stands a number",
        ),
        (
            "engine: dokcer\n",
            "`engine` is one of `auto`, `process`, `docker`, and not `dokcer`",
        ),
        ("logging: {level: loud}\n", "`level` is one of"),
        (
            "logging: {keep_runs: 0}\n",
            "`keep_runs` is a whole number from 1 to",
        ),
        ("version: \"2.0\"\n", "not known"),
        ("retry: {backoff_factor: 0.5}\n", "at least 1"),
        (
            "credentials: {jwt_secret_bits: 128}\n",
            "from 256 to 4096, and not 128",
        ),
        (
            "credentials: {storage_permissions: \"0644\"}\n",
            "no others",
        ),
        (
            "plugins:\n  - {name: p, grants: [services=x]}\n",
            "SERVICE:VERB",
        ),
        (
            "plugins:\n  - {name: p, phase: 1, before: 2}\n",
            "one place",
        ),
        (
            "plugins:\n  - {name: p, after: analyser}\nservices: [{name: analyzer, phase: 3}]\n",
            "did you mean `analyzer`",
        ),
        (
            "plugins:\n  - {name: p}\n  - {name: p}\n",
            "two plugins named `p`",
        ),
        ("plugins: own\n", "c.yml:1:10: `plugins` is a list"),
        ("plugin_keys: RWQ\n", "c.yml:1:14: `plugin_keys` is a list"),
        ("plugin_keys: [RWQ]\n", "`plugin_keys` is a map"),
        ("plugin_keys: [~]\n", "no key"),
        ("plugin_keys: [{key: x}]\n", "this key has no `name`"),
        ("plugin_keys: [{name: a}]\n", "key `a` has no `key`"),
        ("plugin_keys: [{name: A B, key: x}]\n", "no name of a key"),
        ("plugin_keys: [{name: a, kye: x}]\n", "did you mean `key`"),
        (
            "plugin_keys:\n  - name: a\n    key: RWQx\n",
            "c.yml:3:10: this is no public key of minisign\n  hint: `key` is the second line",
        ),
        ("a: &a [1]\nb: *b\n", "not valid YAML"),
        ("services: []\nservices: []\n", "c.yml:2:"),
    ] {
        let found = problems(text).join("\n");
        assert!(
            found.contains(wanted),
            "{text}\n  found: {found}\n  wanted: {wanted}"
        );
    }
}

#[test]
fn all_problems_are_told_and_not_only_the_first() {
    let text = "engine: x\nlogging: {level: y}\nservices:\n  - {name: a, phase: 9}\n";
    assert_eq!(problems(text).len(), 3);
}

#[test]
fn the_effective_configuration_can_be_read_again() {
    let config = default_config();
    assert_eq!(check(&render(&config)).unwrap(), config);
}

#[test]
fn values_that_look_secret_are_not_shown() {
    let config = check(
        "services:\n  - {name: a, phase: 1, environment: {DB_PASSWORD: hunter2, MODE: fast}}\n",
    )
    .unwrap();
    let text = render(&config);
    assert!(
        !text.contains("hunter2") && text.contains("[redacted]") && text.contains("fast"),
        "{text}"
    );
}

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join(".chora")).unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(".chora").join(name), text).unwrap();
    }
    directory
}

fn load_from(directory: &Path, environment: Option<&str>) -> Result<Loaded, ConfigError> {
    load(&Source {
        project: directory.to_owned(),
        path: None,
        environment: environment.map(str::to_owned),
    })
}

#[test]
fn an_environment_is_laid_over_the_base_and_has_its_own_place() {
    let directory = project(&[
        (
            "bootstrap-config.yml",
            "services:\n  - {name: a, phase: 1, port: 1, command: [x]}\n  - {name: b, phase: 1}\n",
        ),
        (
            "bootstrap-config.staging.yml",
            "services:\n  a: {port: 2}\n  c: {phase: 1}\nlogging: {level: debug, keep_runs: 7}\n",
        ),
    ]);
    let base = load_from(directory.path(), None).unwrap();
    assert_eq!(base.config.environment, "dev");
    assert_eq!(base.config.logging.keep_runs, 100);
    assert!(base.layout.home.ends_with(".chora"));
    let staging = load_from(directory.path(), Some("staging")).unwrap();
    let names: Vec<_> = staging
        .config
        .services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    let a = staging.config.service("a").unwrap();
    assert_eq!(
        (a.port, a.command.as_slice()),
        (Some(2), ["x".to_owned()].as_slice())
    );
    assert_eq!(staging.config.logging.level, "debug");
    assert_eq!(staging.config.logging.keep_runs, 7);
    assert!(staging.layout.home.ends_with(".chora/environments/staging"));
    assert_eq!(staging.files.len(), 2);
}

#[test]
fn a_problem_in_the_overlay_names_the_overlay() {
    let directory = project(&[
        ("bootstrap-config.yml", "services: []\n"),
        ("bootstrap-config.prod.yml", "\nlogging: {level: loud}\n"),
    ]);
    let error = load_from(directory.path(), Some("prod")).unwrap_err();
    let problem = error.problems().first().unwrap();
    assert!(problem.file.ends_with("bootstrap-config.prod.yml"));
    assert_eq!(problem.line, 2);
}

#[test]
fn no_file_means_the_built_in_configuration_and_a_missing_one_that_was_named_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    assert!(load_from(directory.path(), None).unwrap().builtin);
    let named = Source {
        project: directory.path().to_owned(),
        path: Some(directory.path().join("x.yml")),
        environment: None,
    };
    assert!(matches!(load(&named), Err(ConfigError::Missing { .. })));
    let bad = load_from(directory.path(), Some("../x"));
    assert!(matches!(bad, Err(ConfigError::EnvironmentName { .. })));
}

/// A key as minisign writes it.
fn key() -> String {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    pair.pk.to_base64()
}

#[test]
fn a_key_that_is_listed_twice_is_told_at_its_place() {
    let (one, two) = (key(), key());
    let listed = |second: &str, key: &str| {
        problems(&format!(
            "plugin_keys:\n  - {{name: a, key: {one}}}\n  - {{name: {second}, key: {key}}}\n"
        ))
    };
    assert_eq!(listed("b", &two), [""; 0]);
    let name = listed("a", &two).join("\n");
    assert!(
        name.contains("c.yml:3:5: there are two keys named `a`"),
        "{name}"
    );
    let key = listed("b", &one).join("\n");
    assert!(key.contains("c.yml:3:5: key `b` has the id"), "{key}");
    assert!(key.contains("of key `a`: one key is listed once"), "{key}");
}

#[test]
fn keys_are_read_from_either_form_and_rendered_to_be_read_again() {
    let text = key();
    let config = check(&format!("plugin_keys: {{team: {{key: {text}}}}}\n")).unwrap();
    let keys: Vec<_> = config.plugin_keys.iter().collect();
    assert_eq!((keys[0].name.as_str(), &keys[0].text), ("team", &text));
    let again = check(&render(&config)).unwrap();
    assert_eq!(again.plugin_keys, config.plugin_keys);
    assert!(check("plugin_keys: []\n").unwrap().plugin_keys.is_empty());
}

#[test]
fn an_environment_adds_and_replaces_keys_and_can_take_none_away() {
    let (one, two, three) = (key(), key(), key());
    let base = format!("plugin_keys:\n  - {{name: a, key: {one}}}\n  - {{name: b, key: {two}}}\n");
    let of = |over: &str| {
        let directory = project(&[
            ("bootstrap-config.yml", base.as_str()),
            ("bootstrap-config.prod.yml", over),
        ]);
        load_from(directory.path(), Some("prod"))
    };
    let texts = |over: &str| -> Vec<String> {
        let loaded = of(over).unwrap();
        loaded
            .config
            .plugin_keys
            .iter()
            .map(|key| key.text.clone())
            .collect()
    };
    assert_eq!(texts("plugin_keys: []\n"), [one.clone(), two.clone()]);
    assert_eq!(
        texts(&format!("plugin_keys: [{{name: b, key: {three}}}]\n")),
        [one.clone(), three.clone()]
    );
    assert_eq!(
        texts(&format!("plugin_keys: [{{name: c, key: {three}}}]\n")),
        [one, two, three]
    );
    let wrong = of("plugin_keys: none\n").unwrap_err();
    let problem = wrong.problems().first().unwrap();
    assert!(problem.file.ends_with("bootstrap-config.prod.yml"));
}
