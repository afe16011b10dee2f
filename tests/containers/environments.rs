//! Environments of one project side by side: each has containers, a network and a state of its own.

use std::collections::{BTreeMap, HashMap};

use bollard::query_parameters::ListNetworksOptionsBuilder;

use crate::docker::ask;
use crate::shells::project;
use crate::support::{Ecosystem, docker};

const ENVIRONMENT: &str = "dev.chora.environment";
const OTHER: [&str; 2] = ["--environment", "staging"];

/// The containers of each environment.
fn made(ecosystem: &Ecosystem) -> BTreeMap<String, Vec<String>> {
    let mut made: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for container in docker::made_for(ecosystem.path()) {
        let labels = container.labels.unwrap_or_default();
        let ids = made.entry(labels[ENVIRONMENT].clone()).or_default();
        ids.push(container.id.expect("an id"));
        ids.sort();
    }
    made
}

/// The environments that have a network.
fn networked(ecosystem: &Ecosystem) -> Vec<String> {
    let directory = ecosystem.path().canonicalize().expect("a directory");
    let label = format!("dev.chora.project={}", directory.display());
    let networks = ask(async |docker| {
        let options = ListNetworksOptionsBuilder::default()
            .filters(&HashMap::from([("label", vec![label.as_str()])]))
            .build();
        docker.list_networks(Some(options)).await.expect("a list")
    });
    let labels = networks.into_iter().filter_map(|network| network.labels);
    let mut of: Vec<String> = labels.map(|labels| labels[ENVIRONMENT].clone()).collect();
    of.sort();
    of
}

#[test]
fn two_environments_of_one_project_stand_side_by_side() {
    let config = "services:\n  - {name: ship, phase: 1, docker_compose: shells.yml, health: none}\n  - {name: boat, phase: 2, docker_compose: shells.yml, health: none, dependencies: [ship]}\n";
    let sleep = "command: [sleep, \"1000\"]";
    let ecosystem = project(config, &[("ship", sleep), ("boat", sleep)], "");
    let in_other = |command: &[&str]| ecosystem.chora(&[command, &OTHER[..]].concat());
    ecosystem.chora(&["bootstrap"]).exits(0);
    in_other(&["status"]).exits(2);
    let dev = made(&ecosystem);

    in_other(&["bootstrap"]).exits(0);

    let both = made(&ecosystem);
    assert_eq!(both.keys().collect::<Vec<_>>(), ["dev", "staging"]);
    assert_eq!(both["dev"], dev["dev"]);
    assert_eq!(both["staging"].len(), 2);
    assert_eq!(networked(&ecosystem), ["dev", "staging"]);
    for command in [&["bootstrap"][..], &["bootstrap", OTHER[0], OTHER[1]]] {
        let again = ecosystem.chora(&[command, &["--format", "json"]].concat());
        let summary = again.exits(0).events().pop().expect("a summary");
        assert_eq!(summary["changed"], 0, "{summary}");
    }

    // What is undone in one is left alone in the other.
    ecosystem
        .chora(&["rollback", "--to-phase", "1", "--force"])
        .exits(0);
    assert_eq!(made(&ecosystem)["dev"].len(), 1);
    assert_eq!(made(&ecosystem)["staging"], both["staging"]);
    ecosystem.chora(&["reset", "--force", "--volumes"]).exits(0);
    let left = made(&ecosystem);
    assert_eq!(left.keys().collect::<Vec<_>>(), ["staging"]);
    assert_eq!(left["staging"], both["staging"]);
    assert_eq!(networked(&ecosystem), ["staging"]);
    in_other(&["status"]).exits(0);
    ecosystem.chora(&["status"]).exits(2);
    in_other(&["reset", "--force", "--volumes"]).exits(0);
    assert!(made(&ecosystem).is_empty());
    assert!(networked(&ecosystem).is_empty());
}
