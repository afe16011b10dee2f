//! A plugin that behaves has its place among the phases, and gets nothing that was not given to it.

use super::{config, endings, with_guest};
use crate::support::Ecosystem;

#[test]
fn a_good_plugin_runs_where_it_was_placed() {
    for (place, before, after) in [
        (
            "before: 2",
            "core-services/start:db",
            "infrastructure/start:web",
        ),
        (
            "after: 1",
            "core-services/start:db",
            "infrastructure/start:web",
        ),
        (
            "after: db",
            "core-services/start:db",
            "infrastructure/start:web",
        ),
        (
            "before: db",
            "preflight/directories",
            "core-services/start:db",
        ),
    ] {
        let ecosystem = with_guest(config(&format!(
            "plugins:\n  - {{name: mine, path: mine.wasm, {place}, settings: {{steps: [good]}}}}\n"
        )));
        let run = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);
        let told = |event: &str, step: &str| {
            let mut events = run.events().into_iter();
            let place = events.position(|told| told["event"] == event && told["step"] == step);
            place.unwrap_or_else(|| panic!("{place:?}: no {event} of {step} in {}", run.stdout))
        };
        let began = told("step_started", "mine/good");
        let ended = told("step_finished", "mine/good");
        assert!(told("step_finished", before) < began, "{place}");
        assert!(ended < told("step_started", after), "{place}");
        assert_eq!(endings(&run)["mine/good"], "succeeded");
    }
}

#[test]
fn a_grant_that_was_asked_for_and_not_given_is_7_and_nothing_runs() {
    // A bundled plugin has no privilege: in a file of the user's it is like any other.
    let core = chora_bundled_plugins::get("core-services").expect("a plugin");
    let ecosystem = Ecosystem::with_config(|_| {
        config(
            "plugins:\n  - {name: mine, path: mine.wasm, phase: 1, grants: [\"health=@phase:1\"]}\n",
        )
    });
    std::fs::write(ecosystem.path().join("mine.wasm"), core.bytes).expect("a component");
    let refused = ecosystem.chora(&["bootstrap"]).exits(7);
    for part in [
        "error[CONFIG_ERROR]",
        "`mine`",
        "services=@phase:1:start+remove",
        "to start the core services",
        "grants: [",
    ] {
        assert!(
            refused.stderr.contains(part),
            "{part} in {}",
            refused.stderr
        );
    }
    // What was given is not asked for again.
    assert!(
        !refused.stderr.contains("`health=@phase:1`"),
        "{}",
        refused.stderr
    );
    assert!(ecosystem.found().is_empty());
    assert!(!ecosystem.home().join("bootstrap-state.json").exists());
}
