//! Reading typed values out of the tree, and collecting everything that is wrong on the way.

use std::path::PathBuf;
use std::time::Duration;

use crate::yaml::{Entry, Node, Place, Problem, Value, nearest};

/// The longest time that can be configured: one week.
const LONGEST: f64 = 7.0 * 24.0 * 3600.0;

/// Collects problems with their places.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The files, by the number that places carry.
    pub(super) files: Vec<PathBuf>,
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn problem(&mut self, at: Place, message: impl Into<String>) {
        self.problem_with(at, message, None);
    }

    pub(super) fn problem_with(
        &mut self,
        at: Place,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.problems.push(Problem {
            file: self.files.get(at.file).cloned().unwrap_or_default(),
            line: at.line.max(1),
            column: at.column.max(1),
            message: message.into(),
            hint,
        });
    }

    fn wrong_kind(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!(
            "`{what}` is {wanted}, and here stands {}",
            node.value.kind()
        );
        self.problem(node.at, message);
    }

    /// The entries of a map whose keys are all known. Nothing where nothing stands.
    pub(super) fn map<'a>(
        &mut self,
        node: Option<&'a Node>,
        what: &str,
        known: &[&str],
    ) -> Option<&'a Node> {
        let node = node?;
        match &node.value {
            Value::Map(entries) => {
                self.known_keys(entries, what, known);
                Some(node)
            }
            Value::Null => None,
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => {
                self.wrong_kind(node, what, "a map");
                None
            }
        }
    }

    fn known_keys(&mut self, entries: &[Entry], what: &str, known: &[&str]) {
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                let message = if what.is_empty() {
                    format!("there is no key `{}`", entry.key)
                } else {
                    format!("`{what}` has no key `{}`", entry.key)
                };
                let hint = nearest(&entry.key, known.iter().copied())
                    .map(|near| format!("did you mean `{near}`?"))
                    .or_else(|| Some(format!("the keys are `{}`", known.join("`, `"))));
                self.problem_with(entry.at, message, hint);
            }
        }
    }

    /// A text; numbers are taken as they would be written.
    pub(super) fn text(&mut self, node: Option<&Node>, what: &str) -> Option<String> {
        let node = node?;
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Float(number) => Some(format!("{number:?}")),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null => None,
            Value::List(_) | Value::Map(_) => {
                self.wrong_kind(node, what, "a text");
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn word(
        &mut self,
        node: Option<&Node>,
        what: &str,
        known: &[&str],
    ) -> Option<String> {
        let text = self.text(node, what)?;
        if known.contains(&text.as_str()) {
            return Some(text);
        }
        let at = node.map(|node| node.at).unwrap_or_default();
        let hint =
            nearest(&text, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let message = format!(
            "`{what}` is one of `{}`, and not `{text}`",
            known.join("`, `")
        );
        self.problem_with(at, message, hint);
        None
    }

    pub(super) fn flag(&mut self, node: Option<&Node>, what: &str) -> Option<bool> {
        let node = node?;
        match &node.value {
            Value::Bool(value) => Some(*value),
            Value::Null => None,
            Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => {
                self.wrong_kind(node, what, "true or false");
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn integer(
        &mut self,
        node: Option<&Node>,
        what: &str,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        let node = node?;
        match &node.value {
            Value::Integer(number) if (least..=most).contains(number) => Some(*number),
            Value::Integer(number) => {
                let message =
                    format!("`{what}` is a whole number from {least} to {most}, and not {number}");
                self.problem(node.at, message);
                None
            }
            Value::Null => None,
            Value::Bool(_) | Value::Float(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                let wanted = format!("a whole number from {least} to {most}");
                self.wrong_kind(node, what, &wanted);
                None
            }
        }
    }

    /// A number that is at least this.
    pub(super) fn number(&mut self, node: Option<&Node>, what: &str, least: f64) -> Option<f64> {
        let node = node?;
        #[expect(clippy::cast_precision_loss, reason = "configured numbers are small")]
        let number = match &node.value {
            Value::Integer(number) => *number as f64,
            Value::Float(number) => *number,
            Value::Null => return None,
            Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                self.wrong_kind(node, what, "a number");
                return None;
            }
        };
        if number.is_finite() && number >= least {
            return Some(number);
        }
        self.problem(node.at, format!("`{what}` is a number of at least {least}"));
        None
    }

    /// Seconds, fractions allowed, more than none and at most a week.
    pub(super) fn seconds(&mut self, node: Option<&Node>, what: &str) -> Option<Duration> {
        let at = node?.at;
        let seconds = self.number(node, what, f64::MIN)?;
        if seconds > 0.0 && seconds <= LONGEST {
            return Some(Duration::from_secs_f64(seconds));
        }
        let message = format!("`{what}` is a number of seconds, more than 0 and at most {LONGEST}");
        self.problem(at, message);
        None
    }

    /// The items of a list.
    pub(super) fn list<'a>(&mut self, node: Option<&'a Node>, what: &str) -> &'a [Node] {
        let Some(node) = node else {
            return &[];
        };
        match &node.value {
            Value::List(items) => items,
            Value::Null => &[],
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Map(_) => {
                self.wrong_kind(node, what, "a list");
                &[]
            }
        }
    }

    /// A map that is handed on as it is.
    pub(super) fn free(
        &mut self,
        node: Option<&Node>,
        what: &str,
    ) -> serde_json::Map<String, serde_json::Value> {
        let Some(node) = node else {
            return serde_json::Map::new();
        };
        match node.to_json() {
            serde_json::Value::Object(map) => map,
            serde_json::Value::Null => serde_json::Map::new(),
            _ => {
                self.wrong_kind(node, what, "a map");
                serde_json::Map::new()
            }
        }
    }
}
