//! What the Compose project of an environment is called, as users of Compose expect it.

use std::collections::BTreeSet;
use std::fs;

use crate::docker::{containers, made_for, networks};
use crate::shells::{project, write};
use crate::support::Ecosystem;

const CONFIG: &str =
    "services:\n  - {name: ship, phase: 1, docker_compose: shells.yml, health: none}\n";
const SLEEP: [(&str, &str); 1] = [("ship", "command: [sleep, \"1000\"]")];

/// A name that no other test has.
fn unique(ecosystem: &Ecosystem, word: &str) -> String {
    let directory = ecosystem.path().file_name().expect("a name");
    let directory = directory.to_string_lossy().to_lowercase();
    let known = directory.chars().filter(char::is_ascii_alphanumeric);
    format!("{word}-{}", known.collect::<String>())
}

/// The projects and the names of an environment's containers.
fn made(ecosystem: &Ecosystem) -> Vec<(String, String)> {
    let made = made_for(ecosystem).into_values().map(|container| {
        let project = &container.labels.expect("labels")["com.docker.compose.project"];
        let name = container.names.expect("names")[0].clone();
        (project.clone(), name.trim_start_matches('/').to_owned())
    });
    made.collect()
}

#[test]
fn the_name_is_that_of_the_variable_else_of_the_files_and_a_new_one_replaces_the_containers() {
    let ecosystem = project(CONFIG, &SLEEP, "");
    ecosystem.chora(&["bootstrap"]).exits(0);
    let by_file = unique(&ecosystem, "harbour");
    let by_variable = unique(&ecosystem, "pier");
    write(&ecosystem, &SLEEP, &format!("name: {by_file}\n"));

    ecosystem.chora(&["bootstrap"]).exits(0);

    let named = |name: &str| vec![(name.to_owned(), format!("{name}-ship-1"))];
    assert_eq!(made(&ecosystem), named(&by_file));
    let environment = format!("COMPOSE_PROJECT_NAME={by_variable}\n");
    fs::write(ecosystem.path().join(".env"), environment).expect("a file");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(made(&ecosystem), named(&by_variable));
    let again = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);
    assert_eq!(again.events().pop().expect("a summary")["changed"], 0);
    ecosystem.chora(&["reset", "--force"]).exits(0);
    assert!(made(&ecosystem).is_empty());
    assert_eq!(networks(&ecosystem), 0);
}

#[test]
fn what_the_orchestrator_deploys_is_of_the_same_project() {
    let ecosystem = Ecosystem::with_config(containers);
    let name = unique(&ecosystem, "harbour");
    let environment = format!("COMPOSE_PROJECT_NAME={name}\n");
    fs::write(ecosystem.path().join(".env"), environment).expect("a file");

    ecosystem.chora(&["bootstrap"]).exits(0);

    let projects: BTreeSet<String> = made(&ecosystem).into_iter().map(|(name, _)| name).collect();
    assert_eq!(projects, BTreeSet::from([name]));
    assert_eq!(made(&ecosystem).len(), 4);
    assert_eq!(networks(&ecosystem), 1);
}

#[test]
fn a_name_that_is_none_is_told_before_anything_is_made() {
    let ecosystem = project(CONFIG, &SLEEP, "");
    fs::write(
        ecosystem.path().join(".env"),
        "COMPOSE_PROJECT_NAME=Harbour\n",
    )
    .expect("a file");
    let refused = ecosystem.chora(&["bootstrap"]).exits(2);
    refused.complains(&["COMPOSE_PROJECT_NAME", "`Harbour`", "lower-case"]);
    assert!(made(&ecosystem).is_empty());
    let refused = ecosystem.chora(&["config", "validate"]).exits(7);
    refused.complains(&["COMPOSE_PROJECT_NAME"]);
}
