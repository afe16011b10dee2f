//! `secrets` and `configs`: files of the host that are mounted read-only, as Compose does outside a swarm.

use std::collections::BTreeMap;

use chora_model::yaml::{Value, nearest};

use super::keys::{FILE_ITEM, FILE_MOUNT};
use super::{At, Reader};
use crate::model::{Bind, Mount, MountKind};

/// The files by `secrets` or `configs` and name.
pub(crate) type Files = BTreeMap<(&'static str, String), String>;

/// The sections, and where their files are mounted unless a service says so.
const SECTIONS: [(&str, &str); 2] = [("secrets", "/run/secrets/"), ("configs", "/")];

/// The files that the top level of a Compose file declares.
pub(super) fn declared(reader: &mut Reader<'_>, root: &At<'_>) -> Files {
    let mut files = Files::new();
    for (section, _) in SECTIONS {
        let Some(at) = root.get(section) else {
            continue;
        };
        for entry in reader.entries(&at) {
            if entry.key.starts_with("x-") {
                continue;
            }
            let item = At {
                node: &entry.value,
                path: at.join(&entry.key),
            };
            let before = reader.problems.len();
            reader.keys(&item, FILE_ITEM);
            let path = reader.filled(item.get("file").as_ref());
            if path.is_none() && reader.problems.len() == before {
                reader.problem(entry.at, format!("`{}` names no `file`", item.path));
            }
            let path = reader.host_path(&path.unwrap_or_default());
            let path = path.to_string_lossy().into_owned();
            files.insert((section, entry.key.clone()), path);
        }
    }
    files
}

/// The mounts that a service's `secrets` and `configs` are.
pub(super) fn mounts<'a>(reader: &mut Reader<'_>, service: &At<'a>) -> Vec<(Mount, At<'a>)> {
    let mut mounts = Vec::new();
    for (section, directory) in SECTIONS {
        for item in reader.items(service.get(section)) {
            let (source, target) = if matches!(item.node.value, Value::Map(_)) {
                reader.keys(&item, FILE_MOUNT);
                let source = reader.filled(item.get("source").as_ref());
                (source, reader.filled(item.get("target").as_ref()))
            } else {
                (reader.filled(Some(&item)), None)
            };
            let Some(source) = source else {
                reader.problem(item.place(), format!("`{}` names no `source`", item.path));
                continue;
            };
            let target = target.unwrap_or_else(|| source.clone());
            let target = if target.starts_with('/') {
                target
            } else {
                format!("{directory}{target}")
            };
            let Some(file) = reader.mounted.get(&(section, source.clone())).cloned() else {
                let names = reader.mounted.keys().filter(|(of, _)| *of == section);
                let near = nearest(&source, names.map(|(_, name)| name.as_str()));
                let hint = near.map_or_else(
                    || format!("declare it under `{section}:` of the file"),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("there is no `{source}` under `{section}`");
                reader.problem_with(item.place(), message, Some(hint));
                continue;
            };
            let mount = Mount {
                target,
                read_only: true,
                kind: MountKind::Bind(Bind {
                    source: file,
                    ..Bind::default()
                }),
            };
            mounts.push((mount, item));
        }
    }
    mounts
}
