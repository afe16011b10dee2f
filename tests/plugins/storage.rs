//! Disks, permissions, damage, and others at work: the record is never half a record.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use chora_model::lock::EnvironmentLock;
use chora_test_guests::{COURIER, COURIER_NEXT};

use crate::scene::{add, bootstrap, copy, files, project, record, with_courier};
use crate::support::{Ecosystem, as_ordinary_user};

const ADD: [&str; 6] = ["plugin", "add", "courier.wasm", "--yes", "--phase", "2"];
const UPDATE: [&str; 5] = ["plugin", "update", "courier", "courier-next.wasm", "--yes"];
const REMOVE: [&str; 4] = ["plugin", "remove", "courier", "--yes"];

/// Opened again when it is dropped.
struct Closed(PathBuf);

impl Closed {
    fn new(path: PathBuf) -> Self {
        fs::set_permissions(&path, Permissions::from_mode(0o500)).expect("a directory");
        Self(path)
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, Permissions::from_mode(0o700));
    }
}

fn damage(ecosystem: &Ecosystem, text: &str) {
    fs::write(ecosystem.home().join("plugins.lock"), text).expect("a record");
}

#[test]
fn a_damaged_record_is_named_by_every_command_and_never_replaced() {
    let ecosystem = with_courier();
    let text = record(&ecosystem).replace("format: 1", "<<<<<<< ours\nformat: 1");
    damage(&ecosystem, &text);
    for command in [
        &ADD[..],
        &UPDATE,
        &REMOVE,
        &["plugin", "list"],
        &["plugin", "inspect", "courier"],
        &["plugin", "verify"],
        &["bootstrap"],
        &["status"],
    ] {
        ecosystem.chora(command).exits(7).complains(&[
            "error[CONFIG_ERROR]",
            "plugins.lock",
            "is damaged",
            "version control",
        ]);
        assert_eq!(record(&ecosystem), text, "{command:?}");
    }
    assert!(!ecosystem.home().join("processes").exists());
}

