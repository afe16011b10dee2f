//! The sections `plugins` and `plugin_keys`.

use std::path::PathBuf;

use super::parse::must_be_named_things;
use super::read::Reader;
use super::service::is_name;
use super::{Placement, PluginConfig, Service, tree};
use crate::grant::Grant;
use crate::signature::{TrustedKey, TrustedKeys};
use crate::yaml::{Node, Value};

const KEYS: &[&str] = &[
    "name", "path", "phase", "before", "after", "grants", "settings", "enabled", "required",
];

/// Reads one plugin; absent when it has no name.
pub(super) fn read(reader: &mut Reader, node: &Node, services: &[Service]) -> Option<PluginConfig> {
    let node = reader.map(Some(node), "plugins", KEYS)?;
    let Some(name) = reader.text(node.get("name"), "name") else {
        reader.problem(node.at, "this plugin has no `name`");
        return None;
    };
    if !is_name(&name) {
        let message = format!(
            "`{name}` is no name of a plugin: it has 1 to 64 lower-case letters, digits and `-`"
        );
        reader.problem(node.at, message);
    }
    let mut grants = Vec::new();
    for item in reader.list(node.get("grants"), "grants") {
        if let Some(text) = reader.text(Some(item), "grants") {
            match Grant::parse(&text) {
                Ok(grant) => grants.push(grant),
                Err(error) => reader.problem(item.at, error.to_string()),
            }
        }
    }
    Some(PluginConfig {
        path: reader.text(node.get("path"), "path").map(PathBuf::from),
        placement: placement(reader, node, services),
        grants,
        settings: reader.free(node.get("settings"), "settings"),
        enabled: reader.flag(node.get("enabled"), "enabled").unwrap_or(true),
        required: reader
            .flag(node.get("required"), "required")
            .unwrap_or(false),
        name,
    })
}

fn placement(reader: &mut Reader, node: &Node, services: &[Service]) -> Option<Placement> {
    let places = ["phase", "before", "after"];
    let mut given = places
        .iter()
        .filter_map(|key| node.get(key).map(|value| (*key, value)));
    let (key, value) = given.next()?;
    if let Some((other, value)) = given.next() {
        let message = format!("a plugin has one place, and here stand `{key}` and `{other}`");
        reader.problem(value.at, message);
    }
    if let (true, Value::Text(service)) = (key != "phase", &value.value) {
        if !services.iter().any(|known| known.name == *service) {
            let near =
                crate::yaml::nearest(service, services.iter().map(|known| known.name.as_str()));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            reader.problem_with(value.at, format!("there is no service `{service}`"), hint);
        }
        return Some(if key == "before" {
            Placement::BeforeService(service.clone())
        } else {
            Placement::AfterService(service.clone())
        });
    }
    let phase = reader.integer(Some(value), key, 0, 4)?;
    let phase = u8::try_from(phase).ok()?;
    Some(match key {
        "before" => Placement::BeforePhase(phase),
        "after" => Placement::AfterPhase(phase),
        _ => Placement::Phase(phase),
    })
}

/// Reads the keys of which plugins must be signed with one. Nothing that stands here is passed over: a key that is not read would be a demand that is not made.
pub(super) fn keys(reader: &mut Reader, node: Option<&Node>) -> TrustedKeys {
    let mut keys = TrustedKeys::default();
    let Some(node) = node else {
        return keys;
    };
    must_be_named_things(reader, node, "plugin_keys");
    for (_, item) in tree::by_name(node.value.clone()) {
        let Some(key) = key(reader, &item) else {
            continue;
        };
        if let Err(message) = keys.list(key) {
            reader.problem(item.at, message);
        }
    }
    keys
}

fn key(reader: &mut Reader, item: &Node) -> Option<TrustedKey> {
    if matches!(item.value, Value::Null) {
        reader.problem(item.at, "here stands no key");
        return None;
    }
    let item = reader.map(Some(item), "plugin_keys", &["name", "key"])?;
    let Some(name) = reader.text(item.get("name"), "name") else {
        reader.problem(item.at, "this key has no `name`");
        return None;
    };
    if !is_name(&name) {
        let message = format!(
            "`{name}` is no name of a key: it has 1 to 64 lower-case letters, digits and `-`"
        );
        reader.problem(item.at, message);
        return None;
    }
    let Some(text) = reader.text(item.get("key"), "key") else {
        reader.problem(item.at, format!("key `{name}` has no `key`"));
        return None;
    };
    match TrustedKey::parse(&name, &text) {
        Ok(key) => Some(key),
        Err(error) => {
            let at = item.get("key").map_or(item.at, |node| node.at);
            let hint = "`key` is the second line of a file `minisign.pub`: 56 characters that begin with `RW`";
            reader.problem_with(at, error.to_string(), Some(hint.to_owned()));
            None
        }
    }
}
