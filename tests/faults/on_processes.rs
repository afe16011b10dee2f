//! What only the engine for processes has: a record of each of them, a fork, and files that a child could inherit.

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::durability::breaches_without;
use crate::observe::listing;
use crate::oracle::{completes, credentials};
use crate::points::{Hit, started};
use crate::support::Ecosystem;

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
fn a_process_id_that_was_given_to_another_process_is_not_taken_for_the_service() {
    let ecosystem = up();
    ecosystem.kill("gateway");
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
    let ids = ecosystem.ids();
    change_record(&ecosystem, "gateway", |record| {
        record["definition"] = "of another version".into();
    });

    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );

    assert_ne!(ecosystem.ids()["gateway"], ids["gateway"]);
    assert_eq!(ecosystem.ids()["manifest"], ids["manifest"]);
}

#[test]
fn a_damaged_record_is_named_and_nothing_is_started_beside_what_it_meant() {
    let ecosystem = up();
    let before = ecosystem.found();
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
    assert_eq!(ecosystem.found(), before);
    std::fs::write(&path, whole).expect("a record");
    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );
}

#[test]
fn a_start_without_a_record_of_its_intent_would_be_noticed() {
    let ecosystem = Ecosystem::new();
    let first = Hit {
        point: started().to_owned(),
        after: 0,
    };
    let (variable, kill) = first.does("kill");
    let mutation = format!("{kill};process.intent.skip=return");
    let ran = ecosystem.chora_with(&[(variable, mutation)], &["bootstrap"]);
    assert_eq!(ran.code, -1, "{}", ran.stderr);
    let orphans = ecosystem.found();
    assert_eq!(orphans.len(), 1, "{orphans:?}");

    let completed = completes(&ecosystem, None);

    for pid in orphans.into_keys() {
        let group = pid.parse().ok().and_then(Pid::from_raw);
        // It may have ended by itself, when its port was taken.
        let _ = kill_process_group(group.expect("a process id"), Signal::KILL);
    }
    assert!(completed.is_err(), "nobody noticed the orphan");
}

#[test]
fn started_services_have_nothing_of_chora_s_open() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let lock = ecosystem.home().join("lock");
    assert!(listing(&ecosystem.home()).contains(&lock));
    for (pid, service) in ecosystem.found() {
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).expect("open files") {
            let open = std::fs::read_link(entry.expect("an entry").path()).unwrap_or_default();
            assert_ne!(open, lock, "{service}");
            let is_journal = open.starts_with(ecosystem.home().join("runs"));
            assert!(!is_journal, "{service} has {open:?}");
        }
    }
}

#[test]
fn a_record_whose_directory_is_not_synced_would_be_noticed() {
    let found = breaches_without("file.sync-directory");
    assert!(
        found
            .iter()
            .any(|breach| breach.contains("record was durable")),
        "{found:?}"
    );
}
