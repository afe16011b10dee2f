//! What was changed behind chora's back between two runs is found and made good.

use std::path::PathBuf;

use serde_json::Value;

use crate::oracle::{completes, credentials, processes};
use crate::support::{Ecosystem, kill_group};

fn up() -> Ecosystem {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem
}

fn record(ecosystem: &Ecosystem, service: &str) -> PathBuf {
    ecosystem.home().join(format!("processes/{service}.json"))
}

fn change_record(ecosystem: &Ecosystem, service: &str, change: impl FnOnce(&mut Value)) {
    let path = record(ecosystem, service);
    let bytes = std::fs::read(&path).expect("a record");
    let mut value: Value = serde_json::from_slice(&bytes).expect("a record");
    change(&mut value);
    std::fs::write(path, value.to_string()).expect("a record");
}

#[test]
fn everything_killed_at_once_comes_back() {
    let ecosystem = up();
    let before = processes(&ecosystem);
    before.keys().copied().for_each(kill_group);

    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );

    let after = processes(&ecosystem);
    assert!(before.keys().all(|pid| !after.contains_key(pid)));
}

#[test]
fn an_empty_registry_is_filled_again() {
    let ecosystem = up();
    let pids = ecosystem.pids();
    kill_group(pids["manifest"]);
    let data = ecosystem.home().join("data/manifest");
    std::fs::remove_dir_all(data).expect("the registry's data");

    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );

    // Who only had to register again was not started again.
    assert_eq!(ecosystem.pids()["gateway"], pids["gateway"]);
    assert_eq!(ecosystem.pids()["orchestrator"], pids["orchestrator"]);
}

#[test]
fn a_process_id_that_was_given_to_another_process_is_not_taken_for_the_service() {
    let ecosystem = up();
    let pids = ecosystem.pids();
    kill_group(pids["gateway"]);
    let mut stranger = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .expect("a process");
    change_record(&ecosystem, "gateway", |record| {
        record["identity"]["pid"] = stranger.id().into();
        record["exit"] = Value::Null;
    });

    let completed = completes(&ecosystem, credentials(&ecosystem).as_deref());
    let lives = stranger.try_wait().expect("a process").is_none();
    stranger.kill().expect("a process");
    stranger.wait().expect("a process");

    assert_eq!(completed, Ok(()));
    assert!(lives, "the stranger was ended");
}

#[test]
fn a_service_that_runs_with_an_older_definition_is_replaced() {
    let ecosystem = up();
    let pids = ecosystem.pids();
    change_record(&ecosystem, "gateway", |record| {
        record["definition"] = "of another version".into();
    });

    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );

    assert_ne!(ecosystem.pids()["gateway"], pids["gateway"]);
    assert_eq!(ecosystem.pids()["manifest"], pids["manifest"]);
}

#[test]
fn a_damaged_record_is_named_and_nothing_is_started_beside_what_it_meant() {
    let ecosystem = up();
    let before = processes(&ecosystem);
    let path = record(&ecosystem, "gateway");
    let whole = std::fs::read(&path).expect("a record");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("a record");

    let refused = ecosystem.chora(&["bootstrap"]).exits(8);

    for part in ["STATE_CORRUPTED", "gateway.json", "damaged", "next actions"] {
        assert!(
            refused.stderr.contains(part),
            "{part} in {}",
            refused.stderr
        );
    }
    assert_eq!(processes(&ecosystem), before);
    std::fs::write(&path, whole).expect("a record");
    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );
}

#[test]
fn an_analyzer_stopped_through_the_orchestrator_s_back_is_deployed_again() {
    let ecosystem = up();
    let pids = ecosystem.pids();
    kill_group(pids["orchestrator"]);
    kill_group(pids["analyzer"]);

    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );

    assert_eq!(ecosystem.pids()["manifest"], pids["manifest"]);
}
