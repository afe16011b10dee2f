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

    /// What is no error in a service's files and yet not as it may have been meant.
    async fn warnings(&self, spec: &ServiceSpec) -> Result<Vec<String>, EngineError> {
        let _ = spec;
        Ok(Vec::new())
    }

    /// Whether a start would change anything, secrets apart.
    async fn would_start(&self, spec: &ServiceSpec) -> Result<bool, EngineError> {
        let status = self.inspect(&spec.name).await?;
        Ok(status.state != RunState::Running || status.definition != Some(spec.digest()))
    }

    /// Sees to it that the service runs exactly as specified. One that runs with another definition is stopped and started anew.
    async fn start(&self, spec: &ServiceSpec, secrets: &SecretEnv) -> Result<Started, EngineError>;

    /// The same, and says in short sentences what takes long: getting an image, for example.
    async fn start_saying(
        &self,
        spec: &ServiceSpec,
        secrets: &SecretEnv,
        say: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Started, EngineError> {
        let _ = say;
        self.start(spec, secrets).await
    }

    /// Asks the service to end, and makes it end after the grace period. True if it ran.
    async fn stop(&self, service: &str, grace: Duration) -> Result<bool, EngineError>;

    /// Stops the service and forgets it; its data and log stay. True if there was something to remove.
    async fn remove(&self, service: &str, grace: Duration) -> Result<bool, EngineError>;

    /// Resolves as soon as the running service ends; at once if it does not run. Never polls where the system can tell. One that the engine starts again by itself has ended when it ended
    /// so often that it is a crash loop.
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

    /// The service of this environment that the engine publishes on this TCP port of the machine. A container's port may be held by a process that nobody but the engine can tell from others.
    async fn service_of_port(&self, port: u16) -> Result<Option<String>, EngineError> {
        let _ = port;
        Ok(None)
    }

    /// What the engine's own health check says of a running service; absent where it has none.
    async fn health(&self, service: &str) -> Result<Option<Health>, EngineError> {
        let _ = service;
        Ok(None)
    }

    /// Resolves as soon as the engine's own health check says something other than `known`, or the service ends. Never polls where the engine can tell. At once where there is no check.
    async fn health_changed(
        &self,
        service: &str,
        known: HealthState,
    ) -> Result<Option<Health>, EngineError> {
        let _ = (service, known);
        Ok(None)
    }

    /// Removes what belongs to the environment and to none of its services any more: containers that plugins had made, networks, and volumes if they are asked for. What somebody else uses is kept and told.
    async fn sweep(&self, volumes: bool) -> Result<Swept, EngineError> {
        let _ = volumes;
        Ok(Swept::default())
    }
}

/// What the engine's own health check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// In one word.
    pub state: HealthState,
    /// How often in a row it has failed.
    pub failures: u32,
    /// What the last check printed.
    pub answer: Option<String>,
}

/// What the engine's own health check says, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    /// Not healthy yet, and still within the time that it may take.
    Starting,
    /// Healthy.
    Healthy,
    /// It failed as often as it may.
    Unhealthy,
}

/// What sweeping removed and what it left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Containers that plugins had made.
    pub containers: Vec<String>,
    /// Networks that were removed.
    pub networks: Vec<String>,
    /// Volumes that were removed.
    pub volumes: Vec<String>,
    /// What was left, and why.
    pub kept: Vec<String>,
}

/// Log lines as they come.
pub type LogLines = BoxStream<'static, Result<String, EngineError>>;

/// What starting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It was not running, or not as it should: paused, or under another name.
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
    /// Made and never started: whoever made it was cut off, or the start failed.
    Created,
    /// Running.
    Running,
    /// Held still by somebody; it answers nobody.
    Paused,
    /// It ended, and the engine is about to start it again by itself.
    Restarting(Exit),
    /// It ran and ended.
    Exited(Exit),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code; absent when a signal ended it or when nobody was there to collect it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was killed because it used more memory than it may.
    #[serde(default, skip_serializing_if = "is_false")]
    pub oom: bool,
    /// How often the engine itself started it again before, in vain.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub restarts: u32,
}

impl Exit {
    /// Nobody was there to collect it.
    pub const UNKNOWN: Self = Self {
        code: None,
        signal: None,
        oom: false,
        restarts: 0,
    };

    /// It ended by itself with this code.
    pub const fn of_code(code: i32) -> Self {
        Self {
            code: Some(code),
            ..Self::UNKNOWN
        }
    }

    /// This signal ended it.
    pub const fn of_signal(signal: i32) -> Self {
        Self {
            signal: Some(signal),
            ..Self::UNKNOWN
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}")?,
            (None, Some(signal)) => write!(f, "signal {signal}")?,
            (None, None) => f.write_str("unknown exit code")?,
        }
        if self.oom {
            f.write_str(", out of memory")?;
        }
        match self.restarts {
            0 => Ok(()),
            1 => f.write_str(", after the engine started it again"),
            times => write!(f, ", after the engine started it again {times} times"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_with_its_cause() {
        let oom = Exit {
            oom: true,
            ..Exit::of_code(137)
        };
        let looping = Exit {
            restarts: 3,
            ..Exit::of_code(1)
        };
        for (exit, text) in [
            (Exit::of_code(0), "exit code 0"),
            (Exit::of_signal(9), "signal 9"),
            (Exit::UNKNOWN, "unknown exit code"),
            (oom, "exit code 137, out of memory"),
            (
                looping,
                "exit code 1, after the engine started it again 3 times",
            ),
        ] {
            assert_eq!(exit.to_string(), text);
        }
    }

    #[test]
    fn what_does_not_concern_a_process_is_not_written() {
        let text = serde_json::to_string(&Exit::of_code(3)).unwrap();
        assert_eq!(text, r#"{"code":3,"signal":null}"#);
        let read: Exit = serde_json::from_str(&text).unwrap();
        assert_eq!(read, Exit::of_code(3));
    }
}
