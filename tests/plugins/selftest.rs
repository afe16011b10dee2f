//! `chora plugin selftest`: the hostile suite as a user runs it.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::scene::{files, project};
use crate::support::{Ecosystem, Told};

/// The command, with a directory for temporary files of its own.
fn selftest(ecosystem: &Ecosystem, temporary: &Path, more: &[&str]) -> std::process::Command {
    let words = [&["plugin", "selftest"], more].concat();
    let mut command = ecosystem.command(&words);
    command.env("TMPDIR", temporary);
    command
}

fn entries(directory: &Path) -> usize {
    std::fs::read_dir(directory).expect("a directory").count()
}

#[test]
fn every_attack_is_made_and_stopped_and_nothing_is_left_of_it() {
    let ecosystem = project();
    let before = files(&ecosystem);
    let temporary = tempfile::tempdir().expect("a directory");
    let mut command = selftest(&ecosystem, temporary.path(), &["--format", "json"]);
    // What is set for the user's own runs is not for those of the attacks.
    command.env("CHORA_LOG", "warn");
    let output = command.output().expect("`chora` can be started");
    let output = crate::support::Output::of(&output);
    let report = output.json();
    let attacks = report["attacks"].as_array().expect("attacks");
    let failed: Vec<&Value> = attacks
        .iter()
        .filter(|attack| attack["outcome"] != "stopped")
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(report["stopped"], attacks.len());
    assert_eq!(report["failure"], Value::Null);
    assert_eq!(output.code, 0, "{}", output.stderr);

    let mut kinds = BTreeMap::<&str, usize>::new();
    for attack in attacks {
        let text = |key: &str| attack[key].as_str().expect("a text");
        assert!(!text("how").is_empty(), "{attack}");
        *kinds.entry(text("kind")).or_default() += 1;
    }
    let kinds: Vec<&str> = kinds.into_keys().collect();
    assert_eq!(
        kinds,
        [
            "components",
            "crashes",
            "grants",
            "plans",
            "requests",
            "room",
            "secrets",
            "time",
            "words"
        ]
    );
    assert_eq!(files(&ecosystem), before);
    assert_eq!(entries(temporary.path()), 0);
}

#[test]
fn it_needs_no_project_and_tells_each_kind() {
    let nowhere = tempfile::tempdir().expect("a directory");
    let ecosystem = project();
    let mut command = selftest(&ecosystem, nowhere.path(), &["--verbose"]);
    command.current_dir(nowhere.path());
    let output = command.output().expect("`chora` can be started");
    let output = crate::support::Output::of(&output).exits(0);
    for part in [
        "Attacking this chora with hostile plugins",
        "✓ components",
        "✓ secrets",
        "    ✓ an endless loop in `plan`\n      stopped: plugin `hostile` did not end `plan` within 2s",
        "attacks were stopped in",
    ] {
        assert!(
            output.stdout.contains(part),
            "{part:?} in {}",
            output.stdout
        );
    }
    let harmful = |c: char| c != '\n' && c.is_control();
    assert!(!output.stdout.contains(harmful), "{:?}", output.stdout);
}

#[test]
fn what_could_not_be_tried_is_no_success() {
    let ecosystem = project();
    let missing = ecosystem.path().join("missing");
    let mut command = selftest(&ecosystem, &missing, &[]);
    let output = command.output().expect("`chora` can be started");
    let output = crate::support::Output::of(&output).exits(1);
    assert!(
        output
            .stdout
            .contains("could not be made: failed to make a directory"),
        "{}",
        output.stdout
    );
    output.complains(&[
        "error[SELFTEST_FAILED]",
        "attacks could not be made",
        "next actions",
        "chora plugin selftest",
    ]);
}

#[test]
fn interrupted_it_ends_with_6_and_what_it_began_ends_with_it() {
    let ecosystem = project();
    let temporary = tempfile::tempdir().expect("a directory");
    let mut told = Told::by(selftest(&ecosystem, temporary.path(), &[]));
    // The first kinds are through, and others are at work.
    told.until("✓ components");
    told.signal(Signal::INT);
    let output = told.end().exits(6);
    output.complains(&["error[USER_INTERRUPTED]", "interrupted by SIGINT"]);
    assert_eq!(entries(temporary.path()), 0);
}
