//! Ecosystems with nothing of chora's own in them: no registry, no orchestrator, no gateway.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::observe::{ids_of, listing};
use crate::support::{Ecosystem, Ports, plain};

const PLAIN: [&str; 3] = ["worker", "socket", "web"];

#[test]
fn plain_services_live_through_every_command() {
    let ecosystem = Ecosystem::with_config(plain);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ids_of(&ecosystem, &PLAIN);
    assert_eq!(
        ecosystem.state()["completed_phases"],
        json!([0, 1, 2, 3, 4])
    );

    let report = ecosystem.chora(&["status", "--format", "json"]).exits(0);
    let services = report.json()["services"].clone();
    for service in services.as_array().expect("a list") {
        assert_eq!(service["status"], "up", "{service}");
    }
    let checks = ecosystem
        .chora(&["validate", "--format", "json"])
        .exits(0)
        .events();
    let steps: Vec<&Value> = checks
        .iter()
        .filter(|event| event["event"] == "step_finished")
        .map(|event| &event["step"])
        .collect();
    assert_eq!(steps, ["validation/health"]);
    let again = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);
    assert_eq!(again.events().last().expect("a summary")["changed"], 0);
    assert_eq!(ids_of(&ecosystem, &PLAIN), ids);

    ecosystem
        .chora(&["rollback", "--to-phase", "2", "--force"])
        .exits(0);
    assert_eq!(ecosystem.ids(), ids_of(&ecosystem, &["worker", "socket"]));
    ecosystem.chora(&["validate"]).exits(2);
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ids_of(&ecosystem, &PLAIN)["worker"], ids["worker"]);

    ecosystem.chora(&["reset", "--force", "--volumes"]).exits(0);
    assert!(ecosystem.ids().is_empty());
    ecosystem.chora(&["status"]).exits(2);
}

#[test]
fn services_may_be_a_map_keyed_by_name() {
    let map = |ports: &Ports| {
        let mut text = String::new();
        for line in plain(ports).lines() {
            match line.strip_prefix("  - name: ") {
                Some(name) => text.push_str(&format!("  {name}:\n")),
                None => text.push_str(&format!("{line}\n")),
            }
        }
        text
    };
    let ecosystem = Ecosystem::with_config(map);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ids_of(&ecosystem, &PLAIN);

    // The list means the same, so nothing is changed by it.
    ecosystem.write_config(&plain(ecosystem.ports()));
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ids_of(&ecosystem, &PLAIN), ids);
}

/// A chain of ten, a fan of ten that all need its end, and ten that all of the fan go before.
fn thirty() -> BTreeMap<String, Vec<String>> {
    let mut needs = BTreeMap::new();
    for number in 0..10 {
        let before = (number > 0).then(|| format!("chain-{}", number - 1));
        needs.insert(format!("chain-{number}"), before.into_iter().collect());
        needs.insert(format!("fan-{number}"), vec!["chain-9".to_owned()]);
        let fan = (0..10).map(|number| format!("fan-{number}")).collect();
        needs.insert(format!("top-{number}"), fan);
    }
    needs
}

/// The names of the services that a journal tells to have been started or removed, in that order.
fn told(ecosystem: &Ecosystem, function: &str) -> Vec<String> {
    let runs = listing(&ecosystem.home().join("runs"));
    // Named by time, so the last one is the newest.
    let journal = fs::read_to_string(runs.last().expect("a journal")).expect("a journal");
    journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("an event"))
        .filter(|event| event["function"] == function)
        .map(|event| {
            let target = event["target"].as_str().expect("a target");
            target.split(':').next().unwrap_or_default().to_owned()
        })
        .collect()
}

#[test]
fn thirty_services_come_up_and_go_down_in_the_order_of_their_needs() {
    let needs = thirty();
    let ecosystem = Ecosystem::with_config(|_| {
        let services: String = needs
            .iter()
            .map(|(name, needs)| {
                format!(
                    "  - {{name: {name}, phase: 1, command: [sleep, \"1000\"], health: none, dependencies: [{}]}}\n",
                    needs.join(", ")
                )
            })
            .collect();
        format!("services:\n{services}engine: process\n")
    });
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ecosystem.ids().len(), 30);
    let started = told(&ecosystem, "services.start");
    assert_eq!(started.len(), 30);

    ecosystem
        .chora(&["rollback", "--to-phase", "0", "--force"])
        .exits(0);
    assert!(ecosystem.ids().is_empty());
    let removed = told(&ecosystem, "services.remove");
    assert_eq!(removed.len(), 30);

    let place = |order: &[String], name: &String| order.iter().position(|other| other == name);
    for (name, needs) in &needs {
        for need in needs {
            assert!(place(&started, need) < place(&started, name), "{started:?}");
            assert!(place(&removed, name) < place(&removed, need), "{removed:?}");
        }
    }
}
