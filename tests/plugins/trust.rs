//! A component that is not the one that was added, or that wants more than it got: stopped and named before it does anything.

use chora_test_guests::{COURIER, COURIER_NEXT, PULSE};

use crate::scene::{
    ASKED, add, bootstrap, config, copy, files, project, record, sha256, with_courier,
};
use crate::support::Ecosystem;

/// Refuses to bootstrap before anything runs.
#[track_caller]
fn stopped(ecosystem: &Ecosystem, parts: &[&str]) {
    let refused = ecosystem.chora(&["bootstrap"]).exits(7);
    refused
        .complains(&["courier", "next actions"])
        .complains(parts);
    assert!(!ecosystem.home().join("processes").exists());
}

#[test]
fn a_component_that_was_changed_is_stopped_with_both_digests() {
    let ecosystem = with_courier();
    // Another good plugin, of the same name even: what counts is the bytes.
    std::fs::write(copy(&ecosystem, COURIER), COURIER_NEXT).expect("a copy");
    let parts = [
        "error[PLUGIN_CHANGED]",
        &sha256(COURIER),
        &sha256(COURIER_NEXT),
        "chora plugin update courier",
        "chora plugin remove courier",
    ];
    stopped(&ecosystem, &parts);
    ecosystem
        .chora(&["plugin", "verify"])
        .exits(1)
        .complains(&parts);
    ecosystem
        .chora(&["plugin", "inspect", "courier"])
        .exits(1)
        .complains(&parts);
    // The way out that was named.
    let mended = ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
    assert!(mended.stdout.contains("was put back"), "{}", mended.stdout);
    ecosystem.chora(&["plugin", "verify"]).exits(0);
    bootstrap(&ecosystem);
}

#[test]
fn a_component_that_is_gone_is_named_and_can_be_fetched_again() {
    let ecosystem = with_courier();
    let before = files(&ecosystem);
    std::fs::remove_dir_all(ecosystem.home().join("plugins")).expect("a directory");
    stopped(
        &ecosystem,
        &["error[PLUGIN_CHANGED]", "it is gone", &sha256(COURIER)],
    );
    let verified = ecosystem.chora(&["plugin", "verify"]).exits(1);
    assert!(
        verified.stdout.contains("✗ courier 1.0.0"),
        "{}",
        verified.stdout
    );
    // As in a fresh clone, which has the record only: no question, for nothing is new.
    ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
    assert_eq!(
        record(&ecosystem).as_bytes(),
        before[&ecosystem.home().join("plugins.lock")]
    );
    bootstrap(&ecosystem);
}

#[test]
fn a_changed_component_is_noticed_also_after_a_good_run() {
    let ecosystem = with_courier();
    bootstrap(&ecosystem);
    let mut bytes = COURIER.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(copy(&ecosystem, COURIER), &bytes).expect("a copy");
    let ids = ecosystem.ids();
    ecosystem
        .chora(&["bootstrap"])
        .exits(7)
        .complains(&["error[PLUGIN_CHANGED]", &sha256(&bytes)]);
    assert_eq!(ecosystem.ids(), ids);
    // A reset must go on in spite of it.
    ecosystem.chora(&["reset", "--force"]).exits(0);
}

#[test]
fn a_plugin_that_got_less_than_it_asks_for_is_stopped() {
    let ecosystem = with_courier();
    let less = record(&ecosystem).replace(&format!("grants:\n      - \"{ASKED}\""), "grants: []");
    std::fs::write(ecosystem.home().join("plugins.lock"), less).expect("a record");
    stopped(
        &ecosystem,
        &["error[CONFIG_ERROR]", "asks for grants", ASKED],
    );
    // The configuration can give it as well.
    ecosystem.write_config(&config(&format!(
        "plugins:\n  - {{name: courier, grants: [\"{ASKED}\"]}}\n"
    )));
    bootstrap(&ecosystem);
}

#[test]
fn what_it_was_not_granted_is_denied_and_named_and_the_rest_goes_on() {
    let ecosystem = with_courier();
    ecosystem.write_config(&config(
        "plugins:\n  - {name: courier, settings: {misdeed: stop}}\n",
    ));
    let failed = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(2);
    let summary = failed.events().pop().expect("events");
    let failure = &summary["failures"][0];
    assert_eq!(failure["code"], "PLUGIN_DENIED", "{failure}");
    assert_eq!(failure["step"], "courier/look", "{failure}");
    assert!(
        failure["next_actions"]
            .to_string()
            .contains("services=db:stop"),
        "{failure}"
    );
    assert!(ecosystem.ids().contains_key("db"));
    // It is on record.
    let inspected = ecosystem.chora(&["plugin", "inspect", "courier"]).exits(0);
    for part in [
        "1 (1 failed)",
        "services.stop on db:stop was denied",
        "services=db:stop",
    ] {
        assert!(
            inspected.stdout.contains(part),
            "{part:?} in {}",
            inspected.stdout
        );
    }
}

#[test]
fn a_name_with_two_components_is_an_error_with_two_ways_out() {
    let ecosystem = with_courier();
    ecosystem.write_config(&config(
        "plugins:\n  - {name: courier, path: courier-next.wasm, phase: 2}\n",
    ));
    stopped(
        &ecosystem,
        &[
            "error[CONFIG_ERROR]",
            "two components",
            "chora plugin remove courier",
        ],
    );
    ecosystem
        .chora(&["plugin", "remove", "courier", "--yes"])
        .exits(0);
    ecosystem
        .chora(&["bootstrap"])
        .exits(7)
        .complains(&["asks for grants that it was not given"]);
}

#[test]
fn a_changed_health_check_says_nothing_of_a_service_any_more() {
    let ecosystem = project();
    add(&ecosystem, &["pulse.wasm"]);
    ecosystem.write_config(&config("").replacen("health: none", "health: pulse", 1));
    bootstrap(&ecosystem);
    std::fs::write(copy(&ecosystem, PULSE), COURIER).expect("a copy");
    let status = ecosystem.chora(&["status"]).exits(1);
    assert!(status.stdout.contains(&sha256(PULSE)), "{}", status.stdout);
    ecosystem
        .chora(&["validate"])
        .exits(7)
        .complains(&["error[PLUGIN_CHANGED]", "`pulse`"]);
}
