//! Another component in the place of an added one: what is different is shown, and grants are given anew.

use chora_test_guests::{COURIER, COURIER_NEXT};

use crate::scene::{ASKED, add, bootstrap, copy, files, project, record, sha256, with_courier};

const UPDATE: [&str; 4] = ["plugin", "update", "courier", "courier-next.wasm"];

#[test]
fn the_difference_is_shown_and_new_grants_are_given_anew() {
    let ecosystem = with_courier();
    let before = files(&ecosystem);
    let refused = ecosystem.chora(&UPDATE).exits(7);
    let was = format!("SHA-256: it was {}", sha256(COURIER));
    for part in [
        "version: 1.0.0 → 2.0.0",
        &was,
        "source: it was courier.wasm",
        "+ import chora:bootstrap/health@0.1.1",
        "+ grant health=db",
        "+ grant machine=ports",
        "to see whether db is well",
    ] {
        assert!(
            refused.stdout.contains(part),
            "{part:?} in {}",
            refused.stdout
        );
    }
    assert!(
        !refused.stdout.contains(&format!("+ grant {ASKED}")),
        "{}",
        refused.stdout
    );
    refused.complains(&["--yes"]);
    assert_eq!(files(&ecosystem), before);
    // The grants of before are not enough, and are not taken for given.
    let old = [&UPDATE[..], &["--grant", ASKED]].concat();
    ecosystem
        .chora(&old)
        .exits(7)
        .complains(&["error[PLUGIN_DENIED]", "health=db"]);
    assert_eq!(files(&ecosystem), before);

    let new = [
        &UPDATE[..],
        &["--grant", "services=db:inspect,health=db,machine=ports"],
    ]
    .concat();
    ecosystem.chora(&new).exits(0);
    let record = record(&ecosystem);
    for part in [
        "\"2.0.0\"",
        &sha256(COURIER_NEXT),
        "after: \"db\"",
        "\"health=db\"",
    ] {
        assert!(record.contains(part), "{part:?} in {record}");
    }
    assert!(copy(&ecosystem, COURIER_NEXT).exists() && !copy(&ecosystem, COURIER).exists());
    bootstrap(&ecosystem);
}

#[test]
fn grants_that_are_not_asked_for_any_more_are_taken_back() {
    let ecosystem = project();
    add(&ecosystem, &["courier-next.wasm", "--phase", "2"]);
    let back = ["plugin", "update", "courier", "courier.wasm", "--yes"];
    let updated = ecosystem.chora(&back).exits(0);
    for part in [
        "- grant health=db",
        "- grant machine=ports",
        "- import chora:bootstrap/health@0.1.1",
    ] {
        assert!(
            updated.stdout.contains(part),
            "{part:?} in {}",
            updated.stdout
        );
    }
    assert!(!record(&ecosystem).contains("health=db"));
}

#[test]
fn on_a_terminal_the_new_grants_are_asked_for() {
    let ecosystem = with_courier();
    let before = files(&ecosystem);
    for (answer, code) in [("n\n", 3), ("y\n", 0)] {
        assert_eq!(files(&ecosystem), before);
        let mut terminal = ecosystem.terminal(&UPDATE);
        terminal.until_printed("give it the new grants too? [y/N]", 1);
        terminal.types(answer);
        assert_eq!(terminal.end(), code, "{}", terminal.screen());
    }
    assert!(record(&ecosystem).contains("\"health=db\""));
}

#[test]
fn the_same_component_is_no_update() {
    let ecosystem = with_courier();
    let before = files(&ecosystem);
    let same = ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
    assert!(
        same.stdout.contains("is what its source has"),
        "{}",
        same.stdout
    );
    assert_eq!(files(&ecosystem), before);
}

#[test]
fn a_plugin_of_another_kind_takes_no_phase_s_place() {
    let ecosystem = with_courier();
    let before = files(&ecosystem);
    let other = ["plugin", "update", "courier", "pulse.wasm", "--yes"];
    ecosystem.chora(&other).exits(7).complains(&[
        "error[CONFIG_ERROR]",
        "is a phase plugin",
        "health plugin",
        "chora plugin add pulse.wasm",
    ]);
    assert_eq!(files(&ecosystem), before);
}

#[test]
fn a_source_that_is_gone_is_named() {
    let ecosystem = with_courier();
    std::fs::remove_file(ecosystem.path().join("courier.wasm")).expect("a file");
    let update = ["plugin", "update", "courier", "--yes"];
    ecosystem
        .chora(&update)
        .exits(7)
        .complains(&["there is no file", "courier.wasm"]);
    assert!(copy(&ecosystem, COURIER).exists());
}
