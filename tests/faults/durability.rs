//! The order in which things become durable, read from traces; and that a test would notice if one of them were left out.

use std::collections::BTreeSet;

use crate::observe::listing;
use crate::points::{Hit, Trace, starting};
use crate::support::Ecosystem;

/// Steps one after the other, so that the order of the trace is the order of the work.
const ALONE: [&str; 3] = ["bootstrap", "--parallel", "1"];

/// Host functions that change something.
const CHANGES: [&str; 4] = [
    "services.start",
    "services.stop",
    "services.remove",
    "credentials.ensure",
];

/// What a trace shows to be out of order.
fn breaches(trace: &Trace) -> Vec<String> {
    let mut found = Vec::new();
    let (mut unsynced, mut unnamed, mut named) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut journal_unsynced = false;
    for line in &trace.lines {
        let (point, about) = line.split_once(' ').unwrap_or((line, ""));
        match point {
            "file.write.after" => drop(unsynced.insert(about)),
            "file.sync.after" => drop(unsynced.remove(about)),
            "file.rename.before" if unsynced.contains(about) => {
                found.push(format!("`{about}` was put into place before it was synced"));
            }
            "file.rename.after" => drop(unnamed.insert(about)),
            "file.sync-directory.after" => {
                unnamed.remove(about);
                named.insert(about.to_owned());
            }
            "journal.write.after" => journal_unsynced = true,
            "journal.sync.after" => journal_unsynced = false,
            "process.spawn.before" if !named.contains(&format!("{about}.json")) => {
                found.push(format!(
                    "`{about}` was started before its record was durable"
                ));
            }
            "host-call.before" if CHANGES.contains(&about) && journal_unsynced => {
                found.push(format!(
                    "`{about}` was called before the journal was synced"
                ));
            }
            _ => {}
        }
    }
    for about in unnamed {
        found.push(format!("the name of `{about}` was never made durable"));
    }
    found
}

/// What is wrong with a run in which this point leaves out what it stands for.
pub(crate) fn breaches_without(point: &str) -> Vec<String> {
    let ecosystem = Ecosystem::new();
    let variables = [("FAILPOINTS", format!("{point}.skip=return"))];
    let (trace, ran) = Trace::with(&ecosystem, &ALONE, &variables);
    ran.exits(0);
    breaches(&trace)
}

#[test]
fn everything_is_durable_before_it_is_relied_on() {
    let ecosystem = Ecosystem::new();
    for arguments in [ALONE, ALONE] {
        let (trace, ran) = Trace::of(&ecosystem, &arguments);
        ran.exits(0);
        assert_eq!(breaches(&trace), [""; 0], "{arguments:?}");
    }
    // These undo steps side by side: while one calls, the journal takes in what another did.
    for arguments in [
        ["rollback", "--to-phase", "1", "--force"].as_slice(),
        &["reset", "--force", "--volumes"],
    ] {
        let (trace, ran) = Trace::of(&ecosystem, arguments);
        ran.exits(0);
        let mut breaches = breaches(&trace);
        breaches.retain(|breach| !breach.contains("journal was synced"));
        assert_eq!(breaches, [""; 0], "{arguments:?}");
    }
}

#[test]
fn a_file_that_is_not_synced_would_be_noticed() {
    let found = breaches_without("file.sync");
    assert!(
        found
            .iter()
            .any(|breach| breach.contains("before it was synced")),
        "{found:?}"
    );
}

#[test]
fn a_directory_that_is_not_synced_would_be_noticed() {
    let found = breaches_without("file.sync-directory");
    assert!(
        found
            .iter()
            .any(|breach| breach.contains("never made durable")),
        "{found:?}"
    );
}

#[test]
fn a_journal_that_is_not_synced_would_be_noticed() {
    let found = breaches_without("journal.sync");
    assert!(
        found
            .iter()
            .any(|breach| breach.contains("journal was synced")),
        "{found:?}"
    );
}

/// Kills a first run when it is about to start the first service, and looks whether the journal says that it was going to.
fn intent_is_on_the_disk(mutation: &str) -> bool {
    let ecosystem = Ecosystem::new();
    let first = Hit {
        point: starting().to_owned(),
        after: 0,
    };
    let (variable, kill) = first.does("kill");
    let ran = ecosystem.chora_with(&[(variable, format!("{kill}{mutation}"))], &["bootstrap"]);
    assert_eq!(ran.code, -1, "{}", ran.stderr);
    listing(&ecosystem.home().join("runs"))
        .iter()
        .filter_map(|journal| std::fs::read_to_string(journal).ok())
        .any(|journal| {
            journal
                .lines()
                .any(|line| line.contains("step_started") && line.contains("start:manifest"))
        })
}

#[test]
fn the_intent_is_on_the_disk_before_a_step_acts_and_its_absence_would_be_noticed() {
    assert!(intent_is_on_the_disk(""));
    assert!(!intent_is_on_the_disk(";journal.write.skip=return"));
}
