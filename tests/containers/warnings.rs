//! What a Compose file says that is no error and yet may not be meant: told once, and nothing else is changed by it.

use crate::docker::containers;
use crate::shells::{project, write};
use crate::support::Ecosystem;

const CONFIG: &str = "services:\n  - {name: ship, phase: 1, docker_compose: shells.yml, health: none}\n  - {name: boat, phase: 1, docker_compose: shells.yml, health: none}\n";
const SLEEP: &str = "command: [sleep, \"1000\"]";
const ODD: &str =
    "command: [sleep, \"1000\"]\nattach: false\nenvironment: {PORT_OF_CALL: \"${NO_SUCH_PORT}\"}";

#[test]
fn warnings_of_compose_files_are_told_once_a_run_and_by_config_validate() {
    let ecosystem = project(CONFIG, &[("ship", ODD), ("boat", SLEEP)], "");
    let checked = ecosystem.chora(&["config", "validate"]).exits(0).stdout;
    let run = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);
    let notices: Vec<String> = run
        .events()
        .into_iter()
        .filter(|event| event["event"] == "notice")
        .map(|event| event["message"].as_str().expect("a message").to_owned())
        .collect();
    for part in ["shells.yml:6", "`services.ship.attach`", "NO_SUCH_PORT"] {
        let told: Vec<_> = notices.iter().filter(|it| it.contains(part)).collect();
        assert_eq!(told.len(), 1, "{part} in {notices:?}");
        assert!(told[0].starts_with("warning: "), "{told:?}");
        assert_eq!(checked.matches(part).count(), 1, "{part} in {checked}");
    }
}

#[test]
fn a_mistake_in_a_compose_file_is_told_by_config_validate() {
    let ecosystem = project(CONFIG, &[("ship", "comand: b"), ("boat", SLEEP)], "");
    let refused = ecosystem.chora(&["config", "validate"]).exits(7);
    refused.complains(&["shells.yml:5", "command"]);
    // Processes read no Compose file, and `auto` may still choose them.
    ecosystem
        .chora(&["config", "validate", "--engine", "process"])
        .exits(0);
    let told = ecosystem
        .chora(&["config", "validate", "--engine", "auto"])
        .exits(0);
    assert!(
        told.stdout.contains("cannot be containers"),
        "{}",
        told.stdout
    );
    write(&ecosystem, &[("ship", SLEEP)], "");
    let refused = ecosystem.chora(&["config", "validate"]).exits(7);
    refused.complains(&["boat", "shells.yml"]);
}

#[test]
fn the_files_that_chora_comes_with_give_no_warning() {
    let ecosystem = Ecosystem::with_config(containers);
    let checked = ecosystem.chora(&["config", "validate"]).exits(0);
    assert_eq!(checked.stdout.lines().count(), 1, "{}", checked.stdout);
}
