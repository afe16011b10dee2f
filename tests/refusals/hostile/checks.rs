//! Health plugins that misbehave are told with the service that they are to look at.

use crate::support::Ecosystem;

fn failed(misdeed: &str) -> String {
    let ecosystem = Ecosystem::with_config(|_| {
        format!(
            "services:
  - name: db
    phase: 1
    command: [sleep, \"1000\"]
    timeout: 2
    health: {{plugin: bad-check, probe_timeout: 0.2, settings: {{misdeed: {misdeed}}}}}
plugins:
  - {{name: bad-check, path: bad-check.wasm}}
engine: process
"
        )
    });
    let path = ecosystem.path().join("bad-check.wasm");
    std::fs::write(path, chora_hostile_plugins::BAD_CHECK).expect("a component");
    let failed = ecosystem.chora(&["bootstrap"]).exits(2);
    assert!(
        failed.stderr.contains("error[CORE_FAILED]"),
        "{}",
        failed.stderr
    );
    assert!(failed.stderr.contains("`db`"), "{}", failed.stderr);
    assert!(failed.stderr.contains("`bad-check`"), "{}", failed.stderr);
    assert!(failed.stderr.contains("next actions"), "{}", failed.stderr);
    // The service runs, healthy or not, and is on record.
    assert_eq!(ecosystem.ids().len(), 1);
    failed.stderr
}

#[test]
fn a_check_that_panics_is_told_with_its_text() {
    let said = failed("panic");
    assert!(said.contains("the check burst"), "{said}");
}

#[test]
fn a_check_that_eats_memory_is_told_with_the_limit() {
    let said = failed("memory");
    assert!(said.contains("memory is limited to 256 MiB"), "{said}");
}

#[test]
fn a_check_that_never_answers_is_told_as_such() {
    let said = failed("loop");
    assert!(said.contains("gave no answer within"), "{said}");
}

#[test]
fn a_check_that_tries_to_change_something_is_refused_and_the_service_runs_on() {
    // The refusal is its summary, and it finds the service healthy: nothing was stopped.
    let ecosystem = Ecosystem::with_config(|_| {
        "services:
  - name: db
    phase: 1
    command: [sleep, \"1000\"]
    health: {plugin: bad-check, settings: {misdeed: change}}
plugins:
  - {name: bad-check, path: bad-check.wasm, grants: [\"services=*:stop\"]}
engine: process
"
        .to_owned()
    });
    let path = ecosystem.path().join("bad-check.wasm");
    std::fs::write(path, chora_hostile_plugins::BAD_CHECK).expect("a component");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ecosystem.ids().len(), 1);
}
