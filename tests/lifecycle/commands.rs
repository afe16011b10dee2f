//! The commands that look at a system without changing it: `validate`, `logs`, `config`.

use crate::support::{Ecosystem, reference};

#[test]
fn validate_is_2_before_the_services_run_and_0_after() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["validate"]).exits(2);

    ecosystem.chora(&["bootstrap"]).exits(0);

    ecosystem.chora(&["validate"]).exits(0);
    ecosystem.chora(&["status"]).exits(0);
}

#[test]
fn validate_is_1_when_a_check_fails_unless_the_check_is_skipped() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let sound = reference(ecosystem.ports());
    ecosystem.write_config(&sound.replace("path: /analyze", "path: /no/such/path"));

    ecosystem.chora(&["validate"]).exits(1);

    ecosystem.chora(&["validate", "--skip-routing"]).exits(0);
}

#[test]
fn logs_shows_as_many_lines_as_asked_for_and_names_unknown_services() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);

    let all = ecosystem.chora(&["logs", "manifest"]).exits(0).stdout;
    let last = ecosystem
        .chora(&["logs", "manifest", "--tail", "1"])
        .exits(0)
        .stdout;

    assert!(!all.is_empty());
    assert_eq!(last.lines().count(), 1, "{last}");
    let unknown = ecosystem.chora(&["logs", "manifst"]).exits(7);
    assert!(unknown.stderr.contains("manifest"), "{}", unknown.stderr);
}

#[test]
fn the_shown_configuration_is_one_that_it_accepts() {
    let ecosystem = Ecosystem::new();
    let shown = ecosystem.chora(&["config", "show"]).exits(0).stdout;
    let port = format!("port: {}", ecosystem.port("analyzer"));
    assert!(shown.contains(&port), "{shown}");

    ecosystem.write_config(&shown);

    ecosystem.chora(&["config", "validate"]).exits(0);
    assert_eq!(ecosystem.chora(&["config", "show"]).exits(0).stdout, shown);
    let json = ecosystem.chora(&["config", "show", "--format", "json"]);
    json.exits(0).json();
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused_with_its_place() {
    let ecosystem = Ecosystem::new();
    let sound = reference(ecosystem.ports());
    ecosystem.write_config(&sound.replace("version: \"1.0\"", "version: \"1.0\"\nservises: []"));

    let refused = ecosystem.chora(&["config", "validate"]).exits(7);

    let place = "bootstrap-config.yml:2:1";
    assert!(refused.stderr.contains(place), "{}", refused.stderr);
}
