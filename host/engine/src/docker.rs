//! The engine for containers: services of a Compose project on a Docker Engine, spoken to through its API.
//!
//! It remembers nothing. What runs, and what it was started with, is told by the engine and by the labels of each container; something without this environment's labels is somebody else's and
//! is never touched. It decides on no order: whoever calls it does.

mod body;
mod connection;
mod container;
mod daemon;
mod error;
mod exec;
mod exit;
pub mod image;
mod labels;
mod logs;
mod naming;
mod network;
pub mod one_off;
mod owner;
mod prepare;
mod project;
mod said;
mod start;
mod stop;
mod tls;
mod volume;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chora_model::fault;
use chora_model::layout::Layout;
use tokio::sync::Mutex;

pub use connection::Endpoint;
pub use error::DockerError;
pub use naming::project_name;
pub use project::{ComposeReader, ComposeSource};
pub use tls::TlsError;

use crate::{
    Engine, EngineError, ExecOutput, Exit, Health, HealthState, LogLines, RunState, SecretEnv,
    ServiceSpec, Started, Status, Swept,
};
use connection::{Connection, QUICK};
use container::Found;
use daemon::Daemon;
use labels::Owner;
use project::Composed;

/// Runs services as containers of a Docker Engine. Clones share the connection.
#[derive(Clone)]
pub struct DockerEngine(Arc<Inner>);

/// What all clones share.
struct Inner {
    layout: Layout,
    owner: Owner,
    connection: Connection,
    reader: Option<ComposeReader>,
    program: PathBuf,
    /// One start, stop or removal at a time for each service.
    turns: StdMutex<HashMap<String, Arc<Mutex<()>>>>,
    /// The names that files set for containers.
    names: StdMutex<HashMap<String, String>>,
    network_turn: Mutex<()>,
}

/// What an engine for containers is opened with.
pub struct DockerSettings {
    /// Where the Docker Engine is.
    pub endpoint: Endpoint,
    /// The name of the Compose project; made of directory and environment when absent.
    pub project: Option<String>,
    /// Where the Compose project comes from, if not from the files that a service names.
    pub reader: Option<ComposeReader>,
    /// This program, of which chora's own images are made.
    pub program: PathBuf,
}

impl DockerEngine {
    /// The engine of an environment. Nothing is asked of it yet.
    pub fn open(layout: &Layout, settings: DockerSettings) -> Self {
        Self(Arc::new(Inner {
            layout: layout.clone(),
            owner: Owner::of(layout, settings.project),
            connection: Connection::new(settings.endpoint),
            reader: settings.reader,
            program: settings.program,
            turns: StdMutex::default(),
            names: StdMutex::default(),
            network_turn: Mutex::default(),
        }))
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        self.0.connection.endpoint()
    }

    /// What the engine says of itself now.
    async fn daemon(&self) -> Result<Daemon, DockerError> {
        let client = self.0.connection.client().await?;
        let version = client.version();
        let version = self
            .0
            .connection
            .call("tell its version", QUICK, version)
            .await?;
        Ok(Daemon::of(version))
    }

    /// The service as its Compose files have it.
    async fn composed(&self, spec: &ServiceSpec) -> Result<Composed, EngineError> {
        let mut variables = project::variables(&self.0.layout, self.endpoint());
        variables.extend(spec.compose_variables.clone());
        let source = ComposeSource {
            files: spec.compose_files.clone(),
            directory: spec.directory.clone(),
            name: self.0.owner.project.clone(),
            variables,
        };
        let (reader, service) = (self.0.reader.clone(), spec.clone());
        let read = start::blocking(&spec.name, move || {
            Ok(Composed::read(&service, source, reader.as_ref()))
        });
        let read = read.await?;
        read.map_err(|source| EngineError::docker(&spec.name, source))
    }

    fn turn(&self, service: &str) -> Arc<Mutex<()>> {
        let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(service.to_owned()).or_default())
    }

    fn name_of(&self, service: &str) -> String {
        let names = self.0.names.lock().unwrap_or_else(PoisonError::into_inner);
        let set = names.get(service).cloned();
        set.unwrap_or_else(|| self.0.owner.container_name(service))
    }

    fn remember_name(&self, service: &str, name: &str) {
        let mut names = self.0.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(service.to_owned(), name.to_owned());
    }

    /// A point around a call to the engine, where a test lets chora die.
    fn fault(
        &self,
        name: &'static str,
        side: &'static str,
        about: &str,
    ) -> Result<(), DockerError> {
        fault::reach(name, side, &about).map_err(|source| DockerError::Refused {
            action: name,
            source: Box::new(source.into()),
        })
    }

    fn reach(
        &self,
        name: &'static str,
        side: &'static str,
        service: &str,
    ) -> Result<(), EngineError> {
        let reached = self.fault(name, side, service);
        reached.map_err(|source| EngineError::docker(service, source))
    }
}

