//! No secret appears anywhere but in the credential file and in the environment of the services.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::Ecosystem;

/// Every file below a directory with what it holds.
fn files(directory: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.insert(
                path.display().to_string(),
                std::fs::read(&path).unwrap_or_default(),
            );
        }
    }
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|part| part == secret.as_bytes())
}

#[test]
fn no_secret_is_printed_logged_journalled_or_put_on_a_command_line() {
    let ecosystem = Ecosystem::new();
    let mut places: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, command) in [
        ("verbose run", vec!["bootstrap", "--verbose"]),
        ("json run", vec!["bootstrap", "--format", "json"]),
        ("validate", vec!["validate"]),
        ("status", vec!["status", "--format", "json"]),
        ("config", vec!["config", "show"]),
        ("logs", vec!["logs", "orchestrator", "--tail", "1000"]),
        (
            "failed run",
            vec!["bootstrap", "--timeout", "0.001", "--verbose"],
        ),
    ] {
        let output = ecosystem.chora(&command);
        places.insert(format!("{name}, stdout"), output.stdout.into_bytes());
        places.insert(format!("{name}, stderr"), output.stderr.into_bytes());
    }
    for pid in ecosystem.pids().values() {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).expect("a command line");
        assert!(!line.is_empty());
        places.insert(format!("command line of {pid}"), line);
    }
    files(&ecosystem.home(), &mut places);
    let path = ecosystem
        .home()
        .join("credentials.json")
        .display()
        .to_string();
    let credentials = places.remove(&path).expect("credentials");
    let credentials: BTreeMap<String, String> =
        serde_json::from_slice(&credentials).expect("a map of texts");
    // The signing secret, and a key for each of the four services.
    assert_eq!(credentials.len(), 5);
    assert!(places.len() > 20, "{:?}", places.keys());
    for (name, secret) in &credentials {
        assert!(secret.len() >= 20, "{name} is too short to look for");
        for (place, bytes) in &places {
            assert!(!holds(bytes, secret), "{name} is in {place}");
        }
    }
}
