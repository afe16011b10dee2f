//! What cannot be run as a container, and engines that do not answer: named, with the way out, and nothing left behind.

use std::net::TcpListener;

use crate::docker::{Foreign, containers, ids, made_for};
use crate::support::docker::shell_image;
use crate::support::{Ecosystem, Ports};

fn with(service: &str) -> Ecosystem {
    Ecosystem::with_config(|_| format!("services:\n{service}engine: docker\n"))
}

#[test]
fn an_image_that_is_nowhere_is_named() {
    let ecosystem = with(
        "  - {name: web, phase: 1, image: \"127.0.0.1:9/none:1\", port: 18999, health: none}\n",
    );
    let refused = ecosystem.chora(&["bootstrap"]).exits(2);
    refused.complains(&["127.0.0.1:9/none:1"]);
    assert!(made_for(&ecosystem).is_empty());
}

#[test]
fn a_service_with_neither_image_nor_file_is_refused() {
    let ecosystem = with("  - {name: web, phase: 1, command: [sleep, \"1\"], health: none}\n");
    let refused = ecosystem.chora(&["bootstrap"]).exits(2);
    refused.complains(&["`docker_compose`", "`image`"]);
}

#[test]
fn a_mistake_in_a_compose_file_is_told_with_its_place() {
    let ecosystem = with("  - {name: web, phase: 1, docker_compose: web.yml, health: none}\n");
    let file = ecosystem.path().join("web.yml");
    std::fs::write(file, "services:\n  web:\n    image: a\n    comand: b\n").expect("a file");
    let refused = ecosystem.chora(&["bootstrap"]).exits(2);
    refused.complains(&["web.yml:4", "command"]);
}

#[test]
fn a_port_that_somebody_holds_is_told_before_anything_is_started() {
    let ecosystem = Ecosystem::with_config(containers);
    let address = ("127.0.0.1", ecosystem.port("gateway"));
    let listener = TcpListener::bind(address).expect("a port");
    let refused = ecosystem.chora(&["bootstrap"]).exits(1);
    // This very test is the holder.
    let program = std::env::current_exe().expect("a program");
    let program = program.file_stem().expect("a name").to_string_lossy();
    refused.complains(&[
        &format!("port {}", ecosystem.port("gateway")),
        "gateway",
        &format!("(pid {})", std::process::id()),
        program.split('-').next().expect("a name"),
    ]);
    assert!(made_for(&ecosystem).is_empty());
    drop(listener);
}

#[test]
fn a_port_that_another_projects_container_publishes_is_told_and_nobody_is_disturbed() {
    let one = Ecosystem::with_config(containers);
    one.chora(&["bootstrap"]).exits(0);
    let before = ids(&one);
    let other = Ecosystem::with_config(|_| containers(one.ports()));
    let refused = other.chora(&["bootstrap"]).exits(1);
    let port = format!("port {}", one.port("gateway"));
    let directory = one.path().canonicalize().expect("a directory");
    let reset = format!("`chora reset` in `{}`", directory.display());
    refused.complains(&[
        "PREREQ_FAILED",
        &port,
        "gateway-1` of the chora project",
        &reset,
    ]);
    assert!(made_for(&other).is_empty());
    assert_eq!(ids(&one), before);
}

#[test]
fn a_strangers_container_on_a_port_is_named_whichever_engine_runs_the_services() {
    let config = |ports: &Ports, engine: &str| {
        format!(
            "services:\n  - {{name: web, phase: 1, port: {}, command: [sleep, \"1000\"], image: \"{}\", health: none}}\nengine: {engine}\n",
            ports.of("gateway"),
            shell_image()
        )
    };
    let ecosystem = Ecosystem::with_config(|ports| config(ports, "process"));
    let name = format!("stranger-on-{}", ecosystem.port("gateway"));
    let _stranger = Foreign::publishing(&name, shell_image(), ecosystem.port("gateway"));
    for engine in ["process", "docker"] {
        ecosystem.write_config(&config(ecosystem.ports(), engine));
        let refused = ecosystem.chora(&["bootstrap"]).exits(1);
        let held = format!("is held by the container `{name}`");
        refused.complains(&[&held, &format!("`docker stop {name}`")]);
    }
}

#[test]
fn an_engine_that_does_not_answer_is_told_and_nothing_is_begun() {
    let ecosystem = Ecosystem::with_config(containers);
    let nowhere = format!("unix://{}", ecosystem.path().join("none.sock").display());
    let variables = [("DOCKER_HOST", nowhere)];
    let refused = ecosystem.chora_with(&variables, &["bootstrap"]).exits(1);
    refused.complains(&["none.sock", "start it"]);
    let status = ecosystem.chora_with(&variables, &["status", "--format", "json"]);
    let status = status.exits(3).json();
    for service in status["services"].as_array().expect("services") {
        let detail = service["detail"].as_str().expect("a text");
        assert!(
            detail.contains("none.sock") && detail.contains("start it"),
            "{detail}"
        );
    }
    let refused = ecosystem.chora_with(&variables, &["image", "build"]);
    refused.exits(1).complains(&["none.sock", "start it"]);
}
