//! `volumes`, `tmpfs` and `devices`.

use chora_model::yaml::{Value, nearest};

use super::keys::{DEVICE, MOUNT, MOUNT_BIND, MOUNT_TMPFS, MOUNT_VOLUME};
use super::{At, Reader, files};
use crate::model::{Bind, Device, Mount, MountKind, Propagation, Tmpfs};

const PROPAGATIONS: &[&str] = &[
    "private", "rprivate", "shared", "rshared", "slave", "rslave",
];
const OPTIONS: &[&str] = &[
    "ro",
    "rw",
    "nocopy",
    "z",
    "Z",
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "cached",
    "delegated",
    "consistent",
];

/// Everything that a service mounts, with the place of each, by target.
pub(super) fn read<'a>(reader: &mut Reader<'_>, service: &At<'a>) -> Vec<(Mount, At<'a>)> {
    let mut found_all = Vec::new();
    let volumes = reader.items(service.get("volumes"));
    let tmpfs = reader.one_or_more(service.get("tmpfs"));
    let volumes = volumes.into_iter().map(|item| (item, false));
    for (item, memory) in volumes.chain(tmpfs.into_iter().map(|item| (item, true))) {
        let found = match (&item.node.value, memory) {
            (Value::Text(text), true) => Some(short_tmpfs(text)),
            (Value::Text(text), false) => short(reader, &item, text),
            (Value::Map(_), false) => long(reader, &item),
            (_, true) => {
                reader.wrong_kind(&item, "a path inside");
                None
            }
            (_, false) => {
                reader.wrong_kind(&item, "a mount");
                None
            }
        };
        found_all.extend(found.map(|mount| (mount, item)));
    }
    found_all.extend(files::mounts(reader, service));
    let mut mounts: Vec<(Mount, At<'a>)> = Vec::new();
    for (mut mount, item) in found_all {
        if !mount.target.starts_with('/') {
            let message = format!(
                "`{}` is mounted at an absolute path, and not at `{}`",
                item.path, mount.target
            );
            reader.problem(item.place(), message);
            continue;
        }
        while mount.target.len() > 1 && mount.target.ends_with('/') {
            mount.target.pop();
        }
        if mounts.iter().any(|(known, _)| known.target == mount.target) {
            let message = format!("`{}`: `{}` is mounted already", item.path, mount.target);
            reader.problem(item.place(), message);
            continue;
        }
        mounts.push((mount, item));
    }
    mounts.sort_by(|(one, _), (other, _)| one.target.cmp(&other.target));
    mounts
}

fn short(reader: &mut Reader<'_>, at: &At<'_>, text: &str) -> Option<Mount> {
    let mut parts = text.split(':');
    let (source, target, options) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(target), None, None, None) => (None, target, ""),
        (Some(source), Some(target), options, None) => {
            (Some(source), target, options.unwrap_or_default())
        }
        _ => {
            reader.bad(at, text, "`[SOURCE:]TARGET[:OPTIONS]`");
            return None;
        }
    };
    if target.is_empty() || source.is_some_and(str::is_empty) {
        reader.bad(at, text, "`[SOURCE:]TARGET[:OPTIONS]`");
        return None;
    }
    let bind = source.is_some_and(|source| source.starts_with(['.', '/', '~']));
    let mut mount = Bind {
        source: source
            .map(|source| path(reader, source))
            .unwrap_or_default(),
        create_host_path: true,
        ..Bind::default()
    };
    let mut read_only = false;
    let mut nocopy = false;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let only_bind = PROPAGATIONS.contains(&option) || matches!(option, "z" | "Z");
        match option {
            "ro" => read_only = true,
            "rw" => read_only = false,
            "nocopy" if !bind => nocopy = true,
            "z" | "Z" if bind => mount.selinux = Some(option.to_owned()),
            "cached" | "delegated" | "consistent" => {}
            _ if bind && only_bind => mount.propagation = propagation(option),
            _ => {
                let message = format!("`{}` has no option `{option}`", at.path);
                let hint = nearest(option, OPTIONS.iter().copied())
                    .filter(|near| *near != option)
                    .map(|near| format!("did you mean `{near}`?"));
                reader.problem_with(at.place(), message, hint);
            }
        }
    }
    let kind = if bind {
        MountKind::Bind(mount)
    } else {
        MountKind::Volume {
            source: source.map(str::to_owned),
            nocopy,
            subpath: None,
        }
    };
    Some(Mount {
        target: target.to_owned(),
        read_only,
        kind,
    })
}

fn path(reader: &Reader<'_>, source: &str) -> String {
    reader.host_path(source).to_string_lossy().into_owned()
}

fn propagation(word: &str) -> Option<Propagation> {
    Some(match word {
        "private" => Propagation::Private,
        "rprivate" => Propagation::Rprivate,
        "shared" => Propagation::Shared,
        "rshared" => Propagation::Rshared,
        "slave" => Propagation::Slave,
        "rslave" => Propagation::Rslave,
        _ => return None,
    })
}

fn short_tmpfs(text: &str) -> Mount {
    let (target, options) = match text.split_once(':') {
        Some((target, options)) => (target, Some(options.to_owned())),
        None => (text, None),
    };
    Mount {
        target: target.to_owned(),
        read_only: false,
        kind: MountKind::Tmpfs(Tmpfs {
            options: options.filter(|options| !options.is_empty()),
            ..Tmpfs::default()
        }),
    }
}

