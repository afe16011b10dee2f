//! Observers: told of runs, in order, and no harm to them.

use rustix::process::Signal;
use serde_json::Value;

use crate::scene::{add, bootstrap, project, project_with, record};
use crate::support::{Ecosystem, Output};

/// A project that the herald observes, with more in its entry.
fn observed(rest: &str) -> Ecosystem {
    let ecosystem = project_with(&entry(rest));
    add(&ecosystem, &["herald.wasm"]);
    ecosystem
}

fn entry(rest: &str) -> String {
    format!("plugins:\n  - {{name: herald{rest}}}\n")
}

/// What the herald said among these events.
fn said_in(events: &[Value]) -> Vec<String> {
    let lines = events
        .iter()
        .filter(|event| event["event"] == "step_log" && event["step"] == "herald");
    lines
        .map(|event| event["message"].as_str().expect("a message").to_owned())
        .collect()
}

/// What it said in a run.
fn said(ran: &Output) -> Vec<String> {
    said_in(&ran.events())
}

/// The same of the latest run, by its journal.
fn noted(ecosystem: &Ecosystem) -> Vec<String> {
    let entries = std::fs::read_dir(ecosystem.home().join("runs")).expect("journals");
    let journal = entries.map(|entry| entry.expect("an entry").path()).max();
    let text = std::fs::read_to_string(journal.expect("a journal")).expect("a journal");
    let events = text.lines().map(serde_json::from_str);
    said_in(&events.collect::<Result<Vec<_>, _>>().expect("events"))
}

/// Changes the first such text of the configuration.
fn edit(ecosystem: &Ecosystem, from: &str, to: &str) {
    let path = ecosystem.home().join("bootstrap-config.yml");
    let text = std::fs::read_to_string(path).expect("a configuration");
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text);
    ecosystem.write_config(&changed);
}

fn run(ecosystem: &Ecosystem, command: &[&str]) -> Output {
    ecosystem.chora(&[command, &["--format", "json"]].concat())
}

