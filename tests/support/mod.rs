//! A project of its own for each end-to-end test: a temporary directory, ports that no other test uses, and the real `chora`. The suites under
//! `tests/` include it by path.

#![allow(
    dead_code,
    unused_imports,
    reason = "every suite compiles its own copy, and none of them uses all of it"
)]

mod compose;
pub(crate) mod docker;
mod engine;
mod guard;
mod ordinary;
mod ports;
mod processes;
mod screen;
mod terminal;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub(crate) use engine::{TestEngine, engine};
pub(crate) use ordinary::as_ordinary_user;
pub(crate) use ports::{Ports, Unheard};
pub(crate) use processes::{kill_group, signal};
pub(crate) use screen::Screen;
pub(crate) use terminal::{END_OF_INPUT, Terminal};
pub(crate) use told::Told;

/// What a finished `chora` left.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its exit code; -1 when a signal ended it.
    pub(crate) code: i32,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// The same as text.
    pub(crate) fn of(output: &std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test, showing everything, unless standard error holds all of these.
    #[track_caller]
    pub(crate) fn complains(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} in\n{}", self.stderr);
        }
        self
    }

    /// Fails the test, showing everything, unless the exit code is this one.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}; {}", self.stdout, self.stderr))
    }

    /// Standard output as JSON documents, one a line.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
            })
            .collect()
    }
}

/// A project directory with a configuration, reset when it is dropped.
pub(crate) struct Ecosystem {
    directory: tempfile::TempDir,
    ports: Ports,
}

impl Ecosystem {
    /// The four reference services on ports of their own.
    pub(crate) fn new() -> Self {
        Self::with_config(reference)
    }

    /// A configuration made for the ports given.
    pub(crate) fn with_config(config: impl FnOnce(&Ports) -> String) -> Self {
        let ports = Ports::reserve();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let ecosystem = Self { directory, ports };
        std::fs::create_dir(ecosystem.home()).expect("`.chora`");
        ecosystem.write_config(&config(&ecosystem.ports));
        ecosystem
    }

    /// The port of a reference service.
    pub(crate) fn port(&self, service: &str) -> u16 {
        self.ports.of(service)
    }

    /// The ports of the reference services.
    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The project's directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The project's `.chora`.
    pub(crate) fn home(&self) -> PathBuf {
        self.path().join(".chora")
    }

    /// Replaces the configuration.
    pub(crate) fn write_config(&self, text: &str) {
        std::fs::write(self.home().join("bootstrap-config.yml"), text).expect("the configuration");
        match engine() {
            TestEngine::Process => {}
            TestEngine::Docker => compose::lay_over(self.path()),
        }
    }

    /// Lays something over the configuration for another environment.
    pub(crate) fn write_overlay(&self, environment: &str, text: &str) {
        let path = self
            .home()
            .join(format!("bootstrap-config.{environment}.yml"));
        let text = match engine() {
            TestEngine::Process => text.to_owned(),
            TestEngine::Docker => compose::in_containers(text),
        };
        std::fs::write(path, text).expect("the overlay");
    }

    /// Runs `chora` to its end.
    pub(crate) fn chora(&self, arguments: &[&str]) -> Output {
        self.chora_with(&[], arguments)
    }

    /// Runs `chora` to its end, with these variables in its environment.
    pub(crate) fn chora_with(&self, variables: &[(&str, String)], arguments: &[&str]) -> Output {
        let output = self
            .command(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .output();
        Output::of(&output.expect("`chora` can be started"))
    }

    /// Starts `chora`, to be heard line by line.
    pub(crate) fn told(&self, arguments: &[&str]) -> Told {
        Told::by(self.command(arguments))
    }

    /// Starts `chora` on a terminal of its own.
    pub(crate) fn terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(self.command(arguments))
    }

