//! The laying of one configuration's tree over another.

use crate::yaml::{Entry, Node, Value};

/// The keys under which named things stand.
const NAMED: &[&str] = &["services", "plugins", "plugin_keys"];

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
                        let named = top && NAMED.contains(&other.key.as_str());
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
                tag: None,
                value: Value::Map(entries),
            }
        }
        (_, value) => Node {
            at: over.at,
            tag: None,
            value,
        },
    }
}

/// Whether something is a list or a map keyed by name, or nothing at all.
pub(super) fn is_named_things(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_) | Value::Null)
}

fn merge_named(base: Node, over: Node) -> Node {
    // What is neither is kept as it is, so that it is told.
    for node in [&base, &over] {
        if !is_named_things(&node.value) {
            return node.clone();
        }
    }
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
        tag: None,
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
                        tag: None,
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
