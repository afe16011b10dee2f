//! Several files as one, the way Compose lays `-f a -f b` over each other.
//!
//! Maps are merged deeply and lists are appended, but for the exceptions that are listed here: a command replaces a command, variables and labels are merged by name whatever form
//! they stand in, mounts by target, files of variables by path. `!reset` takes a value away, `!override` replaces instead of merging.

use chora_model::yaml::{Entry, Node, Place, Value};

use crate::read::Reader;

/// How the values of a key are laid over each other.
enum Rule {
    /// The later one holds.
    Replace,
    /// As a map; a list of `KEY=VALUE` or of keys is taken for one.
    ByKey,
    /// The same, but that a key without a value is one that is taken from the environment, and holds over an earlier one.
    Variables,
    /// As lists of `NAME=ADDRESS`, without what is in the earlier one already.
    Hosts,
    /// A directory is taken for a map with a `context`.
    Build,
    /// As lists, without what is in the earlier one already.
    Append,
    /// As lists, in which a later item takes the place of an earlier one with the same key.
    Keyed(fn(&Node) -> Option<String>),
    /// Only together when both have the same driver or one of them has none.
    Logging,
    /// Maps deeply, lists appended, all else replaced.
    Deep,
}

fn rule(path: &[&str]) -> Rule {
    match path {
        ["services", _, "command" | "entrypoint"]
        | ["services", _, "healthcheck", "test"]
        | ["services", _, "ulimits", _] => Rule::Replace,
        ["services", _, "environment"] | ["services", _, "build", "args"] => Rule::Variables,
        ["services", _, "labels" | "annotations" | "sysctls"]
        | ["services", _, "networks" | "depends_on"]
        | ["services", _, "build" | "deploy", "labels"]
        | ["networks" | "volumes", _, "labels"] => Rule::ByKey,
        ["services", _, "extra_hosts"] | ["services", _, "build", "extra_hosts"] => Rule::Hosts,
        ["services", _, "build"] => Rule::Build,
        ["services", _, "volumes"] => Rule::Keyed(mount_target),
        ["services", _, "devices"] => Rule::Keyed(device_target),
        ["services", _, "secrets" | "configs"] => Rule::Keyed(file_target),
        ["services", _, "env_file"] => Rule::Keyed(file_path),
        ["networks", _, "ipam", "config"] => Rule::Keyed(subnet),
        ["services", _, "tmpfs"] => Rule::Keyed(tmpfs_target),
        [
            "services",
            _,
            "dns" | "dns_search" | "dns_opt" | "label_file" | "ports" | "expose",
        ]
        | [
            "services",
            _,
            "cap_add" | "cap_drop" | "profiles" | "security_opt" | "group_add",
        ]
        | ["services", _, "networks", _, "aliases" | "link_local_ips"]
        | ["services", _, "build", "tags" | "cache_from"] => Rule::Append,
        ["services", _, "logging"] => Rule::Logging,
        _ => Rule::Deep,
    }
}

/// Lays a file over those before it.
pub(crate) fn merge(reader: &mut Reader, base: Node, over: Node) -> Node {
    lay(reader, base, over, &mut Vec::new())
}

