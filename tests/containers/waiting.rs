//! Waiting for health: a container that ends meanwhile, and many at once.

use rustix::process::Signal;

use crate::docker::{ids, kill, made_for};
use crate::shells::{project, until_started};

const SLEEP: &str = "command: [sh, -c, \"echo the ship sinks; exec sleep 1000\"]";

#[test]
fn a_container_killed_while_it_is_waited_for_is_told_at_once_with_its_log() {
    let config = |health: &str| {
        format!(
            "services:\n  - {{name: ship, phase: 1, docker_compose: shells.yml, {health}, timeout: 600}}\n"
        )
    };
    // Nobody listens there.
    let deaf = config("health_endpoint: \"http://127.0.0.1:9/health\"");
    let ecosystem = project(&deaf, &[("ship", SLEEP)], "");
    let mut run = ecosystem.told(&["bootstrap", "--format", "json"]);
    until_started(&mut run, "ship");

    kill(&ids(&ecosystem)["ship"]);

    let failed = run.end().exits(2);
    failed.complains(&["CORE_FAILED", "exit code 137", "the ship sinks"]);
    ecosystem.write_config(&format!("{}engine: docker\n", config("health: none")));
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(made_for(&ecosystem).len(), 1);
}

#[test]
fn ten_containers_are_started_at_once() {
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    let services = names.iter().map(|name| {
        format!("  - {{name: {name}, phase: 1, docker_compose: shells.yml, health: none}}\n")
    });
    let config = format!("services:\n{}", services.collect::<String>());
    let compose: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), SLEEP)).collect();
    let ecosystem = project(&config, &compose, "");

    let run = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);

    let (mut open, mut most) = (0, 0);
    for event in run.events() {
        let step = event["step"].as_str().unwrap_or_default();
        if step.starts_with("core-services/start:") {
            match event["event"].as_str() {
                Some("step_started") => open += 1,
                Some("step_finished") => open -= 1,
                _ => {}
            }
        }
        most = most.max(open);
    }
    assert_eq!(most, 10);
    assert_eq!(made_for(&ecosystem).len(), 10);
    let again = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);
    assert_eq!(again.events().pop().expect("a summary")["changed"], 0);
}

#[test]
fn an_interrupt_between_making_and_starting_a_container_leaves_one_that_the_next_run_takes_up() {
    let config =
        "services:\n  - {name: ship, phase: 1, docker_compose: shells.yml, health: none}\n";
    let ecosystem = project(config, &[("ship", SLEEP)], "");
    let slow = [("FAILPOINTS", "container.create.after=sleep(2000)")];
    let mut command = ecosystem.command(&["bootstrap", "--format", "json"]);
    let mut run = crate::support::Told::by({
        command.envs(slow);
        command
    });
    run.until_document(|event| {
        event["event"] == "step_started" && event["step"] == "core-services/start:ship"
    });
    let made = std::iter::repeat_with(|| ids(&ecosystem)).find(|ids| !ids.is_empty());

    run.signal(Signal::INT);

    run.end().exits(6);
    assert_eq!(ecosystem.state()["status"], "interrupted");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(Some(ids(&ecosystem)), made);
}
