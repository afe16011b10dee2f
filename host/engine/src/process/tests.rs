//! Real processes: each test has a project of its own, and whatever was started for it ends with it.

mod command;
mod finding;
mod life;
mod log;
mod place;
mod stopping;

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::StreamExt as _;
use tempfile::TempDir;

use super::*;
use crate::{Definition, Surroundings};

const GRACE: Duration = Duration::from_secs(60);
const NO_GRACE: Duration = Duration::from_millis(1);

/// A project in which services run.
struct World {
    folder: TempDir,
    layout: Layout,
    engine: Arc<ProcessEngine>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), "dev", true);
        let engine = Arc::new(ProcessEngine::open(&layout, "/bin/false".into()));
        Self {
            folder,
            layout,
            engine,
        }
    }

    /// What another chora would make of the same project.
    fn another_engine(&self) -> Arc<ProcessEngine> {
        Arc::new(ProcessEngine::open(&self.layout, "/bin/false".into()))
    }

    /// A service that is a program with arguments.
    fn spec(&self, name: &str, command: &[&str]) -> ServiceSpec {
        let definition = Definition {
            name: name.to_owned(),
            version: Some("1.0.0".to_owned()),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            image: None,
            port: None,
            environment: BTreeMap::new(),
            docker_compose: None,
            stop_grace: GRACE,
        };
        let place = Surroundings {
            layout: &self.layout,
            log_level: "info",
            registry: None,
            registry_inside: None,
            compose_files: &[],
            compose_variables: None,
        };
        ServiceSpec::new(definition, place)
    }

    /// A service that is a shell script.
    fn script(&self, name: &str, script: &str) -> ServiceSpec {
        self.spec(name, &["sh", "-c", script])
    }

    async fn start(&self, spec: &ServiceSpec) -> Started {
        self.engine
            .start(spec, &SecretEnv::default())
            .await
            .unwrap()
    }

    /// Starts a script and waits for its first lines.
    async fn started(&self, name: &str, script: &str, lines: usize) -> Vec<String> {
        assert_eq!(
            self.start(&self.script(name, script)).await,
            Started::Started
        );
        self.lines(name, lines).await
    }

    /// The first lines of a service's log, as soon as they are there.
    async fn lines(&self, name: &str, count: usize) -> Vec<String> {
        let lines = self.engine.log_follow(name, usize::MAX).await.unwrap();
        lines.take(count).map(Result::unwrap).collect().await
    }

    async fn pid(&self, name: &str) -> u32 {
        pid(self.engine.as_ref(), name).await
    }

    fn record(&self, name: &str) -> serde_json::Value {
        let text = std::fs::read(self.layout.processes().join(format!("{name}.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Puts a field of a service's record to another value.
    fn rewrite(&self, name: &str, field: &str, value: serde_json::Value) {
        let mut record = self.record(name);
        record[field] = value;
        let path = self.layout.processes().join(format!("{name}.json"));
        std::fs::write(path, record.to_string()).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Everything that was started for this world knows its directory, even what the engine has lost sight of.
        let mark = self.folder.path().as_os_str().as_encoded_bytes().to_vec();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|it| it.parse().ok()) else {
                continue;
            };
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            let of_this_world = environment.windows(mark.len()).any(|part| part == mark);
            if of_this_world && pid != std::process::id() {
                kill(pid);
            }
        }
    }
}

/// Kills a process that was started here.
fn kill(pid: u32) {
    if let Some(identity) = Identity::of(pid) {
        let _ = identity.kill();
    }
}

async fn pid(engine: &ProcessEngine, name: &str) -> u32 {
    let status = engine.inspect(name).await.unwrap();
    assert_eq!(status.state, RunState::Running);
    status.id.unwrap().parse().unwrap()
}

/// Waits for the end of a process of which only the id is known.
async fn ended(pid: u32) {
    if let Some(identity) = Identity::of(pid) {
        identity.ended("of a test").await.unwrap();
    }
}

fn runs(pid: u32) -> bool {
    Identity::of(pid).is_some_and(|identity| identity.is_alive())
}

fn exited(code: i32) -> Exit {
    Exit::of_code(code)
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
