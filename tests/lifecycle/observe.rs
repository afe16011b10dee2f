//! What the tests look at from outside: directories, and the events of a run that is still going on.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout};

use serde_json::Value;

use crate::support::Ecosystem;

/// The four services, in the order of their phases.
pub(crate) const SERVICES: [&str; 4] = ["manifest", "orchestrator", "gateway", "analyzer"];

/// Every path below a directory, sorted.
pub(crate) fn listing(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The bytes of a file of the project's `.chora`.
pub(crate) fn bytes(ecosystem: &Ecosystem, name: &str) -> Vec<u8> {
    std::fs::read(ecosystem.home().join(name))
        .unwrap_or_else(|error| panic!("`{name}` cannot be read: {error}"))
}

/// What tells the starts of these services from any others; fails the test when one does not run.
#[track_caller]
pub(crate) fn ids_of(ecosystem: &Ecosystem, services: &[&str]) -> BTreeMap<String, String> {
    let all = ecosystem.ids();
    services
        .iter()
        .map(|service| {
            let id = all.get(*service);
            let id = id.unwrap_or_else(|| panic!("`{service}` does not run: {all:?}"));
            ((*service).to_owned(), id.clone())
        })
        .collect()
}

/// The same by what really runs, whether or not anything answers yet.
pub(crate) fn found(ecosystem: &Ecosystem) -> BTreeMap<String, String> {
    let found = ecosystem.found().into_iter();
    found.map(|(id, service)| (service, id)).collect()
}

/// A `chora … --format json` that is still running, killed when it is dropped.
pub(crate) struct Running {
    /// The process.
    pub(crate) child: Child,
    events: BufReader<ChildStdout>,
    /// The services that it has declared healthy so far.
    pub(crate) healthy: Vec<String>,
}

impl Running {
    /// Starts a run.
    pub(crate) fn new(ecosystem: &Ecosystem) -> Self {
        Self::with(ecosystem, &[])
    }

    /// Starts a run with further options.
    pub(crate) fn with(ecosystem: &Ecosystem, options: &[&str]) -> Self {
        let mut arguments = vec!["bootstrap", "--format", "json"];
        arguments.extend(options);
        Self::of(ecosystem.spawn(&arguments))
    }

    /// A run that was started as a process with its outputs piped.
    pub(crate) fn of(mut child: Child) -> Self {
        let events = BufReader::new(child.stdout.take().expect("a piped output"));
        Self {
            child,
            events,
            healthy: vec![],
        }
    }

    /// Reads events until one fits; fails the test when the run ends before.
    pub(crate) fn until(&mut self, fits: impl Fn(&Value) -> bool) {
        loop {
            let mut line = String::new();
            let read = self.events.read_line(&mut line).expect("a line");
            assert!(read > 0, "the run ended before the awaited event");
            let event: Value = serde_json::from_str(&line).expect("an event");
            if event["event"] == "service_healthy" {
                let service = event["service"].as_str().expect("a name");
                self.healthy.push(service.to_owned());
            }
            if fits(&event) {
                return;
            }
        }
    }

    /// Reads events until a phase begins.
    pub(crate) fn until_phase(&mut self, phase: u8) {
        self.until(|event| event["event"] == "phase_started" && event["phase"] == phase);
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().expect("an ended process");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