#[async_trait]
impl Engine for DockerEngine {
    fn kind(&self) -> &'static str {
        "docker"
    }

    async fn version(&self) -> Result<Option<String>, EngineError> {
        match self.daemon().await {
            Ok(daemon) => Ok(Some(daemon.to_string())),
            Err(error) => Err(EngineError::docker("*", error)),
        }
    }

    async fn inspect(&self, service: &str) -> Result<Status, EngineError> {
        match self.find(service).await {
            Ok(Found::Absent) => Ok(Status {
                state: RunState::Absent,
                id: None,
                started_at: None,
                definition: None,
                version: None,
            }),
            Ok(Found::Ours(container)) => Ok(container.status()),
            Ok(Found::Foreign(error)) | Err(error) => Err(EngineError::docker(service, error)),
        }
    }

    async fn list(&self) -> Result<Vec<(String, Status)>, EngineError> {
        let listed = self.list_all().await;
        listed.map_err(|error| EngineError::docker("*", error))
    }

    async fn warnings(&self, spec: &ServiceSpec) -> Result<Vec<String>, EngineError> {
        Ok(self.composed(spec).await?.warnings)
    }

    async fn would_start(&self, spec: &ServiceSpec) -> Result<bool, EngineError> {
        self.would_change(spec).await
    }

    async fn start(&self, spec: &ServiceSpec, secrets: &SecretEnv) -> Result<Started, EngineError> {
        self.start_saying(spec, secrets, &|_| {}).await
    }

    async fn start_saying(
        &self,
        spec: &ServiceSpec,
        secrets: &SecretEnv,
        say: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Started, EngineError> {
        self.reach("engine.start", "before", &spec.name)?;
        let turn = self.turn(&spec.name);
        let _turn = turn.lock().await;
        let started = self.start_turn(spec, secrets, say).await?;
        self.reach("engine.start", "after", &spec.name)?;
        Ok(started)
    }

    async fn stop(&self, service: &str, grace: Duration) -> Result<bool, EngineError> {
        self.reach("engine.stop", "before", service)?;
        let turn = self.turn(service);
        let _turn = turn.lock().await;
        let stopped = self.stop_found(service, grace).await;
        let stopped = stopped.map_err(|error| EngineError::docker(service, error))?;
        self.reach("engine.stop", "after", service)?;
        Ok(stopped)
    }

    async fn remove(&self, service: &str, grace: Duration) -> Result<bool, EngineError> {
        self.reach("engine.remove", "before", service)?;
        let turn = self.turn(service);
        let _turn = turn.lock().await;
        let removed = self.remove_found(service, grace).await;
        let removed = removed.map_err(|error| EngineError::docker(service, error))?;
        self.reach("engine.remove", "after", service)?;
        Ok(removed)
    }

    async fn wait_exit(&self, service: &str) -> Result<Exit, EngineError> {
        let ended = self.wait_end(service).await;
        ended.map_err(|error| EngineError::docker(service, error))
    }

    async fn log_tail(&self, service: &str, tail: usize) -> Result<Vec<String>, EngineError> {
        let lines = self.tail(service, tail);
        let lines =
            tokio::time::timeout(QUICK, lines)
                .await
                .unwrap_or(Err(DockerError::TimedOut {
                    action: "read the log",
                    limit: QUICK,
                }));
        lines.map_err(|error| EngineError::docker(service, error))
    }

    async fn log_follow(&self, service: &str, tail: usize) -> Result<LogLines, EngineError> {
        // An engine that does not answer is told now, and not in the first line.
        let client = self.0.connection.client().await;
        client.map_err(|error| EngineError::docker(service, error))?;
        Ok(self.follow(service, tail))
    }

    async fn exec(
        &self,
        spec: &ServiceSpec,
        _secrets: &SecretEnv,
        command: &[String],
        timeout: Duration,
    ) -> Result<ExecOutput, EngineError> {
        // The container has the secrets in its environment already.
        self.exec_in(spec, command, timeout).await
    }

    async fn service_of_pid(&self, pid: u32) -> Result<Option<String>, EngineError> {
        let owner = self.service_of_process(pid).await;
        owner.map_err(|error| EngineError::docker("*", error))
    }

    async fn service_of_port(&self, port: u16) -> Result<Option<String>, EngineError> {
        let owner = self.service_publishing(port).await;
        owner.map_err(|error| EngineError::docker("*", error))
    }

    async fn health(&self, service: &str) -> Result<Option<Health>, EngineError> {
        match self.health_of(service).await {
            Ok(health) => Ok(health.map(|(_, health)| health)),
            Err(error) => Err(EngineError::docker(service, error)),
        }
    }

    async fn health_changed(
        &self,
        service: &str,
        known: HealthState,
    ) -> Result<Option<Health>, EngineError> {
        let health = self.health_other_than(service, known).await;
        health.map_err(|error| EngineError::docker(service, error))
    }

    async fn sweep(&self, volumes: bool) -> Result<Swept, EngineError> {
        self.reach("engine.sweep", "before", "*")?;
        let swept = self.sweep_all(volumes).await;
        let swept = swept.map_err(|error| EngineError::docker("*", error))?;
        self.reach("engine.sweep", "after", "*")?;
        Ok(swept)
    }
}
