//! Plugins of the user's own that misbehave while a real `chora` runs: told by name, at the cost of their own step and nothing else.

mod checks;
mod places;
mod plans;
mod secrets;

use std::collections::BTreeMap;
use std::net::TcpListener;

use serde_json::Value;

use crate::support::{Ecosystem, Output};

/// Two services and the rest of a configuration.
fn config(rest: &str) -> String {
    format!(
        "services:
  - {{name: db, phase: 1, command: [sleep, \"1000\"], health: none}}
  - {{name: web, phase: 2, command: [sleep, \"1000\"], health: none, dependencies: [db]}}
engine: process
{rest}"
    )
}

/// The guest `misdeeds` as the plugin `mine` of phase 2.
fn mine(settings: &str) -> String {
    config(&format!(
        "plugins:\n  - {{name: mine, path: mine.wasm, phase: 2, {settings}}}\n"
    ))
}

/// An ecosystem with the guest beside its configuration.
fn with_guest(config: String) -> Ecosystem {
    let ecosystem = Ecosystem::with_config(|_| config);
    let path = ecosystem.path().join("mine.wasm");
    std::fs::write(path, chora_hostile_plugins::MISDEEDS).expect("a component");
    ecosystem
}

/// The summary that ends a run's events.
fn summary(output: &Output) -> Value {
    let last = output.events().pop().expect("events");
    assert_eq!(last["event"], "run_finished", "{last}");
    last
}

/// How each step ended, by its key.
fn endings(output: &Output) -> BTreeMap<String, String> {
    let events = output.events().into_iter();
    let ended = events.filter(|event| event["event"] == "step_finished");
    ended
        .map(|event| {
            let text = |key: &str| event[key].as_str().expect("a text").to_owned();
            (text("step"), text("ending"))
        })
        .collect()
}

fn next_actions(failure: &Value) -> String {
    failure["next_actions"].to_string()
}

/// Brings both services up, lets the plugin do its misdeed beside them, and completes without it. Answers the failure.
#[track_caller]
fn misdeed(step: &str, more: &str, code: &str) -> Value {
    let settings = format!("settings: {{steps: [good, {step}]{more}");
    let ecosystem = with_guest(mine(&format!("enabled: false, {settings}")));
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ecosystem.ids();
    assert_eq!(ids.len(), 2, "{ids:?}");

    ecosystem.write_config(&mine(&settings));
    let failed = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(3);
    let summary = summary(&failed);
    let failures = summary["failures"].as_array().expect("failures");
    let [failure] = failures.as_slice() else {
        panic!("{failures:?}");
    };
    assert_eq!(failure["code"], code, "{failure}");
    assert_eq!(failure["plugin"], "mine", "{failure}");
    assert_eq!(failure["step"], format!("mine/{step}"), "{failure}");
    assert_eq!(failure["phase"], 2, "{failure}");
    let message = failure["message"].as_str().expect("a message");
    assert!(message.contains("plugin `mine`"), "{message}");
    assert!(message.contains(&format!("`apply({step})`")), "{message}");
    assert!(
        next_actions(failure).contains("chora bootstrap"),
        "{failure}"
    );

    let endings = endings(&failed);
    assert_eq!(endings["mine/good"], "succeeded");
    assert_eq!(endings["infrastructure/start:web"], "succeeded");
    assert_eq!(endings[&format!("mine/{step}")], "failed");
    assert_eq!(ecosystem.ids(), ids);
    let status = ecosystem.chora(&["status"]).exits(3);
    assert!(status.stdout.contains("web"), "{}", status.stdout);

    ecosystem.write_config(&mine(&format!("enabled: false, {settings}")));
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ecosystem.ids(), ids);
    ecosystem.chora(&["status"]).exits(0);
    failure.clone()
}

#[test]
fn a_step_that_loops_ends_at_its_timeout() {
    let failure = misdeed("loop", ", timeout: 300}", "PLUGIN_TIMEOUT");
    let message = failure["message"].as_str().expect("a message");
    assert!(message.ends_with("within 1.3s"), "{message}");
    let next = next_actions(&failure);
    assert!(next.contains("leave plugin `mine` out"), "{next}");
}

#[test]
fn a_step_that_waits_for_an_answer_tells_which() {
    // It accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let more = format!(
        ", timeout: 300, url: \"http://{address}/a\"}}, grants: [\"http=GET http://{address}/*\"]"
    );
    let failure = misdeed("get", &more, "PLUGIN_TIMEOUT");
    let message = failure["message"].as_str().expect("a message");
    let outstanding = format!("(it was in `http.send(GET http://{address}/a)`)");
    assert!(message.contains(&outstanding), "{message}");
}

#[test]
fn a_step_that_eats_memory_ends_at_the_limit() {
    let failure = misdeed("memory", "}", "PLUGIN_LIMIT");
    let message = failure["message"].as_str().expect("a message");
    assert!(
        message.contains("memory is limited to 256 MiB"),
        "{message}"
    );
    let next = next_actions(&failure);
    assert!(next.contains("leave plugin `mine` out"), "{next}");
}

#[test]
fn a_step_that_panics_is_told_with_its_text_and_where() {
    let failure = misdeed("panic", "}", "PLUGIN_TRAPPED");
    let message = failure["message"].as_str().expect("a message");
    assert!(message.contains("the boiler burst"), "{message}");
    let details = failure["details"].to_string();
    assert!(details.contains("at chora_hostile_misdeeds::"), "{details}");
    let next = next_actions(&failure);
    assert!(next.contains("tell the author of plugin `mine`"), "{next}");
}

#[test]
fn a_step_that_was_not_granted_what_it_does_is_told_with_the_grant() {
    let more = ", url: \"http://127.0.0.1:9/a\"}";
    let failure = misdeed("get", more, "PLUGIN_DENIED");
    let next = next_actions(&failure);
    assert!(next.contains("`http=GET http://127.0.0.1:9/a`"), "{next}");
    let message = failure["message"].as_str().expect("a message");
    assert!(message.contains("`http.send`"), "{message}");
}

/// In some languages, a refusal that the plugin does not expect is a crash.
#[test]
fn a_step_that_crashes_at_a_refusal_is_told_with_the_grant() {
    let failure = misdeed("insist", "}", "PLUGIN_TRAPPED");
    let message = failure["message"].as_str().expect("a message");
    assert!(
        message.contains("after `services.start` was refused (the grant `services=db:start` is missing): panicked at"),
        "{message}"
    );
    assert!(message.ends_with("nobody says no"), "{message}");
    let next = next_actions(&failure);
    assert!(
        next.contains("may do that, add to its `grants` in the configuration: `services=db:start`"),
        "{next}"
    );
    assert!(next.contains("tell the author of plugin `mine`"), "{next}");
}

#[test]
fn a_phase_s_timeout_ends_a_step_without_one_of_its_own() {
    let timeouts = "timeouts: {phase_2: 1}\n";
    let plugin = "settings: {steps: [loop]}";
    // The services are up before: the phase's second is the plugin's alone.
    let ecosystem = with_guest(mine(&format!("enabled: false, {plugin}")));
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem.write_config(&format!("{}{timeouts}", mine(plugin)));
    let failed = ecosystem.chora(&["bootstrap"]).exits(3);
    for part in [
        "error[TIMED_OUT]",
        "mine/loop",
        "phase's 1s",
        "timeouts.phase_2",
    ] {
        assert!(failed.stderr.contains(part), "{part} in {}", failed.stderr);
    }
    assert_eq!(ecosystem.ids().len(), 2);
}

#[test]
fn what_a_plugin_says_does_not_steer_the_terminal() {
    let ecosystem = with_guest(mine(
        "settings: {steps: [rude-log, rude-outcome, rude-failure]}",
    ));
    let failed = ecosystem.chora(&["bootstrap", "--verbose"]).exits(3);
    for said in [failed.stdout, failed.stderr] {
        assert!(said.contains("owned"), "{said}");
        let harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!said.contains(harmful), "{said:?}");
        assert!(said.len() < 1 << 20, "{} bytes", said.len());
    }
}

#[test]
fn the_title_of_a_step_is_clean_wherever_it_is_shown_and_kept() {
    let ecosystem = with_guest(mine("settings: {plan: rude-title}"));
    let shown = ecosystem.chora(&["bootstrap", "--verbose"]).exits(0).stdout;
    let events = ecosystem.chora(&["bootstrap", "--format", "json"]);
    let mut told: Vec<String> = events
        .exits(0)
        .events()
        .iter()
        .filter_map(|event| Some(event["title"].as_str()?.to_owned()))
        .filter(|title| title.contains("owned"))
        .collect();
    // It began and ended.
    assert_eq!(told.len(), 2, "{told:?}");
    let journals = std::fs::read_dir(ecosystem.home().join("runs")).expect("journals");
    for journal in journals.flatten() {
        let kept = std::fs::read_to_string(journal.path()).expect("a journal");
        assert!(kept.contains("owned"), "{kept}");
        told.push(kept);
    }
    told.push(ecosystem.state().to_string());
    told.push(shown);
    for text in told {
        let harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(harmful), "{text:?}");
        // Nor is it there for a reader of JSON to make of it what it was.
        assert!(!text.contains("\\u001b"), "{text}");
    }
}
