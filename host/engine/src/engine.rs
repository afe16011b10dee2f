//! The trait that all engines implement, and what they answer.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::{EngineError, SecretEnv, ServiceSpec};

/// What makes services run. Every changing call may be made twice and does its work once.
#[async_trait]
pub trait Engine: Send + Sync {
    /// `process`, `docker` or `swarm`.
    fn kind(&self) -> &'static str;

    /// Whether the engine answers, and its version where it has one of its own.
    async fn version(&self) -> Result<Option<String>, EngineError>;

    /// What runs under this name.
    async fn inspect(&self, service: &str) -> Result<Status, EngineError>;

    /// How long the service has been running, by a clock that nobody sets; absent when it does not run or the engine cannot tell.
    async fn running_for(&self, service: &str) -> Result<Option<Duration>, EngineError> {
        let _ = service;
        Ok(None)
    }

    /// All services that this engine runs or remembers for the environment, configured or not.
    async fn list(&self) -> Result<Vec<(String, Status)>, EngineError>;

    /// Sees to it that the service runs exactly as specified. One that runs with another definition is stopped and started anew.
    async fn start(&self, spec: &ServiceSpec, secrets: &SecretEnv) -> Result<Started, EngineError>;

    /// Asks the service to end, and makes it end after the grace period. True if it ran.
    async fn stop(&self, service: &str, grace: Duration) -> Result<bool, EngineError>;

    /// Stops the service and forgets it; its data and log stay. True if there was something to remove.
    async fn remove(&self, service: &str, grace: Duration) -> Result<bool, EngineError>;

    /// Resolves as soon as the running service ends; at once if it does not run. Never polls where the system can tell.
    async fn wait_exit(&self, service: &str) -> Result<Exit, EngineError>;

    /// The last lines of the service's log, at most `tail`.
    async fn log_tail(&self, service: &str, tail: usize) -> Result<Vec<String>, EngineError>;

    /// The last `tail` lines and then each new one as it is written. Ends only when dropped.
    async fn log_follow(&self, service: &str, tail: usize) -> Result<LogLines, EngineError>;

    /// Runs a command in the environment of a running service and captures what it prints, each stream cut at 64 KiB.
    async fn exec(
        &self,
        spec: &ServiceSpec,
        secrets: &SecretEnv,
        command: &[String],
        timeout: Duration,
    ) -> Result<ExecOutput, EngineError>;

    /// The service of this environment that the process belongs to, where this engine started it.
    async fn service_of_pid(&self, pid: u32) -> Result<Option<String>, EngineError>;
}

/// Log lines as they come.
pub type LogLines = BoxStream<'static, Result<String, EngineError>>;

/// What starting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It was not running.
    Started,
    /// It ran with another definition and was replaced.
    Replaced,
    /// It runs as specified.
    AlreadyRunning,
}

/// What an engine knows of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether it runs.
    pub state: RunState,
    /// The process, or the engine's own name for the container.
    pub id: Option<String>,
    /// When it was started, RFC 3339.
    pub started_at: Option<jiff::Timestamp>,
    /// Digest of the definition it was started with.
    pub definition: Option<String>,
    /// The version it was started with.
    pub version: Option<String>,
}

/// Whether a service runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// Never started, or removed.
    Absent,
    /// Running.
    Running,
    /// It ran and ended.
    Exited(Exit),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code; absent when a signal ended it or when nobody was there to collect it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("unknown exit code"),
        }
    }
}

/// What a command answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// How it ended.
    pub exit: Exit,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}
