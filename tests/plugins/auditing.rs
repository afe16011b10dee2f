//! What `audit` says of the ledgers of past runs.

use serde_json::Value;

use crate::scene::{
    ASKED, add, bootstrap, config, files, project, project_with, sha256, with_courier,
};
use crate::support::Ecosystem;

/// A project whose configuration names the courier and gives it these grants.
fn granted(grants: &str) -> Ecosystem {
    project_with(&format!(
        "plugins:\n  - {{name: courier, path: courier.wasm, after: db, grants: [{grants}]}}\n"
    ))
}

fn audit(ecosystem: &Ecosystem) -> Value {
    let command = ["plugin", "audit", "courier", "--format", "json"];
    ecosystem.chora(&command).exits(0).json()
}

#[test]
fn the_calls_of_all_runs_are_counted_with_the_grants_that_allowed_them() {
    let ecosystem = with_courier();
    let before = audit(&ecosystem);
    assert_eq!(before["runs"], 0);
    assert_eq!(before["plugins"][0]["calls"], Value::Array(Vec::new()));
    bootstrap(&ecosystem);
    bootstrap(&ecosystem);
    let before = files(&ecosystem);

    let told = audit(&ecosystem);

    let plugin = &told["plugins"][0];
    assert_eq!((&told["runs"], &plugin["runs"]), (&2.into(), &2.into()));
    assert_eq!(plugin["digests"][0], sha256(chora_test_guests::COURIER));
    let call = &plugin["calls"][0];
    assert_eq!(call["target"], "db:inspect");
    assert_eq!(call["grants"][0], ASKED);
    assert_eq!((&call["allowed"], &call["denied"]), (&2.into(), &0.into()));
    assert_eq!(plugin["unused"], Value::Array(Vec::new()));
    let latest = ecosystem.chora(&["plugin", "audit", "--runs", "1"]);
    let latest = latest.exits(0).stdout;
    for part in [
        "1 run of dev, the first ",
        "courier",
        "core-services",
        "db:inspect",
    ] {
        assert!(latest.contains(part), "{part} in {latest}");
    }
    assert_eq!(files(&ecosystem), before);
}

#[test]
fn grants_and_verbs_that_no_call_needed_are_named() {
    let ecosystem = granted("\"services=db:inspect+stop\", \"services=web:inspect\"");
    bootstrap(&ecosystem);

    let told = audit(&ecosystem);

    let unused = &told["plugins"][0]["unused"];
    assert_eq!(unused[0]["grant"], "services=db:inspect+stop");
    assert_eq!(unused[0]["verbs"], Value::from(vec!["stop"]));
    assert_eq!(unused[1]["grant"], "services=web:inspect");
    assert_eq!(unused[1]["verbs"], Value::Array(Vec::new()));
    let text = ecosystem.chora(&["plugin", "audit", "--unused", "courier"]);
    let text = text.exits(0).stdout;
    for part in [
        "services=db:inspect+stop: no call needed stop",
        "services=web:inspect: no call needed it",
        "leaving it out of `grants:` in the configuration",
        "ask its author for a version that asks for less",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_plugin_without_grants_is_said_to_have_none() {
    let ecosystem = project();
    add(&ecosystem, &["pulse.wasm"]);
    let audit = ["plugin", "audit", "--unused", "pulse"];
    let told = ecosystem.chora(&audit).exits(0).stdout;
    assert!(told.contains("has no grants"), "{told}");
}

#[test]
fn a_denied_call_is_told_with_what_it_needed_also_when_its_plugin_is_gone() {
    let ecosystem = project_with(&format!(
        "plugins:\n  - {{name: courier, path: courier.wasm, after: db, grants: [\"{ASKED}\"], settings: {{misdeed: stop}}}}\n"
    ));
    ecosystem.chora(&["bootstrap"]).exits(2);
    ecosystem.write_config(&config(""));

    let told = audit(&ecosystem);

    let plugin = &told["plugins"][0];
    assert_eq!(plugin["in_project"], false);
    let stop = plugin["calls"].as_array().expect("calls");
    let stop = stop
        .iter()
        .find(|call| call["denied"] == 1)
        .expect("a call");
    assert_eq!(stop["function"], "services.stop");
    assert_eq!(stop["needed"][0], "services=db:stop");
    let text = ecosystem.chora(&["plugin", "audit"]).exits(0).stdout;
    for part in ["not in the project any more", "needs services=db:stop"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_journal_that_was_altered_is_named_and_the_rest_is_read() {
    let ecosystem = with_courier();
    bootstrap(&ecosystem);
    let directory = ecosystem.home().join("runs");
    let mut journals = std::fs::read_dir(&directory).expect("journals").flatten();
    let journal = journals.next().expect("a journal").path();
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let altered = text.replacen("\"target\":\"db:inspect\"", "\"target\":\"db:nothing\"", 1);
    assert_ne!(altered, text);
    std::fs::write(&journal, altered).expect("a journal");

    let told = audit(&ecosystem);

    let run = journal.file_stem().expect("a name").to_string_lossy();
    assert_eq!(told["incomplete"][0], *run);
    let text = ecosystem.chora(&["plugin", "audit"]).exits(0).stdout;
    assert!(
        text.contains("not every call of 1 of them is known"),
        "{text}"
    );
    assert!(text.contains("services.start"), "{text}");
}

#[test]
fn a_plugin_that_nobody_knows_is_refused_with_those_that_there_are() {
    let ecosystem = project();
    add(&ecosystem, &["pulse.wasm"]);
    let refused = ecosystem.chora(&["plugin", "audit", "puls"]).exits(7);
    refused.complains(&["`puls`", "`pulse`", "`preflight`"]);
    ecosystem
        .chora(&["plugin", "audit", "--runs", "0"])
        .exits(7);
}
