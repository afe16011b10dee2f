//! The rules between services: unique names and ports, known dependencies, no cycles, no need of a later phase.

use std::collections::BTreeMap;

use super::Service;
use super::read::Reader;
use super::service::Placed;
use crate::yaml::nearest;

/// Checks all services together and gives them back, in their order.
pub(super) fn services(reader: &mut Reader, placed: Vec<Placed>) -> Vec<Service> {
    let mut names: BTreeMap<String, u8> = BTreeMap::new();
    let mut ports: BTreeMap<u16, String> = BTreeMap::new();
    for one in &placed {
        let name = &one.service.name;
        if names.insert(name.clone(), one.service.phase).is_some() {
            reader.problem(one.name, format!("there are two services named `{name}`"));
        }
        if let Some(port) = one.service.port
            && let Some(other) = ports.insert(port, name.clone())
        {
            let message = format!("port {port} is that of service `{other}` already");
            reader.problem(one.port, message);
        }
    }
    for one in &placed {
        needs(reader, one, &names);
    }
    if let Some(cycle) = cycle(&placed) {
        let at = placed
            .iter()
            .find(|one| cycle.first() == Some(&one.service.name));
        let message = format!(
            "these services wait for each other: `{}`",
            cycle.join("` needs `")
        );
        reader.problem(at.map(|one| one.name).unwrap_or_default(), message);
    }
    placed.into_iter().map(|one| one.service).collect()
}

fn needs(reader: &mut Reader, one: &Placed, names: &BTreeMap<String, u8>) {
    let service = &one.service;
    let unknown = |name: &str| {
        let hint = nearest(name, names.keys().map(String::as_str));
        let hint = hint.map(|near| format!("did you mean `{near}`?"));
        (format!("there is no service `{name}`"), hint)
    };
    for (dependency, at) in service.dependencies.iter().zip(&one.dependencies) {
        match names.get(dependency) {
            None => {
                let (message, hint) = unknown(dependency);
                reader.problem_with(*at, message, hint);
            }
            Some(phase) if *phase > service.phase => {
                let message = format!(
                    "service `{}` of phase {} needs `{dependency}`, which comes only in phase {phase}",
                    service.name, service.phase
                );
                let hint = format!(
                    "set its `phase` to {phase}, or that of `{dependency}` to {}",
                    service.phase
                );
                reader.problem_with(one.phase, message, Some(hint));
            }
            Some(_) => {}
        }
    }
    if let Some(deployer) = &service.deploy_via {
        match names.get(deployer) {
            None => {
                let (message, hint) = unknown(deployer);
                reader.problem_with(one.deploy_via, message, hint);
            }
            Some(phase) if *phase >= service.phase => {
                let message = format!(
                    "service `{}` of phase {} is deployed via `{deployer}`, which comes only in phase {phase}",
                    service.name, service.phase
                );
                reader.problem(one.deploy_via, message);
            }
            Some(_) => {}
        }
    }
}

/// The names of a cycle, the first repeated at the end.
fn cycle(placed: &[Placed]) -> Option<Vec<String>> {
    let needs: BTreeMap<&str, &[String]> = placed
        .iter()
        .map(|one| {
            (
                one.service.name.as_str(),
                one.service.dependencies.as_slice(),
            )
        })
        .collect();
    let mut done: Vec<&str> = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    // Depth first without recursion: a chain may be as long as there are services.
    for start in needs.keys() {
        let mut open: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((name, next)) = open.pop() {
            if next == 0 {
                if let Some(at) = path.iter().position(|seen| *seen == name) {
                    let mut cycle: Vec<String> = path
                        .iter()
                        .skip(at)
                        .map(|name| (*name).to_owned())
                        .collect();
                    cycle.push(name.to_owned());
                    return Some(cycle);
                }
                if done.contains(&name) {
                    continue;
                }
                path.push(name);
            }
            match needs.get(name).and_then(|needs| needs.get(next)) {
                Some(dependency) => {
                    open.push((name, next + 1));
                    open.push((dependency.as_str(), 0));
                }
                None => {
                    path.pop();
                    done.push(name);
                }
            }
        }
    }
    None
}