/// The warnings of a run.
fn warnings(ran: &Output) -> Vec<String> {
    let events = ran.events();
    let messages = events
        .iter()
        .filter(|event| event["event"] == "notice")
        .filter_map(|event| event["message"].as_str());
    messages
        .filter(|message| message.starts_with("warning: observer"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn an_added_observer_is_told_of_every_run_in_order() {
    let ecosystem = project();
    let added = add(&ecosystem, &["herald.wasm"]);
    for part in [
        "world observer-plugin (observer)",
        "runs: beside every run, whose events it is told",
    ] {
        assert!(added.stdout.contains(part), "{part} in {}", added.stdout);
    }
    assert!(record(&ecosystem).contains("world: \"observer-plugin\""));
    let listed = ecosystem.chora(&["plugin", "list"]).exits(0).stdout;
    assert!(listed.contains("beside every run"), "{listed}");

    let dry = said(&run(&ecosystem, &["bootstrap", "--dry-run"]).exits(0));
    assert_eq!(dry[0], "bootstrap of dev (dry): begun");
    let ran = run(&ecosystem, &["bootstrap"]).exits(0);
    let told = said(&ran);
    let starts: Vec<String> = told
        .iter()
        .map(|line| line.replacen("bootstrap of dev (real): ", "", 1))
        .map(|line| line.chars().take(7).collect())
        .collect();
    assert_eq!(
        starts,
        [
            "begun", "phase 0", "phase 1", "db is h", "phase 2", "web is ", "phase 3", "phase 4",
            "complet",
        ]
    );
    assert_eq!(ran.events().pop().expect("an end")["event"], "run_finished");
    let validated = said(&run(&ecosystem, &["validate"]).exits(0));
    assert_eq!(validated[0], "validate of dev (real): begun");
    let back = ["rollback", "--to-phase", "1", "--force"];
    ecosystem.chora(&back).exits(0);
    let back = noted(&ecosystem);
    assert!(back[1].ends_with(", undone"), "{back:?}");
    ecosystem.chora(&["reset", "--force"]).exits(0);
    let reset = noted(&ecosystem);
    assert!(
        reset.last().expect("a line").contains("completed"),
        "{reset:?}"
    );
}

#[test]
fn an_observer_is_told_why_a_run_failed() {
    let ecosystem = observed("");
    edit(
        &ecosystem,
        "sleep, \"1000\"], health: none, dep",
        "\"false\"], health: none, dep",
    );
    let failed = run(&ecosystem, &["bootstrap"]).exits(3);
    let told = said(&failed).pop().expect("a line");
    assert!(
        told.contains("failed, interrupted false: INFRA_FAILED web: "),
        "{told}"
    );
    assert_eq!(warnings(&failed), Vec::<String>::new());
}

#[test]
fn an_observer_that_fails_is_a_warning_and_is_told_the_rest() {
    let ecosystem = observed(", settings: {fail: run-started}");
    let ran = run(&ecosystem, &["bootstrap"]).exits(0);
    assert_eq!(
        warnings(&ran),
        [
            "warning: observer `herald` did not take in `run-started`: no ink for \\u{1b}[31mrun-started"
        ]
    );
    assert_eq!(said(&ran).len(), 9);
}

#[test]
fn an_observer_that_crashes_is_told_nothing_more_but_the_end() {
    let ecosystem = observed(", settings: {crash: run-started}");
    let ran = run(&ecosystem, &["bootstrap"]).exits(0);
    let warned = warnings(&ran);
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("the quill broke"), "{warned:?}");
    let told = said(&ran);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("completed"), "{told:?}");
}

#[test]
fn an_observer_calls_only_what_it_was_granted_and_the_ledger_has_it() {
    let ecosystem = observed(", settings: {stop: run-completed, look: run-started}");
    let ran = run(&ecosystem, &["bootstrap"]).exits(0);
    let warned = warnings(&ran);
    assert!(warned[0].contains("services=db:stop"), "{warned:?}");
    let audit = ["plugin", "audit", "herald", "--format", "json"];
    let told = ecosystem.chora(&audit).exits(0).json();
    let calls = told["plugins"][0]["calls"].as_array().expect("calls");
    let calls: Vec<_> = calls
        .iter()
        .map(|call| (&call["function"], &call["allowed"], &call["denied"]))
        .collect();
    assert_eq!(
        calls,
        [
            (&"services.inspect".into(), &1.into(), &0.into()),
            (&"services.stop".into(), &0.into(), &1.into()),
        ]
    );
    ecosystem.chora(&["status"]).exits(0);
}

/// The run has nothing more to record then, and nothing for the change to wait for.
#[test]
fn an_observer_that_was_granted_it_changes_something_at_the_end_of_a_run() {
    let ecosystem = observed(", grants: [\"services=db:stop\"], settings: {stop: run-completed}");
    let ran = run(&ecosystem, &["bootstrap"]).exits(0);
    assert_eq!(warnings(&ran), Vec::<String>::new());
    let audit = ["plugin", "audit", "herald", "--format", "json"];
    let told = ecosystem.chora(&audit).exits(0).json();
    let call = &told["plugins"][0]["calls"][0];
    assert_eq!(
        (&call["function"], &call["allowed"]),
        (&"services.stop".into(), &1.into())
    );
    let status = ecosystem.chora(&["status"]).exits(1).stdout;
    assert!(status.contains("1/2 healthy"), "{status}");
}

#[test]
fn a_required_observer_that_fails_fails_the_run_and_nothing_is_lost() {
    let ecosystem = observed(", required: true, settings: {fail: run-completed}");
    let failed = run(&ecosystem, &["bootstrap"]).exits(1);
    failed.complains(&[
        "error[OBSERVER_FAILED]",
        "the required observer `herald` did not do its part: run-completed: no ink",
        "chora plugin inspect herald",
    ]);
    assert_eq!(ecosystem.state()["status"], "failed");
    let inspect = ["plugin", "inspect", "herald"];
    let inspected = ecosystem.chora(&inspect).exits(0).stdout;
    assert!(inspected.contains("9 (1 failed)"), "{inspected}");
    let status = ecosystem.chora(&["status"]).exits(3).stdout;
    assert!(status.contains("2/2 healthy"), "{status}");
    edit(&ecosystem, "fail: run-completed", "quiet: yes");
    assert!(!bootstrap(&ecosystem).is_empty());
    assert_eq!(ecosystem.state()["status"], "completed");
}

#[test]
fn an_observer_that_hangs_at_the_end_is_left_when_the_user_stops() {
    let ecosystem = observed(", settings: {hang: run-completed}");
    let mut told = ecosystem.told(&["bootstrap", "--format", "json"]);
    told.until_document(|event| {
        let said = event["message"].as_str().unwrap_or_default();
        event["step"] == "herald" && said.contains("completed")
    });

    told.signal(Signal::INT);
    told.signal(Signal::INT);

    let ran = told.end().exits(0);
    let warned = warnings(&ran);
    assert_eq!(warned, ["warning: observer `herald`: it was cut off"]);
    assert_eq!(ecosystem.state()["status"], "completed");
    let inspect = ["plugin", "inspect", "herald"];
    let inspected = ecosystem.chora(&inspect).exits(0).stdout;
    assert!(inspected.contains("9 (1 failed)"), "{inspected}");
}

#[test]
fn what_an_observer_was_told_is_on_record_although_it_called_nothing() {
    let ecosystem = observed(", grants: [\"services=db:stop\"]");
    let verbose = ecosystem.chora(&["bootstrap", "--verbose"]).exits(0).stdout;
    assert!(
        verbose
            .lines()
            .any(|line| line.contains("herald took ") && line.ends_with(" over `run-completed`")),
        "{verbose}"
    );

    let inspect = ["plugin", "inspect", "herald"];
    let inspected = ecosystem.chora(&inspect).exits(0).stdout;
    assert!(inspected.contains("EVENTS"), "{inspected}");
    let json = [&inspect[..], &["--format", "json"]].concat();
    let run = &ecosystem.chora(&json).exits(0).json()["runs"][0];
    let counts = ["events", "failed", "steps"].map(|count| run[count].as_u64());
    assert_eq!(counts, [Some(9), Some(0), Some(0)], "{run}");
    assert!(run["took_us"].as_u64() > Some(0), "{run}");
    let audit = ["plugin", "audit", "--unused", "herald"];
    let audited = ecosystem.chora(&audit).exits(0).stdout;
    for part in [
        "herald, in 1 of the runs",
        "services=db:stop: no call needed it",
    ] {
        assert!(audited.contains(part), "{part} in {audited}");
    }
}

#[test]
fn what_an_observer_cannot_be_is_told() {
    let ecosystem = project();
    let add = ["plugin", "add", "--yes", "herald.wasm", "--after", "db"];
    ecosystem.chora(&add).exits(7).complains(&[
        "is an observer and has no place among the phases",
        "`--after`",
    ]);
    for (rest, parts) in [
        (
            "plugins:\n  - {name: herald, path: herald.wasm, phase: 1, grants: [\"services=db:inspect\"]}\n",
            ["is an observer and cannot run as a phase", "`phase:`"],
        ),
        (
            "plugins:\n  - {name: courier, path: courier.wasm, after: db, required: true, grants: [\"services=db:inspect\"]}\n",
            [
                "is a phase plugin, and only an observer can be `required`",
                "`required:`",
            ],
        ),
    ] {
        let ecosystem = project_with(rest);
        ecosystem.chora(&["bootstrap"]).exits(7).complains(&parts);
    }
    let named = project_with(&entry(
        ", path: herald.wasm, grants: [\"services=db:inspect\"]",
    ));
    edit(&named, "health: none", "health: herald");
    let refused = named.chora(&["bootstrap"]).exits(7);
    refused.complains(&["service `db` names the health check `herald`, which is an observer"]);
}

#[test]
fn another_kind_of_component_does_not_take_its_place() {
    let ecosystem = observed("");
    let update = ["plugin", "update", "herald", "courier.wasm", "--yes"];
    ecosystem.chora(&update).exits(7).complains(&[
        "plugin `herald` is an observer, and the component of `courier.wasm` is a phase plugin",
    ]);
}

#[test]
fn a_component_for_an_older_version_is_added_and_runs() {
    let ecosystem = project();
    let added = add(&ecosystem, &["vintage.wasm", "--after", "db"]);
    assert!(
        added
            .stdout
            .contains("made for: chora:bootstrap@0.1.0, world phase-plugin"),
        "{}",
        added.stdout
    );
    assert!(record(&ecosystem).contains("wit: \"chora:bootstrap@0.1.0\""));
    let begun = bootstrap(&ecosystem);
    assert!(begun.contains(&("vintage/look".to_owned(), 1)), "{begun:?}");
}
