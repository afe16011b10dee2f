//! `status` of every kind of system. A failed one is in `failing`.

use crate::observe::SERVICES;
use crate::support::Ecosystem;

#[test]
fn a_system_never_started_is_2_and_names_the_command_to_start() {
    let ecosystem = Ecosystem::new();

    let output = ecosystem.chora(&["status"]).exits(2);

    assert!(
        output.stdout.contains("chora bootstrap"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_running_system_is_0_in_every_format() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);

    let table = ecosystem.chora(&["status"]).exits(0).stdout;
    let json = ecosystem
        .chora(&["status", "--format", "json"])
        .exits(0)
        .json();
    let yaml = ecosystem
        .chora(&["status", "--format", "yaml"])
        .exits(0)
        .stdout;

    assert_eq!(json["overall"]["state"], "healthy");
    assert_eq!(json["exit_code"], 0);
    let services = json["services"].as_array().expect("a list");
    assert_eq!(services.len(), 4);
    for service in services {
        assert_eq!(service["status"], "up", "{service}");
        assert_eq!(service["healthy"], true, "{service}");
        let name = service["name"].as_str().expect("a name");
        assert_eq!(service["port"], ecosystem.port(name));
        assert!(table.contains(name), "{table}");
        assert!(yaml.contains(name), "{yaml}");
    }
}

#[test]
fn a_killed_service_makes_it_1_and_the_next_run_brings_it_back() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ecosystem.ids();
    ecosystem.kill("gateway");

    let output = ecosystem.chora(&["status", "--format", "json"]).exits(1);
    assert_eq!(output.json()["overall"]["state"], "degraded");

    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem.chora(&["status"]).exits(0);
    let after = ecosystem.ids();
    assert_ne!(after["gateway"], ids["gateway"]);
    assert_eq!(after["manifest"], ids["manifest"]);
    assert_eq!(after["orchestrator"], ids["orchestrator"]);
}

#[test]
fn only_the_services_asked_for_are_shown_and_unknown_ones_are_named() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);

    let report = ecosystem
        .chora(&[
            "status",
            "--services",
            "gateway,manifest",
            "--format",
            "json",
        ])
        .exits(0)
        .json();
    assert_eq!(report["services"].as_array().expect("a list").len(), 2);

    let unknown = ecosystem
        .chora(&["status", "--services", "gatewy"])
        .exits(7);
    assert!(unknown.stderr.contains("gateway"), "{}", unknown.stderr);
}

#[test]
fn a_system_of_which_nothing_runs_any_more_is_1_and_says_so_of_each_service() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    for service in SERVICES {
        ecosystem.kill(service);
    }

    let report = ecosystem
        .chora(&["status", "--format", "json"])
        .exits(1)
        .json();

    for service in report["services"].as_array().expect("a list") {
        assert_eq!(service["status"], "exited", "{service}");
        assert_eq!(service["healthy"], false, "{service}");
    }
}
