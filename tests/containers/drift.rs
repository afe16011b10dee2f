//! What was changed behind chora's back is found, named and mended, and nothing else is touched.

use crate::docker::{Foreign, containers, ids, kill, made_for, pause, remove, up};
use crate::support::Ecosystem;

#[test]
fn a_killed_a_paused_and_a_removed_container_come_back_and_the_others_stay() {
    let ecosystem = up();
    let before = ids(&ecosystem);
    kill(&before["gateway"]);
    pause(&before["analyzer"]);
    remove(&before["orchestrator"]);

    let status = ecosystem.chora(&["status"]).exits(1);
    for part in ["137", "paused", "absent"] {
        assert!(status.stdout.contains(part), "{part} in {}", status.stdout);
    }
    ecosystem.chora(&["bootstrap"]).exits(0);

    let after = ids(&ecosystem);
    assert_eq!(after["manifest"], before["manifest"]);
    assert_ne!(after["orchestrator"], before["orchestrator"]);
    ecosystem.chora(&["status"]).exits(0);
}

#[test]
fn another_definition_and_another_secret_replace_exactly_whom_they_concern() {
    let ecosystem = up();
    let before = ids(&ecosystem);
    let config = containers(ecosystem.ports());
    let changed = config.replacen("timeout: 120\n    dependencies: [manifest]\n\n  - name: analyzer", "timeout: 120\n    dependencies: [manifest]\n    environment: {COLOUR: blue}\n\n  - name: analyzer", 1);
    assert_ne!(changed, config);
    ecosystem.write_config(&changed);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let after = ids(&ecosystem);
    let replaced: Vec<&String> = before
        .keys()
        .filter(|service| after[*service] != before[*service])
        .collect();
    assert_eq!(replaced, ["gateway"]);
}

#[test]
fn a_container_of_somebody_else_with_our_name_is_reported_and_not_touched() {
    let ecosystem = up();
    let manifest = made_for(&ecosystem)
        .remove("manifest")
        .expect("a container");
    let name = manifest.names.expect("names").remove(0);
    let name = name.trim_start_matches('/');
    ecosystem.chora(&["reset", "--force", "--volumes"]).exits(0);
    let foreign = Foreign::named(name, "chora/manifest:1.0.0");

    let refused = ecosystem.chora(&["bootstrap"]).exits(2);

    assert!(refused.stderr.contains(name), "{}", refused.stderr);
    let short = &foreign.id[..12];
    assert!(refused.stderr.contains(short), "{}", refused.stderr);
    ecosystem.chora(&["reset", "--force", "--volumes"]);
    drop(foreign);
    ecosystem.chora(&["bootstrap"]).exits(0);
}

#[test]
fn an_ecosystem_that_was_never_started_has_nothing_to_show() {
    let ecosystem = Ecosystem::with_config(containers);
    ecosystem.chora(&["status"]).exits(2);
}
