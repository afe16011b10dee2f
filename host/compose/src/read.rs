//! Reading typed values out of the merged tree, and collecting everything that is wrong on the way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chora_model::yaml::{Entry, Node, Place, Problem, Value, nearest};

use crate::interpolate::Lookup;
use crate::values;

mod build;
mod environment;
mod files;
mod health;
mod keys;
mod mounts;
mod ports;
pub(crate) mod project;
mod resources;
mod service;
mod top;

pub(crate) use environment::unset;
pub(crate) use files::Files;
#[cfg(test)]
pub(crate) use keys::tables;
pub(crate) use keys::{Key, Use};
pub(crate) use service::Placed;

/// Collects problems and warnings with their places.
pub(crate) struct Reader<'l> {
    /// The files, by the number that places carry.
    pub(crate) files: Vec<PathBuf>,
    /// What relative paths are relative to.
    pub(crate) directory: PathBuf,
    /// The variables.
    pub(crate) lookup: Lookup<'l>,
    /// The files that `secrets` and `configs` name.
    pub(crate) mounted: Files,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

/// A value, where it stands, and how it is reached: `services.web.ports[0]`.
#[derive(Clone)]
pub(crate) struct At<'a> {
    pub(crate) node: &'a Node,
    pub(crate) path: String,
}

impl<'a> At<'a> {
    /// The value of a key; nothing where nothing stands.
    pub(crate) fn get(&self, key: &str) -> Option<At<'a>> {
        let node = self.node.get(key)?;
        (node.value != Value::Null).then(|| At {
            node,
            path: self.join(key),
        })
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.node.at
    }
}

