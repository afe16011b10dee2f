//! Runs that end early: killed, interrupted.

use rustix::process::Signal;

use crate::docker::{containers, ids, made_for};
use crate::support::Ecosystem;

/// Kills a run when it has begun to make this service, and lets the next one finish.
fn killed_while_starting(service: &str) {
    let ecosystem = Ecosystem::with_config(containers);
    let mut run = ecosystem.told(&["bootstrap", "--format", "json"]);
    run.until_document(|event| {
        let step = event["step"].as_str().unwrap_or_default();
        event["event"] == "step_started" && step.ends_with(&format!(":{service}"))
    });
    run.signal(Signal::KILL);
    drop(run);
    let before = ids(&ecosystem);
    let credentials = std::fs::read(ecosystem.home().join("credentials.json"));

    ecosystem.chora(&["bootstrap"]).exits(0);

    let after = ids(&ecosystem);
    assert_eq!(after.len(), 4);
    for (name, id) in before {
        assert_eq!(after[&name], id, "{name} was made anew");
    }
    let kept = std::fs::read(ecosystem.home().join("credentials.json"));
    assert_eq!(
        kept.expect("credentials"),
        credentials.expect("credentials")
    );
    let again = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);
    assert_eq!(again.events().pop().expect("a summary")["changed"], 0);
}

#[test]
fn a_run_killed_in_phase_1_is_finished_by_the_next() {
    killed_while_starting("manifest");
}

#[test]
fn a_run_killed_in_phase_2_is_finished_by_the_next() {
    killed_while_starting("gateway");
}

#[test]
fn a_run_killed_in_phase_3_is_finished_by_the_next() {
    killed_while_starting("analyzer");
}

#[test]
fn an_interrupt_while_a_container_becomes_healthy_ends_with_6_and_resumes() {
    let ecosystem = Ecosystem::with_config(containers);
    let mut run = ecosystem.told(&["bootstrap", "--format", "json"]);
    run.until_document(|event| event["function"] == "services.start");
    run.signal(Signal::INT);
    run.end().exits(6);
    assert_eq!(ecosystem.state()["status"], "interrupted");
    let before = ids(&ecosystem);

    ecosystem.chora(&["bootstrap"]).exits(0);

    assert_eq!(ids(&ecosystem)["manifest"], before["manifest"]);
    assert_eq!(made_for(&ecosystem).len(), 4);
}
