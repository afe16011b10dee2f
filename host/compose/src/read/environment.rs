//! Variables and labels of a service, and the files they come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chora_model::yaml::{Place, Problem, Value};

use super::keys::ENV_FILE;
use super::{At, Reader};
use crate::dotenv;

/// A map of texts in either form. Without a value, the text is empty.
pub(super) fn texts(reader: &mut Reader<'_>, at: Option<At<'_>>) -> BTreeMap<String, String> {
    let pairs = pairs(reader, at).into_iter();
    pairs
        .map(|(key, value)| (key, value.unwrap_or_default()))
        .collect()
}

/// A map in either form, with the values as they are written.
pub(super) fn pairs(
    reader: &mut Reader<'_>,
    at: Option<At<'_>>,
) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    let Some(at) = at else {
        return found;
    };
    let node = crate::merge::by_key(at.node.clone());
    if !matches!(node.value, Value::Map(_)) {
        reader.wrong_kind(&at, "a map, or a list of `KEY=VALUE`");
        return found;
    }
    let map = At {
        node: &node,
        path: at.path,
    };
    for entry in reader.entries(&map) {
        let item = At {
            node: &entry.value,
            path: map.join(&entry.key),
        };
        if entry.key.is_empty() {
            reader.problem(entry.at, format!("`{}` has an empty key", map.path));
            continue;
        }
        let value = match item.node.value {
            Value::Null => None,
            _ => reader.text(Some(&item)),
        };
        found.insert(entry.key.clone(), value);
    }
    found
}

/// Build arguments: those without a value come from the variables, and are left out where these have none.
pub(super) fn arguments(reader: &mut Reader<'_>, at: Option<At<'_>>) -> BTreeMap<String, String> {
    let lookup = reader.lookup;
    let pairs = pairs(reader, at).into_iter();
    pairs
        .filter_map(|(key, value)| {
            let value = value.or_else(|| lookup(&key))?;
            Some((key, value))
        })
        .collect()
}

/// The variables of a service: its files in their order, and over them what it sets itself.
pub(super) fn environment(
    reader: &mut Reader<'_>,
    service: &At<'_>,
) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    for item in reader.one_or_more(service.get("env_file")) {
        let (path, required, raw) = if matches!(item.node.value, Value::Map(_)) {
            reader.keys(&item, ENV_FILE);
            let required = reader.flag(item.get("required").as_ref()).unwrap_or(true);
            let raw = reader.word(item.get("format").as_ref(), &["raw"]).is_some();
            (reader.filled(item.get("path").as_ref()), required, raw)
        } else {
            (reader.filled(Some(&item)), true, false)
        };
        let Some(path) = path else {
            reader.problem(item.place(), format!("`{}` names no file", item.path));
            continue;
        };
        for (name, value) in file(reader, &item, &path, required, raw) {
            found.insert(name, Some(value));
        }
    }
    let lookup = reader.lookup;
    for (name, value) in pairs(reader, service.get("environment")) {
        if name.contains('\0') || value.as_deref().is_some_and(|value| value.contains('\0')) {
            let message = format!(
                "`{}.environment.{name}` has a zero byte in it",
                service.path
            );
            reader.problem(service.place(), message);
        }
        let value = value.or_else(|| lookup(&name));
        found.insert(name, value);
    }
    found
}

/// The labels of a service: its files in their order, and over them what it sets itself.
pub(super) fn labels(reader: &mut Reader<'_>, service: &At<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for item in reader.one_or_more(service.get("label_file")) {
        if let Some(path) = reader.filled(Some(&item)) {
            found.extend(file(reader, &item, &path, true, false));
        }
    }
    let at = service.get("labels");
    let place = at.as_ref().map_or(service.place(), At::place);
    found.extend(texts(reader, at));
    for label in found.keys() {
        if label.starts_with("com.docker.compose.") || label.starts_with("dev.chora.") {
            let message = format!("the label `{label}` is set by chora itself");
            reader.problem(place, message);
        }
    }
    found
}

/// The variables of a file.
fn file(
    reader: &mut Reader<'_>,
    at: &At<'_>,
    path: &str,
    required: bool,
    raw: bool,
) -> Vec<(String, String)> {
    let path = reader.host_path(path);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => {
            return Vec::new();
        }
        Err(error) => {
            let message = format!(
                "`{}`: the file `{}` cannot be read: {error}",
                at.path,
                path.display()
            );
            let hint = error.kind() == std::io::ErrorKind::NotFound;
            let hint = hint.then(|| "make it, or say `required: false`".to_owned());
            reader.problem_with(at.place(), message, hint);
            return Vec::new();
        }
    };
    let parse = if raw {
        dotenv::parse_raw
    } else {
        dotenv::parse
    };
    match parse(&text, reader.lookup) {
        Ok(variables) => {
            let place = number_of(reader, &path);
            for (name, line) in variables.unset {
                let at = Place {
                    line,
                    column: 1,
                    ..place
                };
                reader.warn(at, unset(&name));
            }
            let set = variables.set.into_iter();
            set.map(|variable| (variable.name, variable.value))
                .collect()
        }
        Err(fault) => {
            reader.problems.push(Problem {
                file: path,
                line: fault.line,
                column: 1,
                message: fault.message,
                hint: None,
            });
            Vec::new()
        }
    }
}

/// What is told of a variable that is not set.
pub(crate) fn unset(name: &str) -> String {
    format!("the variable `{name}` is not set, and empty here")
}

fn number_of(reader: &mut Reader<'_>, path: &Path) -> Place {
    let known = reader.files.iter().position(|known| known == path);
    let file = known.unwrap_or_else(|| {
        reader.files.push(PathBuf::from(path));
        reader.files.len().saturating_sub(1)
    });
    Place {
        file,
        line: 1,
        column: 1,
    }
}
