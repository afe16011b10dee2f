//! The `services` section.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::read::Reader;

use super::{HealthSettings, Service};
use crate::yaml::{Node, Place, Value};

const KEYS: &[&str] = &[
    "name",
    "phase",
    "role",
    "docker_compose",
    "command",
    "deploy_via",
    "version",
    "image",
    "port",
    "health_endpoint",
    "health",
    "timeout",
    "stop_grace",
    "dependencies",
    "environment",
];

/// How long a service may take to end, unless it says so.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// How long a probe may take, unless the service says so.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers in a row that make a service healthy, unless it says so.
const SUCCESSES: u32 = 3;

/// A service with the places of what the rules between services are about.
pub(super) struct Placed {
    pub(super) service: Service,
    pub(super) name: Place,
    pub(super) phase: Place,
    pub(super) port: Place,
    pub(super) deploy_via: Place,
    pub(super) dependencies: Vec<Place>,
}

/// Whether a text can name a service, an environment or a plugin.
pub fn is_name(text: &str) -> bool {
    let proper = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&text.len()) && text.chars().all(proper)
}

/// Reads one service; absent when it has no usable name or phase.
pub(super) fn read(reader: &mut Reader, node: &Node, timeout: Duration) -> Option<Placed> {
    let node = reader.map(Some(node), "services", KEYS)?;
    let at = |key: &str| node.get(key).map_or(node.at, |value| value.at);
    let Some(name) = reader.text(node.get("name"), "name") else {
        reader.problem(node.at, "this service has no `name`");
        return None;
    };
    if !is_name(&name) {
        let message = format!(
            "`{name}` is no name of a service: it has 1 to 64 lower-case letters, digits and `-`"
        );
        reader.problem(at("name"), message);
    }
    let phase = match node.get("phase") {
        Some(phase) => reader.integer(Some(phase), "phase", 1, 3),
        None => {
            reader.problem(node.at, format!("service `{name}` has no `phase`"));
            None
        }
    };
    let port = reader.integer(node.get("port"), "port", 1, 65_535);
    let port = port.and_then(|port| u16::try_from(port).ok());
    let health_endpoint = endpoint(reader, node.get("health_endpoint"));
    let version = reader.text(node.get("version"), "version");
    if let Some(version) = &version
        && semver::Version::parse(version).is_err()
    {
        let message = format!("`{version}` is not a SemVer version such as `1.0.0`");
        reader.problem(at("version"), message);
    }
    let items = reader.list(node.get("dependencies"), "dependencies");
    let mut dependencies = Vec::new();
    let mut places = Vec::new();
    for item in items {
        if let Some(dependency) = reader.text(Some(item), "dependencies") {
            dependencies.push(dependency);
            places.push(item.at);
        }
    }
    let role = reader
        .text(node.get("role"), "role")
        .or_else(|| usual_role(&name));
    let service = Service {
        phase: phase
            .and_then(|phase| u8::try_from(phase).ok())
            .unwrap_or(3),
        role,
        docker_compose: reader
            .text(node.get("docker_compose"), "docker_compose")
            .map(PathBuf::from),
        command: command(reader, node.get("command")),
        deploy_via: reader.text(node.get("deploy_via"), "deploy_via"),
        version,
        image: reader.text(node.get("image"), "image"),
        health: health(
            reader,
            node.get("health"),
            health_endpoint.is_some(),
            port.is_some(),
        ),
        port,
        health_endpoint,
        timeout: reader
            .seconds(node.get("timeout"), "timeout")
            .unwrap_or(timeout),
        stop_grace: reader
            .seconds(node.get("stop_grace"), "stop_grace")
            .unwrap_or(STOP_GRACE),
        dependencies,
        environment: environment(reader, node.get("environment")),
        name,
    };
    Some(Placed {
        name: at("name"),
        phase: at("phase"),
        port: at("port"),
        deploy_via: at("deploy_via"),
        dependencies: places,
        service,
    })
}

fn usual_role(name: &str) -> Option<String> {
    let role = match name {
        "manifest" => "registry",
        "orchestrator" => "orchestrator",
        "gateway" => "gateway",
        _ => return None,
    };
    Some(role.to_owned())
}

