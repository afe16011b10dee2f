//! An engine whose disk is full: told as that, and the next run goes on when there is room.

use crate::daemon::Daemon;
use crate::shells::project;

/// Room for an image with a shell, and not for one of chora itself.
const SMALL: &str = "16m";
const LARGE: &str = "2g";

#[test]
fn an_engine_without_room_for_an_image_is_told_and_the_next_run_goes_on() {
    let daemon = Daemon::with_disk(SMALL);
    let variables = daemon.variables();
    let config = "services:\n  - {name: first, phase: 1, docker_compose: shells.yml, health: none}\n  - {name: second, phase: 2, docker_compose: shells.yml, health: none, dependencies: [first]}\n";
    let alone = "network_mode: none\nrestart: unless-stopped";
    let first = format!("command: [sleep, \"1000\"]\n{alone}");
    let second = format!(
        "image: chora/analyzer:1.0.0\npull_policy: never\ncommand: [serve, analyzer]\n{alone}"
    );
    let ecosystem = project(config, &[("first", &first), ("second", &second)], "");
    let id = |service: usize| {
        let status = ecosystem.chora_with(&variables, &["status", "--format", "json"]);
        status.json()["services"][service]["id"].clone()
    };

    let failed = ecosystem.chora_with(&variables, &["bootstrap"]).exits(3);

    failed.complains(&[
        "error[INFRA_FAILED]",
        // All of chora's images are made together.
        "there is no room for the image `chora/",
        "no space left on device",
        "make room",
        "next actions",
    ]);
    assert_eq!(ecosystem.state()["status"], "failed");
    let before = id(0);
    assert!(before.is_string(), "{before}");

    daemon.resize_disk(LARGE);

    ecosystem.chora_with(&variables, &["bootstrap"]).exits(0);
    assert_eq!(id(0), before);
    assert!(id(1).is_string());
    let reset = ["reset", "--force", "--volumes"];
    ecosystem.chora_with(&variables, &reset).exits(0);
}