fn long(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Mount> {
    reader.keys(at, MOUNT);
    let kind = match at.get("type") {
        Some(kind) => reader.word(Some(&kind), &["bind", "volume", "tmpfs"])?,
        None => {
            let message = format!("`{}` has no `type`", at.path);
            let hint = "the types are `bind`, `volume` and `tmpfs`".to_owned();
            reader.problem_with(at.place(), message, Some(hint));
            return None;
        }
    };
    for (key, owner) in [("bind", "bind"), ("volume", "volume"), ("tmpfs", "tmpfs")] {
        if let Some(other) = at.get(key)
            && owner != kind
        {
            let message = format!(
                "`{}` is for mounts of type `{owner}`, not `{kind}`",
                other.path
            );
            reader.problem(other.place(), message);
        }
    }
    let source = reader.filled(at.get("source").as_ref());
    let target = reader.filled(at.get("target").as_ref());
    let read_only = reader.flag(at.get("read_only").as_ref()).unwrap_or(false);
    let Some(target) = target else {
        let message = format!("`{}` has no `target`, the path inside", at.path);
        reader.problem(at.place(), message);
        return None;
    };
    let kind = match kind {
        "bind" => MountKind::Bind(bind(reader, at, source)?),
        "tmpfs" => MountKind::Tmpfs(tmpfs(reader, at)),
        _ => volume(reader, at, source),
    };
    Some(Mount {
        target,
        read_only,
        kind,
    })
}

fn bind(reader: &mut Reader<'_>, at: &At<'_>, source: Option<String>) -> Option<Bind> {
    let Some(source) = source else {
        let message = format!("`{}` has no `source`, the path on the host", at.path);
        reader.problem(at.place(), message);
        return None;
    };
    let mut mount = Bind {
        source: path(reader, &source),
        create_host_path: true,
        ..Bind::default()
    };
    if let Some(at) = at.get("bind") {
        reader.keys(&at, MOUNT_BIND);
        let create = reader.flag(at.get("create_host_path").as_ref());
        mount.create_host_path = create.unwrap_or(true);
        let word = reader.word(at.get("propagation").as_ref(), PROPAGATIONS);
        mount.propagation = word.and_then(propagation);
        let word = reader.word(at.get("selinux").as_ref(), &["z", "Z"]);
        mount.selinux = word.map(str::to_owned);
        let recursive = &["enabled", "disabled", "writable", "readonly"];
        let word = reader.word(at.get("recursive").as_ref(), recursive);
        mount.recursive = word.map(str::to_owned);
    }
    Some(mount)
}

fn volume(reader: &mut Reader<'_>, at: &At<'_>, source: Option<String>) -> MountKind {
    let options = at.get("volume");
    if let Some(at) = &options {
        reader.keys(at, MOUNT_VOLUME);
    }
    let get = |key: &str| options.as_ref().and_then(|at| at.get(key));
    MountKind::Volume {
        source,
        nocopy: reader.flag(get("nocopy").as_ref()).unwrap_or(false),
        subpath: reader.filled(get("subpath").as_ref()),
    }
}

fn tmpfs(reader: &mut Reader<'_>, at: &At<'_>) -> Tmpfs {
    let Some(at) = at.get("tmpfs") else {
        return Tmpfs::default();
    };
    reader.keys(&at, MOUNT_TMPFS);
    let mode = at.get("mode").and_then(|at| {
        // Where YAML took `0o1777` for a number, its digits are decimal by now.
        let mode = match &at.node.value {
            Value::Text(text) => u32::from_str_radix(text.trim_start_matches("0o"), 8).ok(),
            Value::Integer(number) => u32::try_from(*number).ok(),
            _ => None,
        };
        if mode.is_none_or(|mode| mode > 0o7777) {
            reader.wrong_kind(&at, "permission bits such as `0o1777`");
        }
        mode
    });
    Tmpfs {
        size: reader.bytes(at.get("size").as_ref()),
        mode,
        options: None,
    }
}

/// Devices of the host, in the order of the files.
pub(super) fn devices(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Vec<Device> {
    let mut devices = Vec::new();
    for item in reader.items(at) {
        let found = match &item.node.value {
            Value::Map(_) => {
                reader.keys(&item, DEVICE);
                let source = reader.filled(item.get("source").as_ref());
                let target = reader.filled(item.get("target").as_ref());
                let permissions = reader.filled(item.get("permissions").as_ref());
                source.map(|source| (source, target, permissions))
            }
            Value::Text(text) => {
                let mut parts = text.splitn(3, ':').map(str::to_owned);
                parts
                    .next()
                    .map(|source| (source, parts.next(), parts.next()))
            }
            _ => None,
        };
        let Some((source, target, permissions)) = found.filter(|(source, ..)| !source.is_empty())
        else {
            reader.wrong_kind(&item, "a device, `SOURCE[:TARGET[:PERMISSIONS]]`");
            continue;
        };
        let permissions = permissions.unwrap_or_else(|| "rwm".to_owned());
        if permissions.is_empty() || !permissions.chars().all(|c| matches!(c, 'r' | 'w' | 'm')) {
            let message = format!(
                "`{}`: permissions are any of `r`, `w` and `m`, and not `{permissions}`",
                item.path
            );
            reader.problem(item.place(), message);
        }
        devices.push(Device {
            target: target.unwrap_or_else(|| source.clone()),
            source,
            permissions,
        });
    }
    devices
}
