//! What plugins make beside the services goes with the environment, whichever engine runs it.

use crate::docker::{made_for, networks};
use crate::support::Ecosystem;

/// A plugin that makes a network and tells what came of each of its calls.
fn with_plugin(engine: &str) -> Ecosystem {
    let ecosystem = Ecosystem::with_config(|_| String::new());
    let folder = ecosystem.path().file_name().expect("a name");
    let folder = folder.to_string_lossy();
    let known = folder.chars().filter(char::is_ascii_alphanumeric);
    let name = format!("chora-{}-quay", known.collect::<String>());
    ecosystem.write_config(&format!(
        "services:\n  - {{name: web, phase: 1, command: [sleep, \"1000\"], image: \"{}\", health: none}}\nplugins:\n  - name: mine\n    path: mine.wasm\n    after: web\n    grants: [\"docker=network/chora-*:create\"]\n    settings: {{steps: [docker.ensure-network], arguments: {{network: {name}}}}}\nengine: {engine}\n",
        crate::support::docker::shell_image()
    ));
    std::fs::write(
        ecosystem.path().join("mine.wasm"),
        chora_hostile_plugins::CALLS,
    )
    .expect("a component");
    ecosystem
}

#[test]
fn a_reset_removes_the_networks_of_plugins_where_processes_run_the_services() {
    let ecosystem = with_plugin("process");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(networks(&ecosystem), 1);
    assert!(made_for(&ecosystem).is_empty());

    let told = ecosystem.chora(&["reset", "--force"]).exits(0);

    assert!(
        told.stdout.contains("removed the networks"),
        "{}",
        told.stdout
    );
    assert_eq!(networks(&ecosystem), 0);
}
