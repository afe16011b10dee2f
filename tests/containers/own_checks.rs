//! A container's own health check counts, with and without a check of chora's beside it.

use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::HealthStatusEnum;
use bollard::query_parameters::InspectContainerOptions;
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::docker::{ask, ids};
use crate::shells::{project, write};
use crate::support::Ecosystem;

/// Healthy for as long as a file is there.
const CHECK: &str =
    "healthcheck:\n  test: [CMD, busybox, stat, /well]\n  interval: 100ms\n  retries: 1\n";

/// What `status` says of the one service.
fn shown(ecosystem: &Ecosystem, exit: i32) -> Value {
    let status = ecosystem.chora(&["status", "--format", "json"]).exits(exit);
    status.json()["services"][0].clone()
}

/// Takes the file away, and waits until the engine has noticed.
fn fall_ill(id: &str) {
    ask(async |docker| {
        let options = CreateExecOptions {
            cmd: Some(vec!["busybox", "rm", "/well"]),
            attach_stdout: Some(true),
            ..CreateExecOptions::default()
        };
        let exec = docker.create_exec(id, options).await.expect("a command");
        let started = docker.start_exec(&exec.id, None::<StartExecOptions>);
        let started = started.await.expect("a command that runs");
        if let StartExecResults::Attached { output, .. } = started {
            output.collect::<Vec<_>>().await;
        }
        loop {
            let found = docker.inspect_container(id, None::<InspectContainerOptions>);
            let state = found.await.expect("a container").state;
            let health = state.and_then(|state| state.health?.status);
            if health == Some(HealthStatusEnum::UNHEALTHY) {
                break;
            }
        }
    });
}

fn told_as_ill(ecosystem: &Ecosystem) {
    let ill = shown(ecosystem, 1);
    assert_eq!(ill["healthy"], false, "{ill}");
    let detail = ill["detail"].as_str().expect("a text");
    for part in ["own check fails", "No such file"] {
        assert!(detail.contains(part), "{detail}");
    }
}

#[test]
fn a_container_without_another_check_is_as_healthy_as_its_own_says() {
    let config =
        "services:\n  - {name: ship, phase: 1, docker_compose: shells.yml, health: none}\n";
    let lines = format!("command: [sh, -c, \"busybox touch /well; exec sleep 1000\"]\n{CHECK}");
    let ecosystem = project(config, &[("ship", &lines)], "");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(shown(&ecosystem, 0)["status"], "up");

    fall_ill(&ids(&ecosystem)["ship"]);

    told_as_ill(&ecosystem);
}

#[test]
fn a_check_of_choras_does_not_stand_over_the_containers_own() {
    let ecosystem = Ecosystem::with_config(|ports| {
        let port = ports.of("manifest");
        format!(
            "services:\n  - {{name: ship, phase: 1, port: {port}, health_endpoint: \"http://127.0.0.1:{port}/fine\", docker_compose: shells.yml}}\nengine: docker\n"
        )
    });
    let port = ecosystem.port("manifest");
    let lines = format!(
        "command: [sh, -c, \"busybox touch /well /fine; exec busybox httpd -f -p {port} -h /\"]\nports: [\"127.0.0.1:{port}:{port}\"]\n{CHECK}"
    );
    write(&ecosystem, &[("ship", &lines)], "");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(shown(&ecosystem, 0)["status"], "up");

    fall_ill(&ids(&ecosystem)["ship"]);

    told_as_ill(&ecosystem);
}