impl Reader<'_> {
    pub(crate) fn problem(&mut self, at: Place, message: impl Into<String>) {
        self.problem_with(at, message, None);
    }

    pub(crate) fn problem_with(
        &mut self,
        at: Place,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let problem = self.told(at, message.into(), hint);
        self.problems.push(problem);
    }

    pub(crate) fn warn(&mut self, at: Place, message: impl Into<String>) {
        let warning = self.told(at, message.into(), None);
        self.warnings.push(warning);
    }

    fn told(&self, at: Place, message: String, hint: Option<String>) -> Problem {
        Problem {
            file: self.files.get(at.file).cloned().unwrap_or_default(),
            line: at.line.max(1),
            column: at.column.max(1),
            message,
            hint,
        }
    }

    pub(crate) fn wrong_kind(&mut self, at: &At<'_>, wanted: &str) {
        let message = format!(
            "`{}` is {wanted}, and here stands {}",
            at.path,
            at.node.value.kind()
        );
        self.problem(at.place(), message);
    }

    /// What is wrong with a text that is of the right kind.
    fn bad(&mut self, at: &At<'_>, text: &str, wanted: &str) {
        let message = format!("`{}` is {wanted}, and not `{text}`", at.path);
        self.problem(at.place(), message);
    }

    /// The entries of a map, whatever their keys.
    pub(crate) fn entries<'a>(&mut self, at: &At<'a>) -> &'a [Entry] {
        match &at.node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => {
                self.wrong_kind(at, "a map");
                &[]
            }
        }
    }

    /// Tells the keys of a map that are unknown or refused, and warns of those without effect. Whether it is a map.
    pub(crate) fn keys(&mut self, at: &At<'_>, known: &[Key]) -> bool {
        for entry in self.entries(at) {
            if entry.key.starts_with("x-") {
                continue;
            }
            let found = known.iter().find(|(name, _)| *name == entry.key);
            let path = at.join(&entry.key);
            match found {
                Some((_, Use::Read)) => {}
                Some((_, Use::Without(reason))) => {
                    self.warn(entry.at, format!("`{path}` has no effect: {reason}"));
                }
                Some((_, Use::Refused(reason))) => {
                    let message = format!("`{path}` is not supported");
                    self.problem_with(entry.at, message, Some((*reason).to_owned()));
                }
                None => self.unknown_key(at, entry, known),
            }
        }
        matches!(at.node.value, Value::Map(_))
    }

    fn unknown_key(&mut self, at: &At<'_>, entry: &Entry, known: &[Key]) {
        let message = if at.path.is_empty() {
            format!("a compose file has no key `{}`", entry.key)
        } else {
            format!("`{}` has no key `{}`", at.path, entry.key)
        };
        let names = known.iter().map(|(name, _)| *name);
        let hint = nearest(&entry.key, names).map(|near| format!("did you mean `{near}`?"));
        self.problem_with(entry.at, message, hint);
    }

    /// The items of a list.
    pub(crate) fn items<'a>(&mut self, at: Option<At<'a>>) -> Vec<At<'a>> {
        let Some(at) = at else {
            return Vec::new();
        };
        let Value::List(items) = &at.node.value else {
            self.wrong_kind(&at, "a list");
            return Vec::new();
        };
        let item = |(index, node)| At {
            node,
            path: format!("{}[{index}]", at.path),
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The items of a list, or the one thing that stands there instead of a list.
    pub(crate) fn one_or_more<'a>(&mut self, at: Option<At<'a>>) -> Vec<At<'a>> {
        match at {
            Some(one) if !matches!(one.node.value, Value::List(_)) => vec![one],
            other => self.items(other),
        }
    }

    /// A text; numbers are taken as they would be written.
    pub(crate) fn text(&mut self, at: Option<&At<'_>>) -> Option<String> {
        let at = at?;
        match &at.node.value {
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) => {
                Some(crate::merge::text(at.node))
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.wrong_kind(at, "a text");
                None
            }
        }
    }

    /// A text that is not empty; an empty one counts as not written, as in Compose.
    pub(crate) fn filled(&mut self, at: Option<&At<'_>>) -> Option<String> {
        self.text(at).filter(|text| !text.is_empty())
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, at: Option<At<'_>>) -> Vec<String> {
        let items = self.items(at);
        items
            .iter()
            .filter_map(|item| self.text(Some(item)))
            .collect()
    }

    /// One of some words.
    pub(crate) fn word<'w>(&mut self, at: Option<&At<'_>>, known: &[&'w str]) -> Option<&'w str> {
        let text = self.filled(at)?;
        let at = at?;
        if let Some(word) = known.iter().find(|word| **word == text) {
            return Some(word);
        }
        let message = format!(
            "`{}` is one of `{}`, and not `{text}`",
            at.path,
            known.join("`, `")
        );
        let hint = nearest(&text, known.iter().copied());
        let hint = hint.map(|near| format!("did you mean `{near}`?"));
        self.problem_with(at.place(), message, hint);
        None
    }

    pub(crate) fn flag(&mut self, at: Option<&At<'_>>) -> Option<bool> {
        let at = at?;
        if let Value::Bool(value) = at.node.value {
            return Some(value);
        }
        let Value::Text(text) = &at.node.value else {
            self.wrong_kind(at, "true or false");
            return None;
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "y" | "yes" | "on" => Some(true),
            "false" | "n" | "no" | "off" => Some(false),
            "" => None,
            _ => {
                self.bad(at, text, "true or false");
                None
            }
        }
    }

    /// A whole number within bounds, also as a text.
    pub(crate) fn integer(&mut self, at: Option<&At<'_>>, least: i64, most: i64) -> Option<i64> {
        let at = at?;
        let text = self.filled(Some(at))?;
        match text.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                let most = if most == i64::MAX {
                    String::new()
                } else {
                    format!(" to {most}")
                };
                self.bad(at, &text, &format!("a whole number from {least}{most}"));
                None
            }
        }
    }

    /// The same as [`Reader::integer`] in another type.
    pub(crate) fn number<T>(&mut self, at: Option<&At<'_>>, least: i64, most: i64) -> Option<T>
    where
        T: TryFrom<i64>,
    {
        let number = self.integer(at, least, most)?;
        T::try_from(number).ok()
    }

    /// A duration such as `1m30s`.
    pub(crate) fn duration(&mut self, at: Option<&At<'_>>) -> Option<Duration> {
        let at = at?;
        let text = self.filled(Some(at))?;
        let duration = values::duration(&text);
        if duration.is_none() {
            let message = format!(
                "`{}` is a duration such as `1m30s`, and not `{text}`",
                at.path
            );
            let hint = text.parse::<f64>().is_ok();
            let hint = hint.then(|| format!("write `{text}s` for seconds"));
            self.problem_with(at.place(), message, hint);
        }
        duration
    }

    /// A number of bytes such as `64m`.
    pub(crate) fn bytes(&mut self, at: Option<&At<'_>>) -> Option<u64> {
        let at = at?;
        let text = self.filled(Some(at))?;
        let bytes = values::bytes(&text);
        if bytes.is_none() {
            self.bad(at, &text, "a size such as `64m`");
        }
        bytes
    }

    /// A path of the host, made absolute.
    pub(crate) fn host_path(&self, path: &str) -> PathBuf {
        let home = path
            .strip_prefix('~')
            .filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let joined = match (home, (self.lookup)("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest.trim_start_matches('/')),
            (Some(_) | None, Some(_) | None) => self.directory.join(path),
        };
        clean(&joined)
    }
}

/// A path without `.` and `..`, as far as that can be told without looking.
fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => clean.push(part),
        }
    }
    clean
}
