//! Runs that succeed: the first, those after it, dry runs, and a second environment beside the first.

use crate::observe::{SERVICES, bytes, ids_of, listing};
use crate::support::{Ecosystem, Ports};

#[test]
fn a_fresh_run_is_validated_and_its_services_stay_up_after_it() {
    let ecosystem = Ecosystem::new();
    let run = ecosystem
        .chora(&["bootstrap", "--format", "json"])
        .exits(0)
        .events();

    let phases: Vec<_> = run
        .iter()
        .filter(|event| event["event"] == "phase_finished")
        .map(|event| (event["phase"].as_u64(), event["ending"].as_str()))
        .collect();
    let expected: Vec<_> = (0..=4)
        .map(|phase| (Some(phase), Some("succeeded")))
        .collect();
    assert_eq!(phases, expected);
    let summary = run.last().expect("a summary");
    assert_eq!(summary["exit_code"], 0, "{summary}");

    assert_eq!(ecosystem.ids().len(), 4);
    ecosystem.chora(&["status"]).exits(0);
    let state = ecosystem.state();
    assert_eq!(state["status"], "completed");
    assert_eq!(
        state["completed_phases"],
        serde_json::json!([0, 1, 2, 3, 4])
    );
}

#[test]
fn each_phase_has_its_heading_in_plain_output() {
    let ecosystem = Ecosystem::new();
    let output = ecosystem
        .chora(&["bootstrap", "--format", "plain"])
        .exits(0)
        .stdout;

    for phase in 0..=4 {
        let (heading, part) = (format!("Phase {phase}: "), format!("({}/5)", phase + 1));
        let found = output
            .lines()
            .any(|line| line.starts_with(&heading) && line.ends_with(&part));
        assert!(found, "{heading} {part} in\n{output}");
    }
    assert!(output.contains("✓ Start manifest"), "{output}");
    let url = format!("http://localhost:{}", ecosystem.port("gateway"));
    assert!(output.contains(&url), "{output}");
}

#[test]
fn five_runs_in_a_row_change_nothing_after_the_first() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ids_of(&ecosystem, &SERVICES);
    let credentials = bytes(&ecosystem, "credentials.json");

    for _ in 0..4 {
        let run = ecosystem
            .chora(&["bootstrap", "--format", "json"])
            .exits(0)
            .events();
        let summary = run.last().expect("a summary");
        assert_eq!(summary["changed"], 0, "{summary}");
        assert_eq!(ids_of(&ecosystem, &SERVICES), ids);
        assert_eq!(bytes(&ecosystem, "credentials.json"), credentials);
    }
}

#[test]
fn a_dry_run_on_nothing_leaves_the_directory_as_it_was() {
    let ecosystem = Ecosystem::new();
    let before = listing(ecosystem.path());

    ecosystem.chora(&["bootstrap", "--dry-run"]).exits(0);

    assert_eq!(listing(ecosystem.path()), before);
    assert!(ecosystem.ids().is_empty());
}

#[test]
fn dry_runs_on_a_running_system_leave_it_as_it_was() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let before = listing(ecosystem.path());
    let state = bytes(&ecosystem, "bootstrap-state.json");
    let ids = ids_of(&ecosystem, &SERVICES);

    ecosystem.chora(&["bootstrap", "--dry-run"]).exits(0);
    ecosystem
        .chora(&["rollback", "--to-phase", "0", "--force", "--dry-run"])
        .exits(0);

    assert_eq!(listing(ecosystem.path()), before);
    assert_eq!(bytes(&ecosystem, "bootstrap-state.json"), state);
    assert_eq!(ids_of(&ecosystem, &SERVICES), ids);
}

#[test]
fn another_environment_keeps_its_files_and_processes_apart() {
    let ecosystem = Ecosystem::new();
    let ports = Ports::reserve();
    let mut overlay = "services:\n".to_owned();
    for service in SERVICES {
        let port = ports.of(service);
        overlay.push_str(&format!(
            "  - {{name: {service}, port: {port}, health_endpoint: \"http://localhost:{port}/health\"}}\n"
        ));
    }
    ecosystem.write_overlay("staging", &overlay);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ids_of(&ecosystem, &SERVICES);
    let (state, credentials) = (
        bytes(&ecosystem, "bootstrap-state.json"),
        bytes(&ecosystem, "credentials.json"),
    );

    ecosystem
        .chora(&["bootstrap", "--environment", "staging"])
        .exits(0);

    assert_eq!(bytes(&ecosystem, "bootstrap-state.json"), state);
    assert_eq!(bytes(&ecosystem, "credentials.json"), credentials);
    assert_ne!(
        bytes(&ecosystem, "environments/staging/credentials.json"),
        credentials
    );
    let report = ecosystem
        .chora(&["status", "--environment", "staging", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(report["environment"], "staging");
    assert_eq!(report["services"][0]["port"], ports.of("manifest"));

    ecosystem
        .chora(&["reset", "--force", "--environment", "staging"])
        .exits(0);
    assert_eq!(ids_of(&ecosystem, &SERVICES), ids);
}
