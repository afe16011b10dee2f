//! An instance as readers see it: JSON that is made once for a record, with the two members that change with time put in anew for each reader.
//!
//! A page of a hundred is what a registry is asked for most, and writing all its texts again each time was most of its cost.

use std::{fmt::Write as _, sync::OnceLock};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    directory::{Sighting, Status},
    record::Record,
};

/// A record with its JSON, which is made when it is first read.
pub(crate) struct Listed {
    pub(crate) record: Record,
    json: OnceLock<Json>,
}

/// The JSON of a record, with its gaps.
struct Json {
    /// Up to the status.
    head: String,
    /// From there up to the time of the last heartbeat.
    tail: String,
}

impl Listed {
    pub(crate) fn new(record: Record) -> Self {
        Self {
            record,
            json: OnceLock::new(),
        }
    }

    fn json(&self) -> &Json {
        self.json.get_or_init(|| Json::of(&self.record))
    }
}

impl Json {
    fn of(record: &Record) -> Self {
        let text = |text: &str| Value::from(text);
        let head = format!(
            "{{\"id\":{},\"name\":{},\"version\":{},\"status\":",
            text(&record.id),
            text(&record.name),
            text(&record.version)
        );
        let interfaces = Value::from(record.interfaces.clone());
        let metadata = Value::from(record.metadata.clone());
        let tail = format!(
            ",\"interfaces\":{interfaces},\"metadata\":{metadata},\"registered_at\":\"{}\",\"last_heartbeat\":",
            record.registered_at
        );
        Self { head, tail }
    }
}

/// Appends an instance.
pub(crate) fn write(sighting: &Sighting, into: &mut String) {
    let json = sighting.listed.json();
    into.push_str(&json.head);
    into.push_str(match sighting.status {
        Status::Up => "\"up\"",
        Status::Unhealthy => "\"unhealthy\"",
        Status::Unknown => "\"unknown\"",
    });
    into.push_str(&json.tail);
    match sighting.last_heartbeat {
        Some(at) => at_text(at, into),
        // None came since the registry started.
        None => into.push_str("null"),
    }
    into.push('}');
}

/// Appends instances as a list.
pub(crate) fn write_all(sightings: &[Sighting], into: &mut String) {
    // What an instance with short texts takes.
    into.reserve(sightings.len() * 320);
    into.push('[');
    for (index, sighting) in sightings.iter().enumerate() {
        if index > 0 {
            into.push(',');
        }
        write(sighting, into);
    }
    into.push(']');
}

fn at_text(at: Timestamp, into: &mut String) {
    // Writing to a text does not fail.
    let _ = write!(into, "\"{at}\"");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn sighting(status: Status, last_heartbeat: Option<Timestamp>) -> Sighting {
        let record = json!({
            "id": "a.1", "name": "text", "version": "1.0.0-a+b",
            "interfaces": [{"type": "http", "url": "http://h:1/\"\\\u{7}é"}],
            "metadata": {"description": "\"}{,\n", "tags": ["x"], "dependencies": []},
            "registered_at": "2026-01-02T03:04:05.6Z",
        });
        Sighting {
            listed: Arc::new(Listed::new(serde_json::from_value(record).unwrap())),
            status,
            last_heartbeat,
        }
    }

    fn read(sightings: &[Sighting]) -> Value {
        let mut text = String::new();
        write_all(sightings, &mut text);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn every_member_is_there_as_it_was_registered() {
        let at = "2026-01-02T03:04:06.000000789Z";
        let seen = read(&[sighting(Status::Up, Some(at.parse().unwrap()))]);
        let expected = json!([{
            "id": "a.1", "name": "text", "version": "1.0.0-a+b", "status": "up",
            "interfaces": [{"type": "http", "url": "http://h:1/\"\\\u{7}é"}],
            "metadata": {"description": "\"}{,\n", "tags": ["x"], "dependencies": []},
            "registered_at": "2026-01-02T03:04:05.6Z",
            "last_heartbeat": at,
        }]);
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_changes_with_time_is_of_the_moment() {
        let mut one = sighting(Status::Unknown, None);
        let before = read(std::slice::from_ref(&one));
        assert_eq!(before[0]["status"], "unknown");
        assert_eq!(before[0]["last_heartbeat"], Value::Null);
        one.status = Status::Unhealthy;
        one.last_heartbeat = Some(Timestamp::UNIX_EPOCH);
        let after = read(&[one, sighting(Status::Up, None)]);
        assert_eq!(after[0]["status"], "unhealthy");
        assert_eq!(after[0]["last_heartbeat"], "1970-01-01T00:00:00Z");
        assert_eq!(after[1]["status"], "up");
        assert_eq!(read(&[]), json!([]));
    }
}
