//! Services that cannot come up: told at once, with what they said.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::{Ecosystem, Ports};

/// One service of phase 1 with this command; its port answers to nobody unless it listens itself.
fn one(ports: &Ports, command: &str, more: &str) -> String {
    let port = ports.of("manifest");
    format!(
        "services:\n  - {{name: db, phase: 1, command: {command}, port: {port}{more}}}\n  - {{name: web, phase: 2, command: [sleep, \"1000\"], health: none, dependencies: [db]}}\nengine: process\n"
    )
}

#[test]
fn a_foreign_holder_of_a_port_is_named_with_its_process() {
    let ecosystem = Ecosystem::with_config(|ports| one(ports, "[sleep, \"1000\"]", ""));
    let port = ecosystem.port("manifest");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port");
    let failed = ecosystem.chora(&["bootstrap"]).exits(1);
    for part in [
        "error[PREREQ_FAILED]".to_owned(),
        port.to_string(),
        std::process::id().to_string(),
        "db".to_owned(),
        "next actions".to_owned(),
    ] {
        assert!(failed.stderr.contains(&part), "{part} in {}", failed.stderr);
    }
    drop(listener);
}

#[test]
fn a_missing_program_is_named_and_nothing_is_left() {
    let ecosystem = Ecosystem::with_config(|ports| one(ports, "[no-such-program-anywhere]", ""));
    let failed = ecosystem.chora(&["bootstrap"]).exits(2);
    assert!(
        failed.stderr.contains("error[CORE_FAILED]"),
        "{}",
        failed.stderr
    );
    assert!(
        failed.stderr.contains("no-such-program-anywhere"),
        "{}",
        failed.stderr
    );
    assert!(ecosystem.ids().is_empty());
}

#[test]
fn a_service_that_exits_is_told_at_once_with_its_code_its_log_and_who_waited() {
    let ecosystem = Ecosystem::with_config(|ports| {
        one(
            ports,
            "[sh, -c, \"echo the disk is on fire; exit 42\"]",
            ", timeout: 600",
        )
    });
    let began = Instant::now();
    let failed = ecosystem.chora(&["bootstrap"]).exits(2);
    // Not a limit on speed: a run that waited for the timeout would take twenty times as long.
    assert!(began.elapsed() < Duration::from_secs(30));
    for part in [
        "exit code 42",
        "the disk is on fire",
        "waiting: web",
        "chora logs db",
    ] {
        assert!(failed.stderr.contains(part), "{part} in {}", failed.stderr);
    }
}

#[test]
fn a_service_that_never_answers_is_told_with_the_last_probe() {
    let ecosystem =
        Ecosystem::with_config(|ports| one(ports, "[sleep, \"1000\"]", ", timeout: 0.4"));
    let failed = ecosystem.chora(&["bootstrap"]).exits(2);
    assert!(
        failed.stderr.contains("not healthy within"),
        "{}",
        failed.stderr
    );
    assert!(failed.stderr.contains("last"), "{}", failed.stderr);
    // What runs is recorded, so that the next command finds it.
    assert_eq!(
        ecosystem.state()["services_started"],
        serde_json::json!(["db"])
    );
}