fn endpoint(reader: &mut Reader, node: Option<&Node>) -> Option<String> {
    let text = reader.text(node, "health_endpoint")?;
    let at = node.map(|node| node.at).unwrap_or_default();
    match url::Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.username().is_empty() => {
            return Some(text);
        }
        Ok(_) => {
            let message =
                format!("`{text}` is not an `http` or `https` URL without user information");
            reader.problem(at, message);
        }
        Err(error) => reader.problem(at, format!("`{text}` is not a URL: {error}")),
    }
    None
}

fn command(reader: &mut Reader, node: Option<&Node>) -> Vec<String> {
    match node.map(|node| (&node.value, node.at)) {
        Some((Value::Text(text), at)) => split(text).unwrap_or_else(|| {
            reader.problem(at, "a quotation in `command` is not closed");
            Vec::new()
        }),
        _ => {
            let items = reader.list(node, "command");
            items
                .iter()
                .filter_map(|item| reader.text(Some(item), "command"))
                .collect()
        }
    }
}

/// Words of a command line: blanks part them, quotes keep them together, a backslash takes the next character as it is. Nothing else of a shell.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => word.get_or_insert_default().push(characters.next()?),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

fn health(
    reader: &mut Reader,
    node: Option<&Node>,
    has_endpoint: bool,
    has_port: bool,
) -> HealthSettings {
    let usual = if has_endpoint {
        Some("http-check".to_owned())
    } else if has_port {
        Some("tcp-check".to_owned())
    } else {
        None
    };
    let named = |text: String| (text != "none").then_some(text);
    let mut settings = HealthSettings {
        plugin: usual,
        settings: serde_json::Map::new(),
        successes: SUCCESSES,
        probe_timeout: PROBE_TIMEOUT,
    };
    match node.map(|node| &node.value) {
        Some(Value::Text(text)) => settings.plugin = named(text.clone()),
        _ => {
            let known = &["plugin", "settings", "successes", "probe_timeout"];
            if let Some(node) = reader.map(node, "health", known) {
                if let Some(plugin) = reader.text(node.get("plugin"), "health.plugin") {
                    settings.plugin = named(plugin);
                }
                settings.settings = reader.free(node.get("settings"), "health.settings");
                let successes = reader.integer(node.get("successes"), "health.successes", 1, 1_000);
                if let Some(successes) = successes.and_then(|count| u32::try_from(count).ok()) {
                    settings.successes = successes;
                }
                if let Some(timeout) =
                    reader.seconds(node.get("probe_timeout"), "health.probe_timeout")
                {
                    settings.probe_timeout = timeout;
                }
            }
        }
    }
    settings
}

/// Variables as a map, or as a list of `NAME=VALUE`.
fn environment(reader: &mut Reader, node: Option<&Node>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let Some(node) = node else {
        return variables;
    };
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                let value = reader.text(Some(&entry.value), "environment");
                add(
                    reader,
                    &mut variables,
                    entry.at,
                    &entry.key,
                    value.unwrap_or_default(),
                );
            }
        }
        Value::List(items) => {
            for item in items {
                let Some(text) = reader.text(Some(item), "environment") else {
                    continue;
                };
                match text.split_once('=') {
                    Some((name, value)) => {
                        add(reader, &mut variables, item.at, name, value.to_owned());
                    }
                    None => reader.problem(item.at, format!("`{text}` is not `NAME=VALUE`")),
                }
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
            reader.problem(node.at, "`environment` is a map, or a list of `NAME=VALUE`");
        }
    }
    variables
}

fn add(
    reader: &mut Reader,
    variables: &mut BTreeMap<String, String>,
    at: Place,
    name: &str,
    value: String,
) {
    let proper = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(proper) {
        reader.problem(
            at,
            format!("`{name}` is no name of an environment variable"),
        );
    } else if value.contains('\0') {
        reader.problem(at, format!("the value of `{name}` holds a zero byte"));
    } else if variables.insert(name.to_owned(), value).is_some() {
        reader.problem(at, format!("`{name}` is set twice"));
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_command_line_is_parted_without_a_shell() {
        let words = |text| split(text).unwrap();
        assert_eq!(
            words("redis-server  --port 7000"),
            ["redis-server", "--port", "7000"]
        );
        assert_eq!(
            words(r#"sh -c 'echo "$A"; exit' "a b" c\ d """#),
            ["sh", "-c", "echo \"$A\"; exit", "a b", "c d", ""]
        );
        assert_eq!(split("sh -c 'open"), None);
    }
}
