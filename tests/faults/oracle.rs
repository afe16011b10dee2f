//! What must be true after a run, however many were cut off before it: the same as after one that nobody disturbed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::support::Ecosystem;

/// The services of the reference configuration.
const SERVICES: [&str; 4] = ["manifest", "orchestrator", "gateway", "analyzer"];

/// Runs `chora bootstrap` undisturbed and looks at everything that it is to have brought about. `credentials` are those that a run before it had made.
pub(crate) fn completes(ecosystem: &Ecosystem, credentials: Option<&[u8]>) -> Result<(), String> {
    succeeds(ecosystem, &["bootstrap"])?;
    is_complete(ecosystem)?;
    if let Some(before) = credentials {
        let after = std::fs::read(ecosystem.home().join("credentials.json"));
        if after.ok().as_deref() != Some(before) {
            return Err("the credentials were made anew".to_owned());
        }
    }
    changes_nothing(ecosystem)
}

/// What runs and is to be left as it is. The analyzer is stopped and started by a check of the last phase, which is made again where its record does not count.
pub(crate) fn undisturbed(ecosystem: &Ecosystem) -> BTreeMap<String, String> {
    let mut found = ecosystem.found();
    found.retain(|_, service| service != "analyzer");
    found
}

/// Whether a further run finds nothing to do.
pub(crate) fn changes_nothing(ecosystem: &Ecosystem) -> Result<(), String> {
    let before = ecosystem.found();
    let again = ecosystem.chora(&["bootstrap", "--format", "json"]);
    let summary = again.events().pop().unwrap_or_default();
    if again.code != 0 || summary["changed"] != 0 {
        return Err(format!("the run after it changed something: {summary}"));
    }
    if ecosystem.found() != before {
        return Err("the run after it started something anew".to_owned());
    }
    Ok(())
}

/// Runs a command that must succeed.
pub(crate) fn succeeds(ecosystem: &Ecosystem, arguments: &[&str]) -> Result<(), String> {
    let output = ecosystem.chora(arguments);
    if output.code == 0 {
        return Ok(());
    }
    Err(format!(
        "`chora {}` ended with {}:\n{}{}",
        arguments.join(" "),
        output.code,
        output.stdout,
        output.stderr
    ))
}

/// The credentials as they are now.
pub(crate) fn credentials(ecosystem: &Ecosystem) -> Option<Vec<u8>> {
    std::fs::read(ecosystem.home().join("credentials.json")).ok()
}

/// State, services, registry, deployments and files of a complete system.
fn is_complete(ecosystem: &Ecosystem) -> Result<(), String> {
    let state = ecosystem.state();
    let expected = serde_json::json!({
        "status": "completed",
        "current_phase": 4,
        "completed_phases": [0, 1, 2, 3, 4],
        "credentials_generated": true,
        "last_error": null,
        "rollback_to": null,
        "retry_count": 0,
    });
    for (field, value) in expected.as_object().into_iter().flatten() {
        if state[field] != *value {
            return Err(format!("`{field}` of the state is {}", state[field]));
        }
    }
    let all: BTreeSet<&str> = SERVICES.into_iter().collect();
    for field in ["services_started", "services_healthy"] {
        let names = state[field].as_array().into_iter().flatten();
        let names: Vec<&str> = names.filter_map(Value::as_str).collect();
        if names.len() != all.len() || names.iter().copied().collect::<BTreeSet<_>>() != all {
            return Err(format!("`{field}` of the state is {names:?}"));
        }
    }
    let unfinished: Vec<&String> = state["steps"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, record)| record["progress"] != "done")
        .map(|(step, _)| step)
        .collect();
    if !unfinished.is_empty() {
        return Err(format!("steps of the state are not done: {unfinished:?}"));
    }
    let running = ecosystem.found();
    let recorded = ecosystem.ids();
    if running
        != recorded
            .iter()
            .map(|(name, id)| (id.clone(), name.clone()))
            .collect()
    {
        return Err(format!("{running:?} run, and {recorded:?} are on record"));
    }
    if running.len() != SERVICES.len() {
        return Err(format!("this runs: {running:?}"));
    }
    let registered = registered(ecosystem)?;
    if registered
        != all
            .iter()
            .map(|name| ((*name).to_owned(), "up".to_owned()))
            .collect::<Vec<_>>()
    {
        return Err(format!("the registry holds {registered:?}"));
    }
    no_leftovers(&ecosystem.home())
}

/// Nothing that only a killed command leaves.
pub(crate) fn no_leftovers(home: &Path) -> Result<(), String> {
    for entry in std::fs::read_dir(home)
        .map_err(|error| error.to_string())?
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".chora-tmp") || name == ".data.deleted" {
            return Err(format!("`{name}` was left"));
        }
    }
    Ok(())
}

/// Name and status of every instance in the registry, sorted.
fn registered(ecosystem: &Ecosystem) -> Result<Vec<(String, String)>, String> {
    let page = get(ecosystem.port("manifest"), "/v1/services")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let services = page["services"].as_array().into_iter().flatten();
    let mut found: Vec<_> = services
        .map(|service| (text(&service["name"]), text(&service["status"])))
        .collect();
    found.sort();
    Ok(found)
}

/// The JSON body of an answer. HTTP/1.0, so that it comes in one piece and ends with the connection.
fn get(port: u16, path: &str) -> Result<Value, String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n")
        .map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .map_err(|error| error.to_string())?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
    serde_json::from_str(body).map_err(|error| format!("{error} in {body}"))
}
