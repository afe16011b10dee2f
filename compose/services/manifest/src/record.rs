//! What is known of one instance, and the rules for what may be registered.

use chora_service_kit::{ApiError, is_service_name};
use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

/// One registered instance, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) interfaces: Vec<Value>,
    // Invariant: `dependencies` and `tags` are there and are lists of texts; all else is text.
    pub(crate) metadata: Map<String, Value>,
    pub(crate) registered_at: Timestamp,
}

impl Record {
    pub(crate) fn lists(&self, key: &str, wanted: &str) -> bool {
        self.metadata
            .get(key)
            .and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(|item| item == wanted))
    }

    pub(crate) fn environment(&self) -> Option<&str> {
        self.metadata.get("environment").and_then(Value::as_str)
    }
}

/// Collects what is wrong, by field, so that a caller sees all of it at once.
#[derive(Default)]
struct Faults(Vec<(String, String)>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, fault: impl Into<String>) {
        self.0.push((field.into(), fault.into()));
    }

    fn into_error(self) -> ApiError {
        let text: Vec<String> = self
            .0
            .iter()
            .map(|(field, fault)| format!("`{field}` {fault}"))
            .collect();
        let fields: Map<String, Value> = self
            .0
            .into_iter()
            .map(|(field, fault)| (field, fault.into()))
            .collect();
        ApiError::bad_request("invalid_record", text.join("; ")).with("fields", fields)
    }
}

/// Makes a record of a request's body, or says everything that is wrong with it. Fields of the body that are not known are ignored.
pub(crate) fn parse(body: Value, new_id: impl FnOnce() -> String) -> Result<Record, ApiError> {
    let Value::Object(mut body) = body else {
        return Err(ApiError::bad_request(
            "invalid_record",
            "the body is not a JSON object",
        ));
    };
    let mut faults = Faults::default();
    let name = text(&mut faults, body.remove("name"), "name", |name| {
        if is_service_name(name) {
            None
        } else {
            Some("must be 1 to 64 lower-case letters, digits and `-`".to_owned())
        }
    });
    let id = match body.remove("id") {
        None | Some(Value::Null) => new_id(),
        id => text(&mut faults, id, "id", |id| {
            let good = (1..=128).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            if good {
                None
            } else {
                Some("must be 1 to 128 letters, digits, `.`, `_` and `-`".to_owned())
            }
        }),
    };
    let version = text(&mut faults, body.remove("version"), "version", |version| {
        Version::parse(version)
            .err()
            .map(|error| format!("must be a semantic version such as `1.2.3`: {error}"))
    });
    let interfaces = interfaces(&mut faults, body.remove("interfaces"));
    let metadata = metadata(&mut faults, body.remove("metadata"));
    if faults.0.is_empty() {
        Ok(Record {
            name,
            id,
            version,
            interfaces,
            metadata,
            registered_at: Timestamp::now(),
        })
    } else {
        Err(faults.into_error())
    }
}

fn text(
    faults: &mut Faults,
    value: Option<Value>,
    field: &str,
    fault: impl FnOnce(&str) -> Option<String>,
) -> String {
    match value {
        Some(Value::String(text)) => {
            if let Some(fault) = fault(&text) {
                faults.add(field, fault);
            }
            return text;
        }
        None | Some(Value::Null) => faults.add(field, "is missing"),
        Some(_) => faults.add(field, "must be a text"),
    }
    String::new()
}

fn interfaces(faults: &mut Faults, value: Option<Value>) -> Vec<Value> {
    let list = match value {
        Some(Value::Array(list)) if !list.is_empty() => list,
        None => {
            faults.add("interfaces", "is missing");
            return Vec::new();
        }
        Some(_) => {
            faults.add("interfaces", "must be a list of at least one interface");
            return Vec::new();
        }
    };
    if list.len() > 64 {
        faults.add("interfaces", "must have at most 64 interfaces");
    }
    for (index, item) in list.iter().enumerate() {
        let field = format!("interfaces[{index}]");
        let Some(item) = item.as_object() else {
            faults.add(field, "must be an object such as `{\"type\": \"http\", \"url\": \"http://127.0.0.1:8800\"}`");
            continue;
        };
        if !item
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| (1..=32).contains(&kind.len()))
        {
            faults.add(format!("{field}.type"), "must be a text of 1 to 32 bytes");
        }
        let good = item
            .get("url")
            .and_then(Value::as_str)
            .and_then(|url| Url::parse(url).ok())
            .is_some_and(|url| url.has_host());
        if !good {
            faults.add(
                format!("{field}.url"),
                "must be an absolute URL with a host",
            );
        }
    }
    list
}

