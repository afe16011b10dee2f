//! A failure in each phase: its exit code, what it leaves, and that the next run goes on from there.

use std::net::TcpListener;

use crate::observe::{SERVICES, ids_of};
use crate::support::{Ecosystem, reference};

/// Breaks the reference configuration, runs, mends it and runs again. `held` are the services that run before the failing phase.
#[track_caller]
fn fails_then_resumes(from: &str, to: &str, code: i32, name: &str, held: &[&str]) {
    let ecosystem = Ecosystem::with_config(|ports| {
        let sound = reference(ports);
        assert!(sound.contains(from), "{from} in\n{sound}");
        sound.replacen(from, to, 1)
    });
    let failed = ecosystem.chora(&["bootstrap"]).exits(code);
    assert!(failed.stderr.contains(name), "{}", failed.stderr);
    let state = ecosystem.state();
    assert_eq!(state["status"], "failed", "{state}");
    assert_eq!(state["current_phase"], code - 1, "{state}");
    ecosystem.chora(&["status"]).exits(3);
    let ids = ids_of(&ecosystem, held);

    ecosystem.write_config(&reference(ecosystem.ports()));
    let run = ecosystem
        .chora(&["bootstrap", "--format", "json"])
        .exits(0)
        .events();

    let resumes = run.iter().find(|event| event["event"] == "run_started");
    assert_eq!(resumes.expect("a start")["resumes"], state["run"]);
    assert_eq!(ids_of(&ecosystem, held), ids);
    assert_eq!(ids_of(&ecosystem, &SERVICES).len(), 4);
    ecosystem.chora(&["status"]).exits(0);
}

#[test]
fn a_foreign_listener_fails_phase_0_and_the_next_run_completes_without_it() {
    let ecosystem = Ecosystem::new();
    let listener = TcpListener::bind(("127.0.0.1", ecosystem.port("gateway"))).expect("a port");
    let failed = ecosystem.chora(&["bootstrap"]).exits(1);
    assert!(failed.stderr.contains("PREREQ_FAILED"), "{}", failed.stderr);
    assert!(ecosystem.ids().is_empty());
    ecosystem.chora(&["status"]).exits(3);

    drop(listener);
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem.chora(&["status"]).exits(0);
}

#[test]
fn a_core_service_that_exits_fails_phase_1_and_is_resumed() {
    fails_then_resumes(
        "command: [chora, serve, manifest]",
        "command: [sh, -c, \"echo no luck; exit 3\"]",
        2,
        "CORE_FAILED",
        &[],
    );
}

#[test]
fn a_gateway_that_exits_fails_phase_2_and_the_registry_is_kept() {
    fails_then_resumes(
        "command: [chora, serve, gateway]",
        "command: [sh, -c, \"exit 3\"]",
        3,
        "INFRA_FAILED",
        &["manifest", "orchestrator"],
    );
}

#[test]
fn a_missing_capability_program_fails_phase_3_and_the_infrastructure_is_kept() {
    fails_then_resumes(
        "command: [chora, serve, analyzer]",
        "command: [no-such-program-anywhere]",
        4,
        "CAP_FAILED",
        &["manifest", "orchestrator", "gateway"],
    );
}

#[test]
fn a_route_that_does_not_answer_fails_phase_4_and_everything_is_kept() {
    fails_then_resumes(
        "path: /analyze",
        "path: /no/such/path",
        5,
        "VALIDATION_FAILED",
        &["manifest", "orchestrator", "gateway"],
    );
}

#[test]
fn a_failed_run_told_to_roll_back_stops_what_it_started() {
    let ecosystem = Ecosystem::with_config(|ports| {
        reference(ports).replace("[chora, serve, gateway]", "[sh, -c, \"exit 3\"]")
    });

    ecosystem
        .chora(&["bootstrap", "--on-failure", "rollback"])
        .exits(3);

    assert!(ecosystem.ids().is_empty(), "{:?}", ecosystem.ids());
    ecosystem.write_config(&reference(ecosystem.ports()));
    ecosystem.chora(&["bootstrap"]).exits(0);
}
