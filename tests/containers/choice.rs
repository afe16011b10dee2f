//! `engine: auto`: Docker where it answers and everything can be a container, what runs already before that, and else processes. It says which, and why.

use crate::docker::made_for;
use crate::support::{Ecosystem, Ports};

/// Where no engine is.
const NOBODY: &str = "unix:///nonexistent/docker.sock";

/// One service that can be run either way.
fn either(ports: &Ports) -> String {
    let port = ports.of("analyzer");
    format!(
        "services:\n  - name: analyzer\n    phase: 1\n    command: [chora, serve, analyzer]\n    docker_compose: compose/docker-compose.analyzer.yml\n    port: {port}\n    health_endpoint: http://localhost:{port}/health\n"
    )
}

#[test]
fn docker_is_chosen_where_it_answers_and_that_is_said() {
    let ecosystem = Ecosystem::with_config(either);
    let run = ecosystem.chora(&["bootstrap"]).exits(0);
    let said = "`auto` is the Docker engine here, because one answers";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    assert_eq!(made_for(&ecosystem).len(), 1);

    // What runs decides, also when the engine is gone: it is not started a second time beside it.
    let gone = [("DOCKER_HOST", NOBODY.to_owned())];
    let refused = ecosystem.chora_with(&gone, &["bootstrap"]).exits(1);
    assert!(refused.stderr.contains(NOBODY), "{}", refused.stderr);
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(made_for(&ecosystem).len(), 1);
    ecosystem.chora(&["reset", "--force"]).exits(0);
    assert!(made_for(&ecosystem).is_empty());
}

#[test]
fn processes_are_chosen_where_no_docker_answers_and_stay_when_one_does() {
    let ecosystem = Ecosystem::with_config(either);
    let gone = [("DOCKER_HOST", NOBODY.to_owned())];
    let run = ecosystem.chora_with(&gone, &["bootstrap"]).exits(0);
    let said =
        format!("`auto` is the process engine here, because the Docker Engine at `{NOBODY}`");
    assert!(run.stdout.contains(&said), "{}", run.stdout);

    let again = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);

    let events = again.events();
    assert_eq!(events.last().expect("a summary")["changed"], 0);
    assert!(made_for(&ecosystem).is_empty());
}

#[test]
fn a_service_that_is_no_container_makes_it_processes_and_is_named() {
    let ecosystem = Ecosystem::with_config(|ports| {
        let worker = "  - {name: worker, phase: 2, command: [sleep, \"1000\"], health: none}\n";
        format!("{}{worker}", either(ports))
    });
    let run = ecosystem.chora(&["bootstrap"]).exits(0);
    let said = "`auto` is the process engine here, because service `worker` has neither";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    assert!(made_for(&ecosystem).is_empty());
}

#[test]
fn a_port_whose_container_does_not_listen_is_not_healthy() {
    let ecosystem = Ecosystem::with_config(|ports| {
        let port = ports.of("analyzer");
        let silent = ports.of("gateway");
        // The container listens elsewhere than on the port that is published.
        format!(
            "services:\n  - name: analyzer\n    phase: 1\n    docker_compose: compose/docker-compose.analyzer.yml\n    port: {port}\n    environment: {{PORT: \"{silent}\"}}\n    timeout: 3\nengine: docker\n"
        )
    });
    let failed = ecosystem.chora(&["bootstrap"]).exits(2);
    let said = "closed at once";
    assert!(failed.stderr.contains(said), "{}", failed.stderr);
}
