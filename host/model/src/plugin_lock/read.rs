//! From the file's text to the added plugins: everything is checked, so that nothing else has to look again.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{FORMAT, LockedPlugin, LockedSignature, PluginLock, PluginLockError};
use crate::config::{PHASES, Placement, is_name};
use crate::grant::Grant;
use crate::signature::is_key_id;

/// What stands in a file of any format.
#[derive(Deserialize)]
struct Any {
    format: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "format")]
    _format: u64,
    plugins: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    version: String,
    source: String,
    sha256: String,
    size: u64,
    wit: String,
    world: Option<String>,
    signed_by: Option<String>,
    key_id: Option<String>,
    signature: Option<String>,
    phase: Option<Value>,
    before: Option<Value>,
    after: Option<Value>,
    grants: Vec<String>,
}

/// Reads the text of a file.
pub(super) fn parse(text: &str, path: &Path) -> Result<PluginLock, PluginLockError> {
    let damaged = |reason: String| PluginLockError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let any: Any = serde_yaml::from_str(text).map_err(|error| damaged(first_line(&error)))?;
    match any.format {
        None => return Err(damaged("it does not say its `format`".to_owned())),
        Some(FORMAT) => {}
        Some(found) if found > FORMAT => {
            let path = path.to_owned();
            return Err(PluginLockError::Newer { path, found });
        }
        Some(found) => return Err(damaged(format!("there is no format {found}"))),
    }
    let document: Document =
        serde_yaml::from_str(text).map_err(|error| damaged(first_line(&error)))?;
    let mut lock = PluginLock::default();
    for entry in document.plugins {
        let name = entry.name.clone();
        let plugin = checked(entry)
            .map_err(|reason| damaged(format!("the entry of plugin `{name}`: {reason}")))?;
        if lock.plugin(&name).is_some() {
            return Err(damaged(format!("it has two plugins named `{name}`")));
        }
        lock.put(plugin);
    }
    Ok(lock)
}

/// The parser shows the place in the text below its first line.
fn first_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

fn checked(entry: Entry) -> Result<LockedPlugin, String> {
    if !is_name(&entry.name) {
        return Err("its name has other than lower-case letters, digits and `-`".to_owned());
    }
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if entry.sha256.len() != 64 || !entry.sha256.chars().all(is_hex) {
        return Err("`sha256` is no digest of 64 hexadecimal digits in lower case".to_owned());
    }
    let placement = placement(&entry)?;
    let signature = signature(&entry)?;
    let grants: Result<Vec<Grant>, String> = entry
        .grants
        .iter()
        .map(|text| Grant::parse(text).map_err(|error| error.to_string()))
        .collect();
    Ok(LockedPlugin {
        name: entry.name,
        version: entry.version,
        source: entry.source,
        sha256: entry.sha256,
        size: entry.size,
        wit: entry.wit,
        // The first chora that wrote this file knew only these two.
        world: entry.world.unwrap_or_else(|| {
            let world = if placement.is_some() {
                "phase-plugin"
            } else {
                "health-plugin"
            };
            world.to_owned()
        }),
        signature,
        placement,
        grants: grants?,
    })
}

fn signature(entry: &Entry) -> Result<Option<LockedSignature>, String> {
    let source = entry.signature.clone();
    match (&entry.signed_by, &entry.key_id) {
        (None, None) if source.is_none() => Ok(None),
        (None, None) => Err("it has `signature` without `signed_by` and `key_id`".to_owned()),
        (Some(_), None) => Err("it has `signed_by` without `key_id`".to_owned()),
        (None, Some(_)) => Err("it has `key_id` without `signed_by`".to_owned()),
        (Some(by), Some(_)) if !is_name(by) => Err("`signed_by` is no name of a key".to_owned()),
        (Some(_), Some(key_id)) if !is_key_id(key_id) => {
            Err("`key_id` is no id of 16 hexadecimal digits in upper case".to_owned())
        }
        (Some(by), Some(key_id)) => Ok(Some(LockedSignature {
            by: by.clone(),
            key_id: key_id.clone(),
            source,
        })),
    }
}

fn placement(entry: &Entry) -> Result<Option<Placement>, String> {
    let places = [
        ("phase", &entry.phase),
        ("before", &entry.before),
        ("after", &entry.after),
    ];
    let mut given = places
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let Some((key, value)) = given.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = given.next() {
        return Err(format!("it has both `{key}` and `{other}`"));
    }
    let phase = value
        .as_u64()
        .and_then(|phase| u8::try_from(phase).ok())
        .filter(|phase| usize::from(*phase) < PHASES);
    let service = value.as_str().filter(|name| is_name(name));
    match (key, phase, service) {
        ("phase", Some(phase), _) => Ok(Some(Placement::Phase(phase))),
        ("before", Some(phase), _) => Ok(Some(Placement::BeforePhase(phase))),
        ("after", Some(phase), _) => Ok(Some(Placement::AfterPhase(phase))),
        ("before", None, Some(name)) => Ok(Some(Placement::BeforeService(name.to_owned()))),
        ("after", None, Some(name)) => Ok(Some(Placement::AfterService(name.to_owned()))),
        _ => Err(format!("`{key}` names no phase or service")),
    }
}
