//! Runs whose end is wanted at once, runs that are not to end, and runs that nobody listens to any more.

use std::net::TcpListener;

use rustix::process::Signal;

use crate::observe::ids_of;
use crate::support::{Ecosystem, Ports, Told, plain};

/// A service that ignores every signal that can be ignored, and never listens; one that stands before it, and one that waits for it.
fn deaf(ports: &Ports) -> String {
    let port = ports.of("manifest");
    let script = "trap '' INT TERM HUP; while :; do sleep 1000; done";
    format!(
        r#"services:
  - {{name: first, phase: 1, command: [sleep, "1000"], health: none}}
  - {{name: deaf, phase: 2, command: [sh, -c, "{script}"], port: {port}, stop_grace: 0.1}}
  - {{name: last, phase: 3, command: [sleep, "1000"], health: none, dependencies: [deaf]}}
engine: process
"#
    )
}

/// A run that has started a service that does not listen, and waits for it.
fn waiting(ecosystem: &Ecosystem, command: std::process::Command) -> Told {
    let mut run = Told::by(command);
    run.until_document(|event| {
        event["function"] == "services.start" && event["target"].as_str().is_some_and(names_deaf)
    });
    ids_of(ecosystem, &["first", "deaf"]);
    run
}

fn names_deaf(target: &str) -> bool {
    target.split(':').next() == Some("deaf")
}

#[test]
fn an_interrupt_leaves_a_wait_for_health_at_once_and_the_next_run_goes_on() {
    let ecosystem = Ecosystem::with_config(deaf);
    let mut run = waiting(
        &ecosystem,
        ecosystem.command(&["bootstrap", "--format", "json"]),
    );
    let held = ids_of(&ecosystem, &["first"]);
    let old = ids_of(&ecosystem, &["deaf"]);

    run.signal(Signal::INT);
    run.until_error("Once more stops at once");
    let left = run.until_document(|event| event["event"] == "service_not_healthy");
    assert_eq!(left["reason"], "the wait was cut off");
    run.end().exits(6);
    let inspect = ["plugin", "inspect", "tcp-check", "--format", "json"];
    let probed = &ecosystem.chora(&inspect).exits(0).json()["runs"][0];
    let counts = ["probes", "failed"].map(|count| probed[count].as_u64());
    assert!(counts[0] > Some(0) && counts[0] == counts[1], "{probed}");

    ecosystem.chora(&["status"]).exits(3);
    assert_eq!(ids_of(&ecosystem, &["deaf"]), old);

    // Mended, it is another definition: the deaf process gives way after its grace.
    ecosystem.write_config(&mended(ecosystem.ports()));
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ecosystem.state()["status"], "completed");
    assert_eq!(ids_of(&ecosystem, &["first"]), held);
}

/// With a deaf service that nobody waits for.
fn mended(ports: &Ports) -> String {
    deaf(ports).replace("port: ", "health: none, port: ")
}

#[test]
fn a_second_interrupt_ends_at_once_what_does_not_end_by_itself() {
    let ecosystem = Ecosystem::with_config(mended);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let old = ids_of(&ecosystem, &["deaf"]);
    // Another definition, and all the time in the world for the deaf process to give way.
    let patient =
        mended(ecosystem.ports()).replace("stop_grace: 0.1", "stop_grace: 1000, version: 2.0.0");
    ecosystem.write_config(&patient);
    let mut run = ecosystem.told(&["bootstrap", "--format", "json"]);
    run.until_document(|event| {
        event["event"] == "step_started"
            && event["step"]
                .as_str()
                .is_some_and(|step| step.ends_with(":deaf"))
    });

    run.signal(Signal::INT);
    run.until_error("Once more stops at once");
    run.signal(Signal::INT);
    run.until_error("stopped at once");
    run.end().exits(6);

    ecosystem.chora(&["status"]).exits(3);
    assert_eq!(ids_of(&ecosystem, &["deaf"]), old);
    ecosystem.write_config(&mended(ecosystem.ports()));
    ecosystem.chora(&["bootstrap"]).exits(0);
}

#[test]
fn an_ignored_hangup_stays_ignored_as_under_nohup() {
    let ecosystem = Ecosystem::with_config(deaf);
    let chora = ecosystem.command(&["bootstrap", "--format", "json"]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(chora.get_program())
        .args(chora.get_args())
        .stdin(std::process::Stdio::null());
    for (name, value) in chora.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let run = waiting(&ecosystem, command);

    run.signal(Signal::HUP);

    // What was waited for: somebody listens.
    let listener = TcpListener::bind(("127.0.0.1", ecosystem.port("manifest"))).expect("a port");
    run.end().exits(0);
    drop(listener);
    assert_eq!(ecosystem.state()["status"], "completed");
}

#[test]
fn a_reader_that_has_enough_neither_ends_the_run_nor_makes_it_complain() {
    let ecosystem = Ecosystem::with_config(plain);
    for format in ["plain", "json"] {
        let mut run = ecosystem.told(&["bootstrap", "--format", format]);
        run.line();
        run.hang_up();

        assert_eq!(run.end().exits(0).stderr, "");
        assert_eq!(ecosystem.state()["status"], "completed");
        assert_eq!(ecosystem.ids().len(), 3);
        ecosystem.kill("web");
    }
}

#[test]
fn the_exit_code_is_the_same_when_nobody_reads_what_failed() {
    let ecosystem = Ecosystem::with_config(|ports| {
        plain(ports).replacen("[chora, serve, analyzer]", "[sh, -c, \"exit 3\"]", 1)
    });
    let mut run = ecosystem.told(&["bootstrap"]);
    run.line();
    run.hang_up();

    let ended = run.end().exits(3);

    assert!(
        ended.stderr.contains("error[INFRA_FAILED]"),
        "{}",
        ended.stderr
    );
    assert_eq!(ecosystem.state()["status"], "failed");
}

/// A stubborn service with a child as stubborn as itself.
fn stubborn(_: &Ports) -> String {
    let script = "trap '' TERM; sh -c 'trap \\\"\\\" TERM; while :; do sleep 1000; done' & echo up; while :; do sleep 1000; done";
    format!(
        "services:\n  - {{name: mule, phase: 1, command: [sh, -c, \"{script}\"], health: none, stop_grace: 0.2}}\nengine: process\n"
    )
}

#[track_caller]
fn killed_by(command: &[&str]) {
    let ecosystem = Ecosystem::with_config(stubborn);
    ecosystem.chora(&["bootstrap"]).exits(0);
    // It has set its traps and started its child when it says so.
    ecosystem.told(&["logs", "mule", "--follow"]).until("up");
    let brood = ecosystem.brood("mule");
    assert!(brood.members().len() >= 3, "{:?}", brood.members());

    ecosystem.chora(command).exits(0);

    assert!(brood.members().is_empty(), "{:?}", brood.members());
    assert!(ecosystem.ids().is_empty());
}

#[test]
fn a_rollback_kills_a_service_that_does_not_end_with_all_its_children() {
    killed_by(&["rollback", "--to-phase", "0", "--force"]);
}

#[test]
fn a_reset_kills_a_service_that_does_not_end_with_all_its_children() {
    killed_by(&["reset", "--force"]);
}
