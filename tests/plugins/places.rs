//! Where an added plugin runs, and who has the last word on it.

use crate::scene::{add, bootstrap, config, project, project_with, record, with_courier};

/// The phase of the courier's step.
fn phase(steps: &[(String, u64)]) -> Option<u64> {
    let step = steps.iter().find(|(step, _)| step == "courier/look");
    step.map(|(_, phase)| *phase)
}

#[test]
fn it_runs_in_before_and_after_phases_and_services() {
    for (place, expected, record_has) in [
        (["--phase", "3"], 3, "phase: 3"),
        (["--before", "2"], 2, "before: 2"),
        (["--after", "1"], 1, "after: 1"),
        (["--before", "web"], 2, "before: \"web\""),
        (["--after", "web"], 2, "after: \"web\""),
    ] {
        let ecosystem = project();
        add(&ecosystem, &[&["courier.wasm"], &place[..]].concat());
        assert!(record(&ecosystem).contains(record_has), "{place:?}");
        let steps = bootstrap(&ecosystem);
        assert_eq!(phase(&steps), Some(expected), "{place:?}: {steps:?}");
    }
}

#[test]
fn the_configuration_has_the_last_word_on_place_and_on_whether_it_runs() {
    let ecosystem = with_courier();
    assert_eq!(phase(&bootstrap(&ecosystem)), Some(1));
    ecosystem.write_config(&config("plugins:\n  - {name: courier, before: 3}\n"));
    assert_eq!(phase(&bootstrap(&ecosystem)), Some(3));
    ecosystem.write_config(&config("plugins:\n  - {name: courier, enabled: false}\n"));
    assert_eq!(phase(&bootstrap(&ecosystem)), None);
}

#[test]
fn where_nothing_is_asked_for_the_place_is_that_of_the_configuration() {
    let ecosystem = project_with("plugins:\n  - {name: courier, after: web}\n");
    let refused = ["plugin", "add", "courier.wasm", "--yes", "--phase", "4"];
    ecosystem.chora(&refused).exits(7).complains(&[
        "error[CONFIG_ERROR]",
        "in phase 4",
        "after service `web`",
        "leave `--phase` out",
    ]);
    add(&ecosystem, &["courier.wasm"]);
    assert!(record(&ecosystem).contains("after: \"web\""));
    assert_eq!(phase(&bootstrap(&ecosystem)), Some(2));
}

#[test]
fn a_plugin_that_the_configuration_names_is_not_removed() {
    let ecosystem = with_courier();
    ecosystem.write_config(&config("plugins:\n  - {name: courier, settings: {a: 1}}\n"));
    let before = record(&ecosystem);
    let remove = ["plugin", "remove", "courier", "--yes"];
    ecosystem
        .chora(&remove)
        .exits(7)
        .complains(&["in use", "`plugins:`", "next actions"]);
    // Nor one that only another environment names.
    ecosystem.write_config(&config(""));
    let overlay = ecosystem.home().join("bootstrap-config.staging.yml");
    std::fs::write(&overlay, "plugins:\n  - {name: courier, enabled: false}\n").expect("a file");
    ecosystem
        .chora(&remove)
        .exits(7)
        .complains(&["environment `staging`"]);
    assert_eq!(record(&ecosystem), before);
    std::fs::remove_file(overlay).expect("a file");
    ecosystem.chora(&remove).exits(0);
}

#[test]
fn a_check_that_a_service_has_is_not_removed() {
    let ecosystem = project();
    add(&ecosystem, &["pulse.wasm"]);
    ecosystem.write_config(&config("").replacen("health: none", "health: pulse", 1));
    let remove = ["plugin", "remove", "pulse", "--yes"];
    ecosystem
        .chora(&remove)
        .exits(7)
        .complains(&["health check of service `db`"]);
    // With it gone all the same, the next run says so before anything is done.
    ecosystem.write_config(&config(""));
    ecosystem.chora(&remove).exits(0);
    ecosystem.write_config(&config("").replacen("health: none", "health: pulse", 1));
    ecosystem
        .chora(&["bootstrap"])
        .exits(7)
        .complains(&["`pulse`", "chora plugin add"]);
}