    /// Starts `chora`, both outputs piped.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.spawn_with(&[], arguments)
    }

    /// Starts `chora` with these variables in its environment, both outputs piped.
    pub(crate) fn spawn_with(&self, variables: &[(&str, String)], arguments: &[&str]) -> Child {
        self.command(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`chora` can be started")
    }

    /// The state file.
    pub(crate) fn state(&self) -> Value {
        let bytes = std::fs::read(self.home().join("bootstrap-state.json")).expect("a state file");
        serde_json::from_slice(&bytes).expect("a readable state file")
    }

    /// What `chora status` sees running, by service: each with what tells this start of it from any other.
    pub(crate) fn ids(&self) -> BTreeMap<String, String> {
        let listed = self.listed().into_iter();
        match engine() {
            TestEngine::Process => listed.collect(),
            TestEngine::Docker => listed
                .filter_map(|(name, id)| Some((name, docker::start_of(&id)?)))
                .collect(),
        }
    }

    /// The engine's own names of what `chora status` sees, by service.
    fn listed(&self) -> BTreeMap<String, String> {
        let report = self.chora(&["status", "--format", "json"]).json();
        let services = report["services"].as_array().expect("a list of services");
        services
            .iter()
            .filter_map(|service| {
                let id = service["id"].as_str()?.to_owned();
                Some((service["name"].as_str()?.to_owned(), id))
            })
            .collect()
    }

    /// What really runs for the project, whether `chora` knows of it or not: each start of a service, with the service's name.
    pub(crate) fn found(&self) -> BTreeMap<String, String> {
        match engine() {
            TestEngine::Process => processes::of_project(&self.home().join("data")),
            TestEngine::Docker => docker::running(self.path()),
        }
    }

    /// Kills a service with all that it started, as nobody in chora would, and waits until it has ended.
    #[track_caller]
    pub(crate) fn kill(&self, service: &str) {
        match engine() {
            TestEngine::Process => kill_group(self.pid(service)),
            TestEngine::Docker => docker::kill(&self.id(service)),
        }
    }

    /// The first process of a service.
    #[track_caller]
    pub(crate) fn pid(&self, service: &str) -> u32 {
        match engine() {
            TestEngine::Process => self.id(service).parse().expect("a process id"),
            TestEngine::Docker => docker::pid_of(&self.id(service)),
        }
    }

    #[track_caller]
    fn id(&self, service: &str) -> String {
        let mut listed = self.listed();
        let id = listed.remove(service);
        id.unwrap_or_else(|| panic!("`{service}` does not run: {listed:?}"))
    }

    /// A service with all that it started, to be looked at when it has gone as well.
    #[track_caller]
    pub(crate) fn brood(&self, service: &str) -> Brood {
        match engine() {
            TestEngine::Process => Brood::Group(self.pid(service)),
            TestEngine::Docker => Brood::Container(self.id(service)),
        }
    }

    /// A `chora` that was not started yet, without standard input.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // One cache for all tests: the bundled components are compiled once, not once a test.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chora-cache");
        let mut command = Command::new(env!("CARGO_BIN_EXE_chora"));
        command
            .arg("-C")
            .arg(self.path())
            .args(arguments)
            .env("HOME", &cache)
            .env("XDG_CACHE_HOME", &cache)
            .env("XDG_STATE_HOME", &cache)
            .env_remove("CHORA_LOG")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }
}

/// The processes of a service.
pub(crate) enum Brood {
    Group(u32),
    Container(String),
}

impl Brood {
    /// Those that have not ended.
    pub(crate) fn members(&self) -> Vec<u32> {
        match self {
            Self::Group(leader) => processes::members(*leader),
            Self::Container(id) => docker::processes_of(id),
        }
    }
}

impl Drop for Ecosystem {
    fn drop(&mut self) {
        if engine() == TestEngine::Docker {
            docker::clear(self.path());
            return;
        }
        let mut resets = vec![vec!["reset", "--force", "--volumes"]];
        let others: Vec<String> = std::fs::read_dir(self.home().join("environments"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        for name in &others {
            resets.push(vec!["reset", "--force", "--volumes", "--environment", name]);
        }
        for arguments in resets {
            // What it cannot stop is killed below; a second panic here would hide the first.
            let _ = self.command(&arguments).output();
        }
        processes::kill_recorded(&self.home());
    }
}

/// Services with nothing of chora's around them: one that is asked over HTTP, one whose port is tried, and one that is only there.
pub(crate) fn plain(ports: &Ports) -> String {
    let [web, socket] = ["gateway", "analyzer"].map(|service| ports.of(service));
    format!(
        r#"services:
  - name: worker
    phase: 1
    command: [sleep, "1000"]
    health: none
  - name: socket
    phase: 2
    command: [chora, serve, analyzer]
    port: {socket}
    dependencies: [worker]
  - name: web
    phase: 3
    command: [chora, serve, analyzer]
    port: {web}
    health_endpoint: http://localhost:{web}/health
    dependencies: [socket]
engine: process
"#
    )
}

/// The reference services, as the built-in configuration has them.
pub(crate) fn reference(ports: &Ports) -> String {
    let [manifest, orchestrator, gateway, analyzer] =
        ["manifest", "orchestrator", "gateway", "analyzer"].map(|service| ports.of(service));
    format!(
        r#"version: "1.0"
services:
  - name: manifest
    phase: 1
    command: [chora, serve, manifest]
    version: 1.0.0
    port: {manifest}
    health_endpoint: http://localhost:{manifest}/health
    timeout: 60
  - name: orchestrator
    phase: 2
    command: [chora, serve, orchestrator]
    version: 1.0.0
    port: {orchestrator}
    health_endpoint: http://localhost:{orchestrator}/health
    timeout: 60
    dependencies: [manifest]
  - name: gateway
    phase: 2
    command: [chora, serve, gateway]
    version: 1.0.0
    port: {gateway}
    health_endpoint: http://localhost:{gateway}/health
    timeout: 60
    dependencies: [manifest]
  - name: analyzer
    phase: 3
    command: [chora, serve, analyzer]
    deploy_via: orchestrator
    version: 1.0.0
    port: {analyzer}
    health_endpoint: http://localhost:{analyzer}/health
    timeout: 60
    dependencies: [manifest, orchestrator]
validation:
  routing:
    service: analyzer
    method: POST
    path: /analyze
    body: {{text: "Hello, chora."}}
engine: process
"#
    )
}