#[test]
fn a_record_of_a_newer_chora_is_told_as_such() {
    let ecosystem = with_courier();
    damage(&ecosystem, "format: 2\nplugins: []\n");
    for command in [&ADD[..], &["plugin", "list"], &["bootstrap"]] {
        ecosystem
            .chora(command)
            .exits(7)
            .complains(&["format 2", "newer"]);
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_told_and_left_as_it_was() {
    let ecosystem = project();
    let before = files(&ecosystem);
    let closed = Closed::new(ecosystem.home());
    as_ordinary_user(ecosystem.command(&ADD))
        .exits(1)
        .complains(&["error[IO_ERROR]", "Permission denied", "next actions"]);
    drop(closed);
    assert_eq!(files(&ecosystem), before);
    ecosystem.chora(&ADD).exits(0);
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    for (command, before) in [
        (&ADD[..], project()),
        (&UPDATE, with_courier()),
        (&REMOVE, with_courier()),
    ] {
        for point in ["file.create", "file.write", "file.sync", "file.rename"] {
            // The first and the second file that is written, where there are two.
            for after in ["", "1*off->"] {
                let ecosystem = &before;
                let was = files(ecosystem);
                let points = format!("{point}.before={after}return(ENOSPC)");
                let ran = ecosystem.chora_with(&[("FAILPOINTS", points)], command);
                if command == REMOVE && !after.is_empty() {
                    // It writes one file only, so that it succeeds; and starts over.
                    ran.exits(0);
                    add(ecosystem, &["courier.wasm", "--after", "db"]);
                    continue;
                }
                ran.exits(1)
                    .complains(&["error[IO_ERROR]", "No space left", "next actions"]);
                assert_eq!(files(ecosystem), was, "{command:?} {point} {after}");
            }
        }
        before.chora(command).exits(0);
    }
}

#[test]
fn wherever_it_is_killed_the_record_holds_and_the_next_command_goes_on() {
    let points = ["create", "write", "sync", "rename", "sync-directory"];
    for point in points {
        for side in ["before", "after"] {
            for after in ["", "1*off->"] {
                let ecosystem = with_courier();
                let points = format!("file.{point}.{side}={after}return(kill)");
                ecosystem
                    .chora_with(&[("FAILPOINTS", points)], &UPDATE)
                    .exits(-1);
                // It is the one or the other, whole.
                ecosystem.chora(&["plugin", "verify"]).exits(0);
                ecosystem.chora(&UPDATE).exits(0);
                assert_eq!(
                    fs::read(copy(&ecosystem, COURIER_NEXT)).expect("a copy"),
                    COURIER_NEXT
                );
                // A copy too many does no harm; anything else would be half of one.
                let whole = [copy(&ecosystem, COURIER), copy(&ecosystem, COURIER_NEXT)];
                let kept = files(&ecosystem).into_keys();
                let plugins = ecosystem.home().join("plugins");
                let mut kept = kept.filter(|path| path.starts_with(&plugins));
                assert!(kept.all(|path| whole.contains(&path)), "{point} {side}");
            }
        }
    }
}

#[test]
fn nothing_is_changed_while_another_command_is_at_work() {
    let ecosystem = with_courier();
    ecosystem
        .chora(&["bootstrap", "--environment", "staging"])
        .exits(0);
    let before = files(&ecosystem);
    for path in ["plugins/lock", "lock", "environments/staging/lock"] {
        let path = ecosystem.home().join(path);
        let lock = EnvironmentLock::acquire(&path, "chora test").expect("a lock");
        for command in [&ADD[..], &UPDATE, &REMOVE] {
            let command = if command == ADD {
                vec!["plugin", "add", "pulse.wasm", "--yes"]
            } else {
                command.to_vec()
            };
            ecosystem.chora(&command).exits(9).complains(&[
                "error[LOCKED]",
                "`chora test`",
                "--lock-wait",
            ]);
        }
        // Looking needs no lock.
        ecosystem.chora(&["plugin", "list"]).exits(0);
        ecosystem.chora(&["plugin", "inspect", "courier"]).exits(0);
        ecosystem.chora(&["plugin", "verify"]).exits(0);
        drop(lock);
        assert_eq!(files(&ecosystem), before);
    }
}

#[test]
fn a_command_waits_for_the_other_one_where_it_is_told_to() {
    let ecosystem = with_courier();
    let path = ecosystem.home().join("lock");
    let lock = EnvironmentLock::acquire(&path, "chora test").expect("a lock");
    let arguments = ["plugin", "remove", "courier", "--yes", "--lock-wait", "100"];
    let mut told = ecosystem.told(&arguments);
    told.until_error("waiting for it to end");
    drop(lock);
    told.end().exits(0);
    assert!(record(&ecosystem).ends_with("plugins: []\n"));
}

#[test]
fn two_at_once_are_both_added() {
    let ecosystem = project();
    let arguments = |source, name| {
        [
            "plugin",
            "add",
            source,
            "--name",
            name,
            "--phase",
            "2",
            "--yes",
            "--lock-wait",
            "100",
        ]
    };
    let one = ecosystem.spawn(&arguments("courier.wasm", "one"));
    let two = ecosystem.spawn(&arguments("courier-next.wasm", "two"));
    for child in [one, two] {
        let output = child.wait_with_output().expect("an ended process");
        crate::support::Output::of(&output).exits(0);
    }
    let record = record(&ecosystem);
    assert!(
        record.contains("\"one\"") && record.contains("\"two\""),
        "{record}"
    );
    assert_eq!(
        fs::read(copy(&ecosystem, COURIER)).expect("a copy"),
        COURIER
    );
    bootstrap(&ecosystem);
}

#[test]
fn a_run_that_waited_while_the_plugins_were_changed_says_so_and_does_nothing() {
    let ecosystem = with_courier();
    let path = ecosystem.home().join("lock");
    let lock = EnvironmentLock::acquire(&path, "chora test").expect("a lock");
    let mut told = ecosystem.told(&["bootstrap", "--lock-wait", "100"]);
    told.until("waiting for it to end");
    let changed = record(&ecosystem).replace("after: \"db\"", "phase: 3");
    damage(&ecosystem, &changed);
    drop(lock);
    told.end().exits(7).complains(&[
        "error[CONFIG_ERROR]",
        "plugins were changed while this command waited",
        "run the command again",
    ]);
    assert!(!ecosystem.home().join("processes").exists());
    bootstrap(&ecosystem);
}