/// Takes away what is tagged `!reset`, and the other tags once they have done their work.
pub(crate) fn settle(reader: &mut Reader, node: &mut Node) {
    match node.tag.take().as_deref() {
        None | Some("!override" | "!reset") => {}
        Some(tag) => reader.problem_with(
            node.at,
            format!("the tag `{tag}` has no meaning in a compose file"),
            Some("the tags are `!reset` and `!override`".to_owned()),
        ),
    }
    match &mut node.value {
        Value::Map(entries) => {
            entries.retain(|entry| entry.value.tag.as_deref() != Some("!reset"));
            for entry in entries {
                settle(reader, &mut entry.value);
            }
        }
        Value::List(items) => {
            items.retain(|item| item.tag.as_deref() != Some("!reset"));
            for item in items {
                settle(reader, item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

fn lay(reader: &mut Reader, base: Node, over: Node, path: &mut Vec<String>) -> Node {
    if over.tag.is_some() || base.tag.as_deref() == Some("!reset") {
        return over;
    }
    let known: Vec<&str> = path.iter().map(String::as_str).collect();
    match rule(&known) {
        Rule::Replace => over,
        Rule::ByKey => deep(reader, by_key(base), by_key(over), path),
        Rule::Variables => variables(by_key(base), by_key(over))
            .unwrap_or_else(|both| deep(reader, both.0, both.1, path)),
        Rule::Hosts => append(hosts(base), hosts(over), |node| Some(text(node))),
        Rule::Build => deep(reader, context(base), context(over), path),
        Rule::Append => append(as_list(base), as_list(over), |node| Some(text(node))),
        Rule::Keyed(key) => append(as_list(base), as_list(over), key),
        Rule::Logging => {
            let driver = |node: &Node| node.get("driver").map(text);
            match (driver(&base), driver(&over)) {
                (Some(one), Some(other)) if one != other => over,
                (Some(_) | None, Some(_) | None) => deep(reader, base, over, path),
            }
        }
        Rule::Deep => deep(reader, base, over, path),
    }
}

/// Two maps of variables as one, or both as they were where one is no map.
fn variables(mut base: Node, mut over: Node) -> Result<Node, Box<(Node, Node)>> {
    match (&mut base.value, &mut over.value) {
        (Value::Map(entries), Value::Map(others)) => {
            for other in others.drain(..) {
                match entries.iter_mut().find(|entry| entry.key == other.key) {
                    Some(entry) => *entry = other,
                    None => entries.push(other),
                }
            }
            Ok(base)
        }
        _ => Err(Box::new((base, over))),
    }
}

fn deep(reader: &mut Reader, base: Node, over: Node, path: &mut Vec<String>) -> Node {
    match (base.value, over.value) {
        (Value::Map(mut entries), Value::Map(others)) => {
            for other in others {
                let found = entries.iter_mut().find(|entry| entry.key == other.key);
                let Some(entry) = found else {
                    entries.push(other);
                    continue;
                };
                let empty = Node {
                    at: entry.at,
                    tag: None,
                    value: Value::Null,
                };
                let earlier = std::mem::replace(&mut entry.value, empty);
                path.push(other.key);
                entry.value = lay(reader, earlier, other.value, path);
                path.pop();
            }
            Node {
                at: base.at,
                tag: base.tag,
                value: Value::Map(entries),
            }
        }
        (Value::List(mut items), Value::List(others)) => {
            items.extend(others);
            Node {
                at: over.at,
                tag: base.tag,
                value: Value::List(items),
            }
        }
        (value, Value::Null) => Node {
            at: base.at,
            tag: base.tag,
            value,
        },
        (one @ (Value::Map(_) | Value::List(_)), other) => {
            let message = format!(
                "`{}` is {} in a file before, and here stands {}",
                path.join("."),
                one.kind(),
                other.kind()
            );
            let hint = "`!override` in front of it replaces what was there".to_owned();
            reader.problem_with(over.at, message, Some(hint));
            Node {
                at: base.at,
                tag: None,
                value: one,
            }
        }
        (_, value) => Node {
            at: over.at,
            tag: None,
            value,
        },
    }
}

fn append(base: Vec<Node>, over: Vec<Node>, key: impl Fn(&Node) -> Option<String>) -> Node {
    let at = over.first().or(base.first()).map(|node| node.at);
    let mut items = base;
    let earlier = items.len();
    for node in over {
        let name = key(&node);
        let found = name.is_some().then(|| {
            let mut known = items.iter_mut().take(earlier);
            known.find(|item| key(item) == name)
        });
        match found.flatten() {
            Some(item) => *item = node,
            None => items.push(node),
        }
    }
    Node {
        at: at.unwrap_or_default(),
        tag: None,
        value: Value::List(items),
    }
}

/// A text as a list of one.
fn as_list(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_) => {
            vec![node]
        }
    }
}

/// A map of names to one or several addresses as a list of `NAME=ADDRESS`.
fn hosts(node: Node) -> Vec<Node> {
    let Value::Map(entries) = node.value else {
        return as_list(node);
    };
    let mut lines = Vec::new();
    for entry in entries {
        for address in as_list(entry.value) {
            lines.push(Node {
                at: address.at,
                tag: None,
                value: Value::Text(format!("{}={}", entry.key, text(&address))),
            });
        }
    }
    lines
}

/// `build: DIRECTORY` in its long form.
fn context(node: Node) -> Node {
    match node.value {
        Value::Text(_) => Node {
            at: node.at,
            tag: None,
            value: Value::Map(vec![Entry {
                key: "context".to_owned(),
                at: node.at,
                value: node,
            }]),
        },
        _ => node,
    }
}

/// A list of `KEY=VALUE` or of keys as a map; the last of a key holds. What is no such list stays as it is, for the reader to tell.
pub(crate) fn by_key(node: Node) -> Node {
    let Value::List(items) = node.value else {
        return node;
    };
    if items
        .iter()
        .any(|item| matches!(item.value, Value::Map(_) | Value::List(_)))
    {
        return Node {
            at: node.at,
            tag: node.tag,
            value: Value::List(items),
        };
    }
    let mut entries: Vec<Entry> = Vec::new();
    for item in items {
        let line = text(&item);
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.to_owned(), Value::Text(value.to_owned())),
            None => (line, Value::Null),
        };
        let entry = Entry {
            at: item.at,
            value: Node {
                at: item.at,
                tag: None,
                value,
            },
            key,
        };
        match entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }
    Node {
        at: node.at,
        tag: node.tag,
        value: Value::Map(entries),
    }
}

/// A value as Compose writes it into a text.
pub(crate) fn text(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null => String::new(),
        Value::List(_) | Value::Map(_) => node.to_json().to_string(),
    }
}

fn mount_target(node: &Node) -> Option<String> {
    let target = match &node.value {
        Value::Text(spec) => {
            let mut parts = spec.split(':');
            let first = parts.next();
            parts.next().or(first)?.to_owned()
        }
        _ => text(node.get("target")?),
    };
    Some(target.trim_end_matches('/').to_owned())
}

fn device_target(node: &Node) -> Option<String> {
    mount_target(node)
}

fn tmpfs_target(node: &Node) -> Option<String> {
    text(node).split(':').next().map(str::to_owned)
}

fn file_target(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(source) => Some(source.clone()),
        _ => node.get("target").or(node.get("source")).map(text),
    }
}

fn file_path(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(path) => Some(path.clone()),
        _ => node.get("path").map(text),
    }
}

fn subnet(node: &Node) -> Option<String> {
    node.get("subnet").map(text)
}

/// Every text of a tree with its variables replaced. Keys stay as they are.
pub(crate) fn interpolate(node: &mut Node, change: &mut dyn FnMut(Place, &str) -> Option<String>) {
    match &mut node.value {
        Value::Text(text) if text.contains('$') => {
            if let Some(changed) = change(node.at, text) {
                *text = changed;
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| interpolate(item, change)),
        Value::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| interpolate(&mut entry.value, change)),
        Value::Text(_) | Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
    }
}
