//! A whole file, once it is merged: its services, networks and volumes, and what holds between them.

use std::collections::BTreeMap;

use chora_model::yaml::{Node, Place};

use super::keys::FILE;
use super::service::Placed;
use super::{At, Reader, files, service, top};
use crate::check;
use crate::model::{Attachment, Network, Project, Service, Volume};
use crate::values;

pub(crate) fn read(reader: &mut Reader<'_>, tree: &Node, name: &str) -> Project {
    let root = At {
        node: tree,
        path: String::new(),
    };
    reader.keys(&root, FILE);
    reader.mounted = files::declared(reader, &root);
    let mut placed = Vec::new();
    if let Some(at) = root.get("services") {
        for entry in reader.entries(&at) {
            if entry.key.starts_with("x-") {
                continue;
            }
            let item = At {
                node: &entry.value,
                path: at.join(&entry.key),
            };
            let one = service::read(reader, &entry.key, entry.at, &item);
            placed.push(one);
        }
    } else {
        let at = root.place();
        reader.problem(at, "this compose file has no `services`");
    }
    for one in &mut placed {
        let service = &mut one.service;
        if service.networks.is_empty() && service.network_mode.is_none() {
            let joined = ("default".to_owned(), Attachment::default());
            service.networks.extend([joined]);
        }
    }
    let networks = networks(reader, &root, name, &placed);
    let volumes = volumes(reader, &root, name, &placed);
    check::services(reader, &mut placed);
    let services: BTreeMap<String, Service> = placed
        .into_iter()
        .map(|one| (one.service.name.clone(), one.service))
        .collect();
    Project {
        name: name.to_owned(),
        directory: reader.directory.clone(),
        files: Vec::new(),
        services,
        networks,
        volumes,
    }
}

/// The networks that are joined.
fn networks(
    reader: &mut Reader<'_>,
    root: &At<'_>,
    project: &str,
    placed: &[Placed],
) -> BTreeMap<String, Network> {
    let mut declared = BTreeMap::new();
    if let Some(at) = root.get("networks") {
        for entry in reader.entries(&at) {
            if key(reader, &entry.key, entry.at) {
                let item = At {
                    node: &entry.value,
                    path: at.join(&entry.key),
                };
                let network = top::network(reader, &item, project, &entry.key);
                declared.insert(entry.key.clone(), network);
            }
        }
    }
    declared
        .entry("default".to_owned())
        .or_insert_with(|| Network {
            key: "default".to_owned(),
            name: format!("{project}_default"),
            ..Network::default()
        });
    for (name, at) in placed.iter().flat_map(|one| &one.networks) {
        undeclared(reader, *at, "network", name, declared.keys());
    }
    let used = |name: &str| {
        placed
            .iter()
            .any(|one| one.service.networks.contains_key(name))
    };
    declared.retain(|name, _| used(name));
    declared
}

/// The named volumes that are mounted.
fn volumes(
    reader: &mut Reader<'_>,
    root: &At<'_>,
    project: &str,
    placed: &[Placed],
) -> BTreeMap<String, Volume> {
    let mut declared = BTreeMap::new();
    if let Some(at) = root.get("volumes") {
        for entry in reader.entries(&at) {
            if key(reader, &entry.key, entry.at) {
                let item = At {
                    node: &entry.value,
                    path: at.join(&entry.key),
                };
                let volume = top::volume(reader, &item, project, &entry.key);
                declared.insert(entry.key.clone(), volume);
            }
        }
    }
    let used: Vec<&(String, Place)> = placed.iter().flat_map(|one| &one.volumes).collect();
    for (name, at) in &used {
        undeclared(reader, *at, "volume", name, declared.keys());
    }
    declared.retain(|name, _| used.iter().any(|(used, _)| used == name));
    declared
}

/// Whether a key of `networks` or `volumes` is a name; those of extensions are not.
fn key(reader: &mut Reader<'_>, key: &str, at: Place) -> bool {
    if key.starts_with("x-") {
        return false;
    }
    if !values::is_key(key) {
        let message = format!("`{key}` is no name: it has letters, digits, `_`, `.` and `-`");
        reader.problem(at, message);
    }
    true
}

fn undeclared<'k>(
    reader: &mut Reader<'_>,
    at: Place,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'k String> + Clone,
) {
    if known.clone().any(|known| known == name) {
        return;
    }
    let hint = chora_model::yaml::nearest(name, known.map(String::as_str)).map_or_else(
        || format!("declare it under `{what}s:` of the file"),
        |near| format!("did you mean `{near}`?"),
    );
    reader.problem_with(at, format!("there is no {what} `{name}`"), Some(hint));
}
