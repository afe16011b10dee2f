//! The rules between services: known dependencies without cycles, names and ports that only one has.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chora_model::yaml::nearest;

use crate::model::{Condition, Port};
use crate::read::Placed;
use crate::read::Reader;

/// Checks all services together. A dependency that is not required and not there is taken out, with a warning.
pub(crate) fn services(reader: &mut Reader<'_>, placed: &mut [Placed]) {
    let names: BTreeSet<String> = placed.iter().map(|one| one.service.name.clone()).collect();
    let unchecked: BTreeSet<String> = placed
        .iter()
        .filter(|one| {
            one.service
                .healthcheck
                .as_ref()
                .is_some_and(crate::Healthcheck::is_disabled)
        })
        .map(|one| one.service.name.clone())
        .collect();
    for one in placed.iter_mut() {
        let name = one.service.name.clone();
        let places = &one.depends_on;
        one.service.depends_on.retain(|other, dependency| {
            let at = places.get(other).copied().unwrap_or(one.name);
            if names.contains(other) {
                if dependency.condition == Condition::Healthy && unchecked.contains(other) {
                    let message = format!(
                        "`{name}` waits for `{other}` to be healthy, whose `healthcheck` is disabled"
                    );
                    reader.problem(at, message);
                }
                return true;
            }
            if dependency.required {
                let hint = nearest(other, names.iter().map(String::as_str));
                let hint = hint.map(|near| format!("did you mean `{near}`?"));
                reader.problem_with(at, format!("there is no service `{other}`"), hint);
            } else {
                let message = format!("there is no service `{other}`, which `{name}` does not require");
                reader.warn(at, message);
            }
            false
        });
    }
    container_names(reader, placed);
    ports(reader, placed);
    cycles(reader, placed);
}

fn container_names(reader: &mut Reader<'_>, placed: &[Placed]) {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for one in placed {
        if let Some(name) = &one.service.container_name
            && let Some(other) = taken.insert(name, &one.service.name)
        {
            let message =
                format!("the container name `{name}` is that of service `{other}` already");
            reader.problem(one.container_name, message);
        }
    }
}

/// Tells two services, or two lines of one, that publish the same single port. Ranges are for the engine to choose from.
fn ports(reader: &mut Reader<'_>, placed: &[Placed]) {
    let mut taken: Vec<(&Port, u16, &str)> = Vec::new();
    for one in placed {
        for (port, at) in &one.ports {
            let Some(range) = port.published.filter(|range| range.first == range.last) else {
                continue;
            };
            let clash = taken.iter().find(|(other, number, _)| {
                *number == range.first
                    && other.protocol == port.protocol
                    && meet(other.host_ip.as_deref(), port.host_ip.as_deref())
            });
            if let Some((_, _, other)) = clash {
                let message = format!(
                    "port {} on the host is published by service `{other}` already",
                    range.first
                );
                reader.problem(*at, message);
            }
            taken.push((port, range.first, &one.service.name));
        }
    }
}

/// Whether two addresses of the host overlap.
fn meet(one: Option<&str>, other: Option<&str>) -> bool {
    let any = |ip: Option<&str>| matches!(ip, None | Some("0.0.0.0" | "::"));
    any(one) || any(other) || one == other
}

/// Tells the first cycle of dependencies. Services without open dependencies are taken away until none is left or the rest go round.
fn cycles(reader: &mut Reader<'_>, placed: &[Placed]) {
    let mut open: BTreeMap<&str, &Placed> = placed
        .iter()
        .map(|one| (one.service.name.as_str(), one))
        .collect();
    loop {
        let before = open.len();
        let left: BTreeSet<&str> = open.keys().copied().collect();
        open.retain(|_, one| {
            let mut needs = one.service.depends_on.keys();
            needs.any(|need| left.contains(need.as_str()))
        });
        if open.len() == before {
            break;
        }
    }
    // Each service that is left needs another one that is left, so that following these comes back to one seen before.
    let mut path: Vec<&str> = Vec::new();
    let mut next = open.keys().next().copied();
    while let Some(name) = next {
        if let Some(at) = path.iter().position(|seen| *seen == name) {
            let mut names: Vec<&str> = path.iter().skip(at).copied().collect();
            names.push(name);
            let place = open.get(name).map(|one| {
                let need = names.get(1).and_then(|need| one.depends_on.get(*need));
                need.copied().unwrap_or(one.name)
            });
            let message = format!(
                "these services wait for each other: `{}`",
                names.join("` needs `")
            );
            reader.problem(place.unwrap_or_default(), message);
            return;
        }
        path.push(name);
        next = open.get(name).and_then(|one| {
            let mut needs = one.service.depends_on.keys().map(String::as_str);
            needs.find(|need| open.contains_key(need))
        });
    }
}
