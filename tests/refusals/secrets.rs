//! No secret appears anywhere but in the credential file and in the environment of the services.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::Ecosystem;

/// Every file below a directory with what it holds.
pub(crate) fn files(directory: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
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

/// Which secrets are where, in words.
fn found(places: &BTreeMap<String, Vec<u8>>, secrets: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = vec![];
    for (name, secret) in secrets {
        assert!(secret.len() >= 20, "{name} is too short to look for");
        for (place, bytes) in places {
            let mut parts = bytes.windows(secret.len());
            if parts.any(|part| part == secret.as_bytes()) {
                found.push(format!("{name} is in {place}"));
            }
        }
    }
    found
}

/// The copies of the credentials that containers are given, each for its one reader alone.
fn copies(ecosystem: &Ecosystem) -> Vec<String> {
    let mut copies = BTreeMap::new();
    let directory = ecosystem.home().join("secrets");
    if directory.is_dir() {
        files(&directory, &mut copies);
    }
    let paths = copies.into_keys();
    paths
        .inspect(|path| {
            let metadata = std::fs::metadata(path).expect("a copy");
            assert_eq!(metadata.mode() & 0o7777, 0o400, "{path}");
        })
        .collect()
}

fn credentials(ecosystem: &Ecosystem) -> BTreeMap<String, String> {
    let text = std::fs::read(ecosystem.home().join("credentials.json")).expect("credentials");
    serde_json::from_slice(&text).expect("a map of texts")
}

/// Looks at the command lines of all processes, again and again, until it is told to end.
fn command_lines(end: &AtomicBool) -> BTreeSet<Vec<u8>> {
    let mut seen = BTreeSet::new();
    loop {
        // One look more after the end, at what runs then.
        let last = end.load(Ordering::Relaxed);
        for entry in std::fs::read_dir("/proc").expect("processes").flatten() {
            // Not a process, or one that has ended meanwhile.
            if let Ok(line) = std::fs::read(entry.path().join("cmdline")) {
                seen.insert(line);
            }
        }
        if last {
            return seen;
        }
    }
}

/// Does something while the command lines of all processes are looked at.
fn watched<T>(work: impl FnOnce() -> T) -> (T, BTreeSet<Vec<u8>>) {
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| command_lines(&end));
        let done = work();
        end.store(true, Ordering::Relaxed);
        (done, looking.join().expect("a thread that ends"))
    })
}

/// What each command prints, and what it may be called in a report.
fn printed(ecosystem: &Ecosystem, commands: &[&str], places: &mut BTreeMap<String, Vec<u8>>) {
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        let output = ecosystem.chora(&words);
        places.insert(format!("stdout of {command}"), output.stdout.into_bytes());
        places.insert(format!("stderr of {command}"), output.stderr.into_bytes());
    }
}

#[test]
fn no_secret_is_printed_logged_journalled_or_put_on_a_command_line() {
    let ecosystem = Ecosystem::new();
    let mut places = BTreeMap::new();
    let ((), lines) = watched(|| {
        printed(
            &ecosystem,
            &[
                "bootstrap --verbose",
                "bootstrap --format json",
                "bootstrap --dry-run --verbose",
                "validate",
                "validate --format json",
                "status",
                "status --format json",
                "status --format yaml",
                "config show",
                "config show --format json",
                "config validate",
                "logs manifest --tail 1000",
                "logs orchestrator --tail 1000",
                "bootstrap --timeout 0.001 --verbose",
                "rollback --to-phase 1 --force --dry-run --verbose",
                "rollback --to-phase 1 --force --verbose",
                "bootstrap --no-resume --format json",
            ],
            &mut places,
        );
    });
    for (number, line) in lines.into_iter().enumerate() {
        places.insert(format!("command line {number}"), line);
    }
    // Started by chora, and by the orchestrator.
    for service in ["manifest", "analyzer"] {
        let line = format!("serve\0{service}\0").into_bytes();
        let seen = places.values().any(|place| place.ends_with(&line));
        assert!(seen, "{service} was not seen");
    }
    files(&ecosystem.home(), &mut places);
    let copies = copies(&ecosystem);
    let secrets = credentials(&ecosystem);
    // The signing secret, and a key for each of the four services.
    assert_eq!(secrets.len(), 5);
    printed(
        &ecosystem,
        &[
            "rollback --to-phase 0 --keep-data --force --verbose",
            "reset --force --volumes --verbose",
        ],
        &mut places,
    );
    files(&ecosystem.home(), &mut places);

    let own = ecosystem.home().join("credentials.json");
    places.remove(&own.display().to_string());
    for copy in copies {
        places.remove(&copy);
    }
    assert!(places.len() > 60, "{:?}", places.keys());
    assert_eq!(found(&places, &secrets), [""; 0]);
}

/// A scan that finds nothing proves nothing unless it finds what is there.
#[test]
fn the_scan_finds_secrets_where_they_are() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let secrets = credentials(&ecosystem);

    let mut places = BTreeMap::new();
    files(&ecosystem.home(), &mut places);
    let pid = ecosystem.pid("gateway");
    let environment = std::fs::read(format!("/proc/{pid}/environ")).expect("an environment");
    places.insert("the gateway's environment".to_owned(), environment);
    let found_there = found(&places, &secrets);
    let expected = "api_key_gateway is in the gateway's environment";
    assert!(
        found_there.iter().any(|hit| hit == expected),
        "{found_there:?}"
    );
    let file = ecosystem.home().join("credentials.json");
    let in_file = format!(" is in {}", file.display());
    let hits = found_there.iter().filter(|hit| hit.ends_with(&in_file));
    assert_eq!(hits.count(), secrets.len(), "{found_there:?}");

    // And the look at command lines sees one that holds a secret.
    let mut careless = std::process::Command::new("sh")
        .args(["-c", "echo up; read -r _", &secrets["api_key_gateway"]])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a shell");
    // A process has no command line for a moment before its program begins.
    let mut up = [0];
    let mut said = careless.stdout.take().expect("a piped output");
    said.read_exact(&mut up).expect("a word");
    let lines = command_lines(&AtomicBool::new(true));
    // It ends with its input.
    drop(careless.stdin.take());
    careless.wait().expect("an ended process");
    let line = lines.into_iter().flatten().collect();
    let places = BTreeMap::from([("a command line".to_owned(), line)]);
    let expected = ["api_key_gateway is in a command line"];
    assert_eq!(found(&places, &secrets), expected);
}
