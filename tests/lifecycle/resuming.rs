//! What runs rely on of those before them, and what the state says of failures; runs with fewer steps at once, or without the last phase.

use serde_json::{Value, json};

use crate::observe::{SERVICES, ids_of};
use crate::support::{Ecosystem, reference};

/// How a step ended in a run told as JSON.
#[track_caller]
fn ending<'a>(run: &'a [Value], step: &str) -> &'a str {
    let found = run
        .iter()
        .find(|event| event["event"] == "step_finished" && event["step"] == step);
    found.unwrap_or_else(|| panic!("no `{step}`"))["ending"]
        .as_str()
        .expect("an ending")
}

#[test]
fn without_resume_even_the_disturbing_check_is_done_again() {
    let ecosystem = Ecosystem::new();
    let run = |more: &[&str]| {
        let command = [&["bootstrap", "--format", "json"], more].concat();
        ecosystem.chora(&command).exits(0).events()
    };
    assert_eq!(ending(&run(&[]), "validation/control"), "succeeded");
    let ids = ids_of(&ecosystem, &SERVICES);

    assert_eq!(ending(&run(&[]), "validation/control"), "skipped");
    assert_eq!(ids_of(&ecosystem, &SERVICES), ids);

    assert_eq!(
        ending(&run(&["--no-resume"]), "validation/control"),
        "succeeded"
    );
    let mut after = ids_of(&ecosystem, &SERVICES);
    assert_ne!(after["analyzer"], ids["analyzer"]);
    after.insert("analyzer".to_owned(), ids["analyzer"].clone());
    assert_eq!(after, ids);
    assert_eq!(ending(&run(&["--resume"]), "validation/control"), "skipped");
}

#[test]
fn failures_are_counted_until_one_run_succeeds() {
    let broken = |ecosystem: &Ecosystem| {
        let sound = reference(ecosystem.ports());
        let broken = sound.replace("[chora, serve, gateway]", "[sh, -c, \"exit 3\"]");
        ecosystem.write_config(&broken);
    };
    let ecosystem = Ecosystem::new();
    broken(&ecosystem);
    for count in 0..3 {
        ecosystem.chora(&["bootstrap"]).exits(3);
        let state = ecosystem.state();
        assert_eq!(state["retry_count"], count, "{state}");
        let error = state["last_error"].as_str().expect("an error");
        assert!(error.contains("gateway"), "{error}");
        assert_eq!(state["last_failure"]["code"], "INFRA_FAILED");
        assert_eq!(state["completed_at"], Value::Null);
    }

    let run = ecosystem
        .chora(&["bootstrap", "--no-resume", "--format", "json"])
        .exits(3)
        .events();
    assert_eq!(run[0]["resumes"], Value::Null, "{}", run[0]);
    assert_eq!(ecosystem.state()["retry_count"], 0);

    ecosystem.write_config(&reference(ecosystem.ports()));
    ecosystem.chora(&["bootstrap"]).exits(0);
    let state = ecosystem.state();
    assert_eq!(state["status"], "completed");
    assert_eq!(state["retry_count"], 0);
    assert_eq!(state["last_error"], Value::Null);
    assert_ne!(state["completed_at"], Value::Null);
}

/// What does not differ from run to run.
fn essence(mut state: Value) -> Value {
    let map = state.as_object_mut().expect("a map");
    for key in ["run", "started_at", "last_updated", "completed_at"] {
        map.remove(key).expect("a key of the state");
    }
    for step in map["steps"].as_object_mut().expect("a map").values_mut() {
        *step = step["progress"].clone();
    }
    for checkpoint in map["checkpoints"].as_array_mut().expect("a list") {
        checkpoint["timestamp"] = Value::Null;
        sort(&mut checkpoint["services_running"]);
    }
    sort(&mut map["services_started"]);
    sort(&mut map["services_healthy"]);
    state
}

fn sort(names: &mut Value) {
    let names = names.as_array_mut().expect("a list");
    names.sort_by_key(ToString::to_string);
}

#[test]
fn one_step_at_a_time_reaches_the_same_state() {
    let (wide, narrow) = (Ecosystem::new(), Ecosystem::new());
    wide.chora(&["bootstrap"]).exits(0);

    let run = narrow
        .chora(&["bootstrap", "--parallel", "1", "--format", "json"])
        .exits(0)
        .events();

    let mut at_once = 0;
    for event in run {
        match event["event"].as_str() {
            Some("step_started") => at_once += 1,
            Some("step_finished") if event["ending"] != "skipped" => at_once -= 1,
            _ => {}
        }
        assert!(at_once <= 1, "{event}");
    }
    assert_eq!(essence(narrow.state()), essence(wide.state()));
}

#[test]
fn validation_that_is_left_out_is_said_to_be_and_made_up_for_by_the_next_run() {
    let ecosystem = Ecosystem::new();
    let run = ecosystem
        .chora(&["bootstrap", "--skip-validation"])
        .exits(0);
    assert!(
        run.stdout.contains("validation is left out"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("Phase 4"), "{}", run.stdout);
    let state = ecosystem.state();
    assert_eq!(state["completed_phases"], json!([0, 1, 2, 3]));
    assert_eq!(ids_of(&ecosystem, &SERVICES).len(), 4);
    ecosystem.chora(&["status"]).exits(0);

    ecosystem.chora(&["bootstrap"]).exits(0);
    let completed = &ecosystem.state()["completed_phases"];
    assert_eq!(*completed, json!([0, 1, 2, 3, 4]));
}