fn metadata(faults: &mut Faults, value: Option<Value>) -> Map<String, Value> {
    let mut metadata = match value {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map,
        Some(_) => {
            faults.add("metadata", "must be an object");
            Map::new()
        }
    };
    metadata.retain(|_, value| !value.is_null());
    for (key, value) in &metadata {
        let field = format!("metadata.{key}");
        match (key.as_str(), value) {
            ("dependencies", Value::Array(list))
                if list
                    .iter()
                    .all(|item| item.as_str().is_some_and(is_service_name)) => {}
            ("dependencies", _) => faults.add(field, "must be a list of names of services"),
            ("tags", Value::Array(list))
                if list.iter().all(|item| {
                    item.as_str()
                        .is_some_and(|tag| (1..=64).contains(&tag.chars().count()))
                }) => {}
            ("tags", _) => faults.add(field, "must be a list of texts of 1 to 64 characters"),
            ("description", Value::String(text)) if text.chars().count() > 500 => {
                faults.add(field, "must have at most 500 characters")
            }
            (_, Value::String(_)) => {}
            _ => faults.add(field, "must be a text"),
        }
    }
    for key in ["dependencies", "tags"] {
        metadata
            .entry(key)
            .or_insert_with(|| Value::Array(Vec::new()));
    }
    metadata
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({"name": "a", "version": "1.0.0", "interfaces": [{"type": "http", "url": "http://127.0.0.1:1"}]})
    }

    fn fields(body: Value) -> String {
        parse(body, || "new".to_owned()).map_or_else(|error| error.message, |_| "fine".to_owned())
    }

    #[test]
    fn the_least_record_is_taken_and_gets_an_id() {
        let record = parse(good(), || "new".to_owned()).unwrap();
        assert_eq!(record.id, "new");
        assert_eq!(
            Value::Object(record.metadata),
            json!({"dependencies": [], "tags": []})
        );
    }

    #[test]
    fn each_fault_is_reported_under_its_field() {
        for (path, value, field) in [
            ("/name", json!("Upper"), "name"),
            ("/name", json!("a".repeat(65)), "name"),
            ("/name", json!(""), "name"),
            ("/name", json!(7), "name"),
            ("/version", json!("1.0"), "version"),
            ("/interfaces", json!([]), "interfaces"),
            ("/interfaces", json!("http"), "interfaces"),
            ("/interfaces/0", json!("http"), "interfaces[0]"),
            ("/interfaces/0/url", json!("not a url"), "interfaces[0].url"),
            ("/interfaces/0/type", json!(1), "interfaces[0].type"),
        ] {
            let mut body = good();
            *body.pointer_mut(path).unwrap() = value.clone();
            let message = fields(body);
            assert!(
                message.contains(&format!("`{field}`")),
                "{path} = {value}: {message}"
            );
        }
        for (metadata, field) in [
            (
                json!({"description": "x".repeat(501)}),
                "metadata.description",
            ),
            (
                json!({"dependencies": ["Bad Name"]}),
                "metadata.dependencies",
            ),
            (json!({"tags": "one"}), "metadata.tags"),
            (json!({"region": 5}), "metadata.region"),
            (json!([]), "metadata"),
        ] {
            let mut body = good();
            body.as_object_mut()
                .unwrap()
                .insert("metadata".to_owned(), metadata);
            let message = fields(body);
            assert!(message.contains(&format!("`{field}`")), "{message}");
        }
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let message = fields(json!({}));
        assert!(
            ["name", "version", "interfaces"]
                .iter()
                .all(|field| message.contains(field)),
            "{message}"
        );
    }

    #[test]
    fn five_hundred_characters_are_counted_as_characters() {
        let mut body = good();
        body.as_object_mut().unwrap().insert(
            "metadata".to_owned(),
            json!({"description": "é".repeat(500)}),
        );
        assert_eq!(fields(body), "fine");
    }
}
