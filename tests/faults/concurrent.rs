//! Commands at the same time: one of them works, the others say who it is, or wait.

use rustix::process::Signal;

use crate::observe::Running;
use crate::oracle::completes;
use crate::support::{Ecosystem, Output, signal};

/// A first run that stands still in phase 2.
fn stopped() -> (Ecosystem, Running) {
    let ecosystem = Ecosystem::new();
    let mut run = Running::new(&ecosystem);
    run.until_phase(2);
    signal(run.child.id(), Signal::STOP);
    (ecosystem, run)
}

fn at_once(ecosystem: &Ecosystem, count: usize, arguments: &[&str]) -> Vec<Output> {
    at_once_with(ecosystem, count, &[], arguments)
}

fn at_once_with(
    ecosystem: &Ecosystem,
    count: usize,
    variables: &[(&str, String)],
    arguments: &[&str],
) -> Vec<Output> {
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..count)
            .map(|_| scope.spawn(|| ecosystem.chora_with(variables, arguments)))
            .collect();
        started
            .into_iter()
            .map(|one| one.join().expect("an output"))
            .collect()
    })
}

#[test]
fn ten_commands_beside_a_run_are_refused_and_told_who_it_is() {
    let (ecosystem, mut run) = stopped();
    let holder = format!("pid {}", run.child.id());
    let commands: [&[&str]; 4] = [
        &["bootstrap"],
        &["rollback", "--force"],
        &["reset", "--force"],
        &["config", "rotate-credentials", "--force"],
    ];
    for arguments in commands {
        for refused in at_once(&ecosystem, 3, arguments) {
            let refused = refused.exits(9);
            for part in [
                "LOCKED",
                "`chora bootstrap`",
                holder.as_str(),
                "since",
                "--lock-wait",
            ] {
                assert!(
                    refused.stderr.contains(part),
                    "{part} in {}",
                    refused.stderr
                );
            }
        }
    }
    // Who only looks needs no lock.
    assert_ne!(ecosystem.chora(&["status"]).code, 9);

    signal(run.child.id(), Signal::CONT);
    run.until(|event| event["exit_code"] == 0);
    assert_eq!(completes(&ecosystem, None), Ok(()));
}

#[test]
fn ten_runs_that_wait_for_each_other_do_the_work_once() {
    let ecosystem = Ecosystem::new();
    let outputs = at_once(
        &ecosystem,
        10,
        &["bootstrap", "--lock-wait", "300", "--format", "json"],
    );
    let changed = outputs
        .into_iter()
        .map(|output| output.exits(0).events().pop().expect("a summary"))
        .filter(|summary| summary["changed"] != 0)
        .count();
    assert_eq!(changed, 1);
    assert_eq!(completes(&ecosystem, None), Ok(()));
}

#[test]
fn a_lock_that_is_not_taken_would_be_noticed() {
    let (ecosystem, run) = stopped();
    let mutation = [("FAILPOINTS", "lock.take.skip=return".to_owned())];
    // The run may stand still in the middle of a start, for which others would wait as long as they may.
    let bounded = ["bootstrap", "--timeout", "5"];
    let outputs = at_once_with(&ecosystem, 2, &mutation, &bounded);
    assert!(outputs.iter().all(|output| output.code != 9));
    drop(run);
}

#[test]
fn a_reset_that_waits_for_a_run_takes_down_what_it_made() {
    let (ecosystem, mut run) = stopped();
    std::thread::scope(|scope| {
        let reset = scope
            .spawn(|| ecosystem.chora(&["reset", "--force", "--volumes", "--lock-wait", "300"]));
        signal(run.child.id(), Signal::CONT);
        run.until(|event| event["exit_code"] == 0);
        reset.join().expect("an output").exits(0);
    });
    assert_eq!(ecosystem.found().len(), 0);
    assert!(!ecosystem.home().join("bootstrap-state.json").exists());
}

#[test]
fn waiting_for_the_lock_ends_with_9_when_the_time_is_over_and_with_6_when_interrupted() {
    let (ecosystem, run) = stopped();
    let refused = ecosystem
        .chora(&["bootstrap", "--lock-wait", "0.2"])
        .exits(9);
    assert!(refused.stderr.contains("--lock-wait"), "{}", refused.stderr);

    let mut waiting = Running::with(&ecosystem, &["--lock-wait", "300"]);
    waiting.until(|event| event["event"] == "notice");
    signal(waiting.child.id(), Signal::INT);
    waiting.until(|event| event["exit_code"] == 6);
    drop(run);
}

#[test]
fn commands_that_are_no_runs_end_with_6_as_well_when_they_are_interrupted_while_they_wait() {
    let (ecosystem, _run) = stopped();
    for command in [
        ["state", "repair", "--force"],
        ["config", "rotate-credentials", "--force"],
    ] {
        let arguments = [&command[..], &["--lock-wait", "300"]].concat();
        let mut waiting = ecosystem.told(&arguments);
        waiting.until_error("waiting for it to end");
        waiting.signal(Signal::INT);
        let ended = waiting.end().exits(6);
        let told = &ended.stderr;
        assert!(told.contains("nothing was changed"), "{told}");
    }
}
