//! Runs that end early: killed in each phase, interrupted, or refused because another one is going on.

use rustix::process::Signal;

use crate::observe::{Running, SERVICES, found, ids_of};
use crate::support::{Ecosystem, reference};

#[track_caller]
fn killed_in(phase: u8) {
    let ecosystem = Ecosystem::new();
    let mut run = Running::new(&ecosystem);
    run.until_phase(phase);
    run.kill();
    let before = found(&ecosystem);

    ecosystem.chora(&["bootstrap"]).exits(0);

    ecosystem.chora(&["status"]).exits(0);
    assert_eq!(ecosystem.state()["status"], "completed");
    let after = found(&ecosystem);
    // Analyzer is stopped and started by the last phase itself.
    for service in run.healthy.iter().filter(|name| *name != "analyzer") {
        assert_eq!(after[service], before[service], "{service} was not kept");
    }
    assert_eq!(ids_of(&ecosystem, &SERVICES).len(), 4);
}

#[test]
fn killed_in_phase_0_it_resumes() {
    killed_in(0);
}

#[test]
fn killed_in_phase_1_it_resumes() {
    killed_in(1);
}

#[test]
fn killed_in_phase_2_it_resumes_and_keeps_what_was_healthy() {
    killed_in(2);
}

#[test]
fn killed_in_phase_3_it_resumes_and_keeps_what_was_healthy() {
    killed_in(3);
}

#[test]
fn killed_in_phase_4_it_resumes_and_keeps_what_was_healthy() {
    killed_in(4);
}

/// A run that waits in phase 2 for a gateway that never answers.
fn waiting() -> (Ecosystem, Running) {
    let ecosystem = Ecosystem::with_config(|ports| {
        reference(ports).replace("[chora, serve, gateway]", "[sleep, \"600\"]")
    });
    let mut run = Running::new(&ecosystem);
    run.until(|event| event["event"] == "service_healthy" && event["service"] == "orchestrator");
    (ecosystem, run)
}

#[test]
fn a_second_run_is_refused_while_one_goes_on() {
    let (ecosystem, run) = waiting();

    let refused = ecosystem.chora(&["bootstrap"]).exits(9);

    assert!(refused.stderr.contains("LOCKED"), "{}", refused.stderr);
    let holder = run.child.id().to_string();
    assert!(refused.stderr.contains(&holder), "{}", refused.stderr);
    ecosystem.chora(&["rollback", "--force"]).exits(9);
}

#[track_caller]
fn interrupted_by(signal: Signal) {
    let (ecosystem, mut run) = waiting();
    crate::support::signal(run.child.id(), signal);
    run.until(|event| event["exit_code"] == 6);
    let status = run.child.wait().expect("an ended process");
    assert_eq!(status.code(), Some(6));
    assert_eq!(ecosystem.state()["status"], "interrupted");
    let ids = ids_of(&ecosystem, &["manifest", "orchestrator"]);

    ecosystem.write_config(&reference(ecosystem.ports()));
    ecosystem.chora(&["bootstrap"]).exits(0);

    assert_eq!(ids_of(&ecosystem, &["manifest", "orchestrator"]), ids);
    ecosystem.chora(&["status"]).exits(0);
}

#[test]
fn interrupted_from_the_keyboard_it_ends_with_6_and_resumes() {
    interrupted_by(Signal::INT);
}

#[test]
fn terminated_it_ends_with_6_and_resumes() {
    interrupted_by(Signal::TERM);
}

#[test]
fn hung_up_it_ends_with_6_and_resumes() {
    interrupted_by(Signal::HUP);
}

#[test]
fn a_run_that_outlasts_its_timeout_fails_in_its_phase() {
    let ecosystem = Ecosystem::with_config(|ports| {
        reference(ports).replace("[chora, serve, gateway]", "[sleep, \"600\"]")
    });

    ecosystem.chora(&["bootstrap", "--timeout", "3"]).exits(3);

    ids_of(&ecosystem, &["manifest"]);
}
