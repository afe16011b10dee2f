//! The crash sweep: a command is killed at each of its injection points, and the next one makes good what it left.

use crate::oracle::{changes_nothing, completes, credentials, no_leftovers, succeeds, undisturbed};
use crate::points::{Hit, Trace, for_each, started, starting};
use crate::support::{Ecosystem, Output};

const KILLED: i32 = -1;

/// Kills the command at the hit. Which hits there are differs a little from run to run, so it may end by itself.
fn kill(ecosystem: &Ecosystem, arguments: &[&str], hit: &Hit) -> Result<Output, String> {
    let output = ecosystem.chora_with(&[hit.does("kill")], arguments);
    if output.code == KILLED || output.code == 0 {
        return Ok(output);
    }
    Err(format!(
        "it was not killed but ended with {}:\n{}",
        output.code, output.stderr
    ))
}

fn up() -> Ecosystem {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem
}

#[test]
fn a_first_run_killed_anywhere_is_completed_by_the_next() {
    let (trace, ran) = Trace::of(&Ecosystem::new(), &["bootstrap"]);
    ran.exits(0);
    for_each(trace.hits(), |hit| {
        let ecosystem = Ecosystem::new();
        kill(&ecosystem, &["bootstrap"], hit)?;
        completes(&ecosystem, credentials(&ecosystem).as_deref())
    });
}

/// A first run killed when it has just started its second service and could not yet write down that it did.
fn cut_off() -> Ecosystem {
    let ecosystem = Ecosystem::new();
    let second = Hit {
        point: started().to_owned(),
        after: 1,
    };
    let ran = ecosystem.chora_with(&[second.does("kill")], &["bootstrap"]);
    assert_eq!(ran.code, KILLED, "{}", ran.stderr);
    ecosystem
}

#[test]
fn a_recovery_killed_anywhere_is_completed_by_the_next() {
    let (trace, ran) = Trace::of(&cut_off(), &["bootstrap"]);
    ran.exits(0);
    for_each(trace.hits(), |hit| {
        let ecosystem = cut_off();
        let before = credentials(&ecosystem);
        kill(&ecosystem, &["bootstrap"], hit)?;
        completes(&ecosystem, before.as_deref())
    });
}

#[test]
fn a_run_that_changes_nothing_killed_anywhere_has_changed_nothing() {
    let ecosystem = up();
    let (trace, ran) = Trace::of(&ecosystem, &["bootstrap"]);
    ran.exits(0);
    let before = undisturbed(&ecosystem);
    assert_eq!(before.len(), 3);
    for hit in trace.hits() {
        let checked = kill(&ecosystem, &["bootstrap"], &hit)
            .and_then(|_| completes(&ecosystem, credentials(&ecosystem).as_deref()));
        assert_eq!(checked, Ok(()), "{hit}");
        assert_eq!(undisturbed(&ecosystem), before, "{hit}");
    }
}

#[test]
fn a_rollback_killed_anywhere_is_finished_by_the_next() {
    let arguments = ["rollback", "--to-phase", "1", "--force"];
    let (trace, ran) = Trace::of(&up(), &arguments);
    ran.exits(0);
    for_each(trace.hits(), |hit| {
        let ecosystem = up();
        let credentials = credentials(&ecosystem);
        let manifest = ecosystem.ids().remove("manifest").expect("a registry");
        kill(&ecosystem, &arguments, hit)?;
        succeeds(&ecosystem, &arguments)?;
        let left = ecosystem.found();
        if !left.keys().eq([&manifest]) {
            return Err(format!("this was left: {left:?}"));
        }
        completes(&ecosystem, credentials.as_deref())
    });
}

#[test]
fn a_rollback_killed_anywhere_can_be_given_up_for_going_forward() {
    let arguments = ["rollback", "--to-phase", "0", "--force", "--keep-data"];
    let (trace, ran) = Trace::of(&up(), &arguments);
    ran.exits(0);
    for_each(trace.hits(), |hit| {
        let ecosystem = up();
        let credentials = credentials(&ecosystem);
        kill(&ecosystem, &arguments, hit)?;
        completes(&ecosystem, credentials.as_deref())
    });
}

#[test]
fn a_reset_killed_anywhere_is_finished_by_the_next() {
    let arguments = ["reset", "--force", "--volumes"];
    let (trace, ran) = Trace::of(&up(), &arguments);
    ran.exits(0);
    for_each(trace.hits(), |hit| {
        let ecosystem = up();
        kill(&ecosystem, &arguments, hit)?;
        succeeds(&ecosystem, &arguments)?;
        let left = ecosystem.found();
        if !left.is_empty() {
            return Err(format!("this was left: {left:?}"));
        }
        for name in ["data", "credentials.json", "bootstrap-state.json"] {
            if ecosystem.home().join(name).exists() {
                return Err(format!("`{name}` was left"));
            }
        }
        no_leftovers(&ecosystem.home())?;
        completes(&ecosystem, None)
    });
}

#[test]
fn the_points_are_in_the_program_that_is_tested() {
    let (trace, ran) = Trace::of(&Ecosystem::new(), &["bootstrap"]);
    ran.exits(0);
    let counts = trace.counts();
    let (starting, _) = starting().rsplit_once('.').expect("a side");
    for name in [
        "lock.describe",
        "journal.create",
        "journal.write",
        "journal.sync",
        "file.create",
        "file.write",
        "file.sync",
        "file.rename",
        "file.sync-directory",
        "file.link",
        "host-call",
        "http.send",
        "engine.start",
        starting,
    ] {
        for side in ["before", "after"] {
            let point = format!("{name}.{side}");
            assert!(counts.contains_key(&point), "{point} in {counts:?}");
        }
    }
    let ecosystem = up();
    assert_eq!(changes_nothing(&ecosystem), Ok(()));
}
