//! YAML as a tree in which every value knows where it stands, and the laying of one such tree over another.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use super::Problem;

/// The deepest nesting that is read.
const DEPTH: usize = 64;

/// Where something stands: the number of the file, line and column from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Place,
    pub(super) value: Node,
}

impl Value {
    /// What it is, as a person would call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Node {
    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => None,
        }
    }

    /// The same as JSON, for settings that are handed on as they are.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.clone().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect(),
        }
    }
}

/// Reads a document. `file` is the number that all its places carry.
pub(super) fn read(text: &str, file: usize, name: &std::path::Path) -> Result<Node, Problem> {
    match serde_yaml::from_str::<Option<Spanned<Raw>>>(text) {
        Ok(Some(raw)) => Ok(raw.value.into_node(place(&raw.referenced, file), file)),
        Ok(None) => Ok(Node {
            at: Place {
                file,
                line: 1,
                column: 1,
            },
            value: Value::Map(Vec::new()),
        }),
        Err(error) => {
            let at = error
                .location()
                .map(|at| place(&at, file))
                .unwrap_or_default();
            let text = error.without_snippet().to_string();
            // The place is told in front of the sentence already.
            let message = text.split(" at line ").next().unwrap_or(&text);
            Err(Problem {
                file: name.to_owned(),
                line: at.line.max(1),
                column: at.column.max(1),
                message: format!("this is not valid YAML: {message}"),
                hint: None,
            })
        }
    }
}

fn place(at: &serde_yaml::Location, file: usize) -> Place {
    Place {
        file,
        line: usize::try_from(at.line()).unwrap_or(0),
        column: usize::try_from(at.column()).unwrap_or(0),
    }
}

/// Lays a tree over another: maps are merged deeply, lists of named things by name, everything else is replaced.
pub(super) fn merge(base: Node, over: Node) -> Node {
    merge_at(base, over, true)
}

fn merge_at(base: Node, over: Node, top: bool) -> Node {
    match (base.value, over.value) {
        (Value::Map(mut entries), Value::Map(others)) => {
            for other in others {
                let found = entries.iter().position(|entry| entry.key == other.key);
                match found.map(|at| entries.remove(at)) {
                    Some(entry) => {
                        let named = top && matches!(other.key.as_str(), "services" | "plugins");
                        let value = if named {
                            merge_named(entry.value, other.value)
                        } else {
                            merge_at(entry.value, other.value, false)
                        };
                        let at = found.unwrap_or_default();
                        entries.insert(at, Entry { value, ..entry });
                    }
                    None => entries.push(other),
                }
            }
            Node {
                at: base.at,
                value: Value::Map(entries),
            }
        }
        (_, value) => Node { at: over.at, value },
    }
}

fn merge_named(base: Node, over: Node) -> Node {
    let mut items = by_name(base.value);
    for (name, other) in by_name(over.value) {
        let found = items
            .iter_mut()
            .find(|(known, _)| known.is_some() && *known == name);
        match found {
            Some((_, item)) => *item = merge_at(item.clone(), other, false),
            None => items.push((name, other)),
        }
    }
    Node {
        at: base.at,
        value: Value::List(items.into_iter().map(|(_, item)| item).collect()),
    }
}

/// Named things from either form: a list of maps with `name`, or a map keyed by name.
pub(super) fn by_name(value: Value) -> Vec<(Option<String>, Node)> {
    match value {
        Value::List(items) => items
            .into_iter()
            .map(|item| {
                let name = item.get("name").and_then(|name| match &name.value {
                    Value::Text(name) => Some(name.clone()),
                    _ => None,
                });
                (name, item)
            })
            .collect(),
        Value::Map(entries) => entries
            .into_iter()
            .map(|entry| {
                let name = Entry {
                    key: "name".to_owned(),
                    at: entry.at,
                    value: Node {
                        at: entry.at,
                        value: Value::Text(entry.key.clone()),
                    },
                };
                let mut item = entry.value;
                match &mut item.value {
                    Value::Map(fields) if !fields.iter().any(|field| field.key == "name") => {
                        fields.insert(0, name);
                    }
                    Value::Null => item.value = Value::Map(vec![name]),
                    _ => {}
                }
                (Some(entry.key), item)
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
            Vec::new()
        }
    }
}

/// A value as the parser hands it over.
enum Raw {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl Raw {
    fn into_node(self, at: Place, file: usize) -> Node {
        self.into_node_at(at, file, 0)
    }

    fn into_node_at(self, at: Place, file: usize, depth: usize) -> Node {
        let value = match self {
            _ if depth > DEPTH => Value::Null,
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Float(value) => Value::Float(value),
            Self::Text(value) => Value::Text(value),
            Self::List(items) => Value::List(
                items
                    .into_iter()
                    .map(|item| {
                        let at = place(&item.referenced, file);
                        item.value.into_node_at(at, file, depth + 1)
                    })
                    .collect(),
            ),
            Self::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let at = place(&value.referenced, file);
                        Entry {
                            at: place(&key.referenced, file),
                            key: key.value,
                            value: value.value.into_node_at(at, file, depth + 1),
                        }
                    })
                    .collect(),
            ),
        };
        Node { at, value }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Raw, E> {
        i64::try_from(value)
            .map(Raw::Integer)
            .map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
