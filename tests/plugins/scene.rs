//! A project with one service, and components to add to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Ecosystem, Output};

/// What the guests ask for.
pub(crate) const ASKED: &str = "services=db:inspect";

/// Two services without anything around them, and the rest of a configuration.
pub(crate) fn config(rest: &str) -> String {
    format!(
        "services:
  - {{name: db, phase: 1, command: [sleep, \"1000\"], health: none}}
  - {{name: web, phase: 2, command: [sleep, \"1000\"], health: none, dependencies: [db]}}
engine: process
{rest}"
    )
}

/// A project with the guests beside it: `courier.wasm`, `courier-next.wasm`, `herald.wasm`, `pulse.wasm` and `vintage.wasm`.
pub(crate) fn project() -> Ecosystem {
    project_with("")
}

/// The same with more in its configuration.
pub(crate) fn project_with(rest: &str) -> Ecosystem {
    let ecosystem = Ecosystem::with_config(|_| config(rest));
    for (name, bytes) in [
        ("courier.wasm", chora_test_guests::COURIER),
        ("courier-next.wasm", chora_test_guests::COURIER_NEXT),
        ("herald.wasm", chora_test_guests::HERALD),
        ("pulse.wasm", chora_test_guests::PULSE),
        ("vintage.wasm", chora_test_guests::VINTAGE),
    ] {
        std::fs::write(ecosystem.path().join(name), bytes).expect("a component");
    }
    ecosystem
}

/// A project to which the courier was added, after `db`.
pub(crate) fn with_courier() -> Ecosystem {
    let ecosystem = project();
    add(&ecosystem, &["courier.wasm", "--after", "db"]);
    ecosystem
}

/// Adds a component with all that it asks for.
#[track_caller]
pub(crate) fn add(ecosystem: &Ecosystem, arguments: &[&str]) -> Output {
    let all = [&["plugin", "add", "--yes"], arguments].concat();
    ecosystem.chora(&all).exits(0)
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// The copy of a component.
pub(crate) fn copy(ecosystem: &Ecosystem, bytes: &[u8]) -> PathBuf {
    let name = format!("{}.wasm", sha256(bytes));
    ecosystem.home().join("plugins").join(name)
}

/// The record's text.
pub(crate) fn record(ecosystem: &Ecosystem) -> String {
    std::fs::read_to_string(ecosystem.home().join("plugins.lock")).expect("a record")
}

/// Every file below `.chora` with its bytes, but for the locks, which are taken and given back.
pub(crate) fn files(ecosystem: &Ecosystem) -> BTreeMap<PathBuf, Vec<u8>> {
    fn below(directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                below(&path, found);
            } else if entry.file_name() != "lock" {
                let bytes = std::fs::read(&path).expect("a file");
                found.insert(path, bytes);
            }
        }
    }
    let mut found = BTreeMap::new();
    below(&ecosystem.home(), &mut found);
    found
}

/// The phase in which each step of a run began, by its key, in order.
pub(crate) fn begun(output: &Output) -> Vec<(String, u64)> {
    let started = |event: &Value| {
        let step = event["step"].as_str()?.to_owned();
        (event["event"] == "step_started")
            .then(|| (step, event["phase"].as_u64().expect("a phase")))
    };
    output.events().iter().filter_map(started).collect()
}

/// Brings the project up and answers where its steps ran.
#[track_caller]
pub(crate) fn bootstrap(ecosystem: &Ecosystem) -> Vec<(String, u64)> {
    let ran = ecosystem.chora(&["bootstrap", "--format", "json"]);
    begun(&ran.exits(0))
}

/// A component with one text in the place of another of the same length, everywhere.
pub(crate) fn patched(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = component.to_vec();
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
    }
    assert_ne!(bytes, component, "{from:?} does not occur");
    bytes
}
