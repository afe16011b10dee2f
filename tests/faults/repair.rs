//! A state that is damaged in any way is never believed, and can be made anew.

use std::path::PathBuf;

use serde_json::Value;

use crate::observe::listing;
use crate::oracle::{completes, credentials, undisturbed};
use crate::points::{Hit, random, started};
use crate::support::Ecosystem;

fn up() -> Ecosystem {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem
}

fn state_file(ecosystem: &Ecosystem) -> PathBuf {
    ecosystem.home().join("bootstrap-state.json")
}

/// What the state says of the environment, without what every run writes anew.
fn meaning(mut state: Value) -> Value {
    for field in ["last_updated", "steps", "run", "started_at"] {
        state[field] = Value::Null;
    }
    state
}

#[test]
fn a_damaged_state_is_made_anew_from_journals_and_what_runs() {
    let ecosystem = up();
    let (before, running) = (ecosystem.state(), ecosystem.found());
    let whole = std::fs::read(state_file(&ecosystem)).expect("a state");
    std::fs::write(state_file(&ecosystem), &whole[..whole.len() / 2]).expect("a state");
    let refused = ecosystem.chora(&["bootstrap"]).exits(8);
    assert!(
        refused.stderr.contains("chora state repair"),
        "{}",
        refused.stderr
    );
    ecosystem.chora(&["state", "repair"]).exits(7);
    let files = listing(&ecosystem.home());
    let shown = ecosystem.chora(&["state", "repair", "--dry-run"]).exits(0);
    assert!(
        shown.stdout.contains("status: completed"),
        "{}",
        shown.stdout
    );
    assert_eq!(listing(&ecosystem.home()), files);

    ecosystem.chora(&["state", "repair", "--force"]).exits(0);

    assert_eq!(meaning(ecosystem.state()), meaning(before));
    assert_eq!(ecosystem.found(), running);
    let aside = ecosystem.home().join("bootstrap-state.json.damaged");
    assert_eq!(
        std::fs::read(aside).expect("the damaged file"),
        &whole[..whole.len() / 2]
    );
    ecosystem.chora(&["status"]).exits(0);
    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );
}

#[test]
fn a_state_that_claims_what_does_not_run_is_corrected() {
    let ecosystem = up();
    let needless = ecosystem.chora(&["state", "repair", "--force"]).exits(0);
    assert!(
        needless.stdout.contains("nothing to repair"),
        "{}",
        needless.stdout
    );
    ecosystem.kill("gateway");

    let repaired = ecosystem.chora(&["state", "repair", "--force"]).exits(0);

    assert!(
        repaired.stdout.contains("status: completed → interrupted"),
        "{}",
        repaired.stdout
    );
    assert_eq!(
        ecosystem.state()["completed_phases"],
        serde_json::json!([0, 1])
    );
    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );
}

#[test]
fn without_journals_what_runs_is_all_that_is_known() {
    let ecosystem = up();
    std::fs::remove_dir_all(ecosystem.home().join("runs")).expect("journals");
    std::fs::write(state_file(&ecosystem), "{").expect("a state");
    let before = ecosystem.found();

    ecosystem.chora(&["state", "repair", "--force"]).exits(0);

    assert_eq!(
        ecosystem.state()["services_started"]
            .as_array()
            .map(Vec::len),
        Some(4)
    );
    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );
    let after = ecosystem.found();
    assert!(
        before
            .iter()
            .all(|(id, name)| name == "analyzer" || after.contains_key(id))
    );
}

#[test]
fn where_nothing_was_ever_started_there_is_nothing_to_repair() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["state", "repair", "--force"]).exits(7);
    std::fs::write(state_file(&ecosystem), "{").expect("a state");
    let refused = ecosystem.chora(&["state", "repair", "--force"]).exits(8);
    assert!(refused.stderr.contains("chora reset"), "{}", refused.stderr);
    std::fs::write(state_file(&ecosystem), r#"{"schema_version": 999}"#).expect("a state");
    ecosystem.chora(&["state", "repair", "--force"]).exits(8);
}

#[test]
fn a_state_with_a_flipped_bit_is_refused_or_harmless() {
    let ecosystem = up();
    let whole = std::fs::read(state_file(&ecosystem)).expect("a state");
    let before = undisturbed(&ecosystem);
    for flip in 0..12 {
        let at = random(&format!("flip {flip}"), whole.len() * 8);
        let mut flipped = whole.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        std::fs::write(state_file(&ecosystem), &flipped).expect("a state");
        let ran = ecosystem.chora(&["bootstrap"]);
        // A letter of a name or a digit of a time may be another: that is looked at and made good.
        assert!(
            [0, 7, 8].contains(&ran.code),
            "bit {at}: {} {}",
            ran.code,
            ran.stderr
        );
        assert_eq!(undisturbed(&ecosystem), before, "bit {at}");
    }
    std::fs::write(state_file(&ecosystem), &whole).expect("a state");
    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );
}

#[test]
fn a_torn_or_altered_journal_of_a_killed_run_costs_nothing() {
    for damage in 0..6 {
        let ecosystem = Ecosystem::new();
        let second = Hit {
            point: started().to_owned(),
            after: 1,
        };
        let ran = ecosystem.chora_with(&[second.does("kill")], &["bootstrap"]);
        assert_eq!(ran.code, -1, "{}", ran.stderr);
        let journal = listing(&ecosystem.home().join("runs"))
            .pop()
            .expect("a journal");
        let mut bytes = std::fs::read(&journal).expect("a journal");
        let at = random(&format!("damage {damage}"), bytes.len());
        if damage % 2 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1;
        }
        std::fs::write(&journal, bytes).expect("a journal");
        assert_eq!(
            completes(&ecosystem, credentials(&ecosystem).as_deref()),
            Ok(()),
            "damage {damage} at {at}"
        );
    }
}
