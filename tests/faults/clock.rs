//! The wall clock is for telling the time and for nothing else: stepped an hour forward or back, it changes no run. `libfaketime` steps it, for chora and for the services alike.

use std::path::{Path, PathBuf};

use crate::observe::Running;
use crate::oracle::{completes, credentials};
use crate::support::{Ecosystem, reference};

/// Where Debian and others have the library; `cargo xtask setup` installs it.
fn library() -> PathBuf {
    let places = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    places
        .map(|place| place.path())
        .chain([PathBuf::from("/usr/lib")])
        .map(|place| place.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
        .expect("libfaketime; `cargo xtask setup` installs it")
}

/// What makes a process see the clock that the file tells.
fn variables(clock: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("LD_PRELOAD", library().display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

/// The reference services with a clock of their own, which stands at the right time so far.
fn with_clock() -> (Ecosystem, PathBuf) {
    let ecosystem = Ecosystem::new();
    // In a directory of its own, which containers are given as well.
    let directory = ecosystem.path().join("time");
    std::fs::create_dir(&directory).expect("a directory");
    let clock = directory.join("clock");
    step(&clock, "+0");
    let environment: Vec<String> = variables(&clock)
        .iter()
        .map(|(name, value)| format!("{name}: \"{value}\""))
        .collect();
    let environment = format!(
        "    timeout: 60\n    environment: {{{}}}\n",
        environment.join(", ")
    );
    let text = reference(ecosystem.ports()).replace("    timeout: 60\n", &environment);
    ecosystem.write_config(&text);
    (ecosystem, clock)
}

fn step(clock: &Path, offset: &str) {
    // Whole at once: a process may be reading it.
    let next = clock.with_extension("next");
    std::fs::write(&next, offset).expect("a clock");
    std::fs::rename(next, clock).expect("a clock");
}

#[track_caller]
fn stepped(offset: &str) {
    let (ecosystem, clock) = with_clock();
    let mut run =
        Running::of(ecosystem.spawn_with(&variables(&clock), &["bootstrap", "--format", "json"]));
    run.until_phase(2);
    step(&clock, offset);
    run.until(|event| event["exit_code"] == 0);
    let ids = ecosystem.ids();

    for offset in [offset, "+0", "-3600", "+3600"] {
        step(&clock, offset);
        let again = ecosystem
            .chora_with(&variables(&clock), &["bootstrap", "--format", "json"])
            .exits(0);
        let summary = again.events().pop().expect("a summary");
        assert_eq!(summary["changed"], 0, "at {offset}: {summary}");
        ecosystem
            .chora_with(&variables(&clock), &["status"])
            .exits(0);
    }
    assert_eq!(ecosystem.ids(), ids);
    step(&clock, "+0");
    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );
}

#[test]
fn a_clock_that_goes_an_hour_forward_in_the_middle_of_a_run_changes_nothing() {
    stepped("+3600");
}

#[test]
fn a_clock_that_goes_an_hour_back_in_the_middle_of_a_run_changes_nothing() {
    stepped("-3600");
}
