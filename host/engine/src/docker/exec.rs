//! A command inside a running container.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process};

use super::DockerEngine;
use super::connection::QUICK;
use super::container::Found;
use super::error::{DockerError, status};
use super::owner::container_of;
use crate::{EngineError, ExecOutput, Exit, ServiceSpec};

/// How much of each stream is kept.
const KEPT: usize = 64 << 10;

impl DockerEngine {
    pub(super) async fn exec_in(
        &self,
        spec: &ServiceSpec,
        command: &[String],
        limit: Duration,
    ) -> Result<ExecOutput, EngineError> {
        let service = spec.name.as_str();
        let told = |source| EngineError::docker(service, source);
        let program = command.first().ok_or_else(|| EngineError::NoCommand {
            service: service.to_owned(),
        })?;
        let container = match self.find(service).await.map_err(told)? {
            Found::Absent => return Err(told(DockerError::NotRunningHere)),
            Found::Foreign(foreign) => return Err(told(foreign)),
            Found::Ours(container) => container,
        };
        let client = self.0.connection.client().await.map_err(told)?;
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let made = client.create_exec(container.id(), options);
        let made = match tokio::time::timeout(QUICK, made).await {
            Ok(Ok(made)) => made,
            Ok(Err(error)) if matches!(status(&error), Some(404 | 409)) => {
                return Err(told(DockerError::NotRunningHere));
            }
            Ok(Err(error)) => return Err(told(self.0.connection.failed("run a command", error))),
            Err(_) => {
                return Err(told(DockerError::TimedOut {
                    action: "run a command",
                    limit: QUICK,
                }));
            }
        };
        let work = self.captured(&made.id);
        match tokio::time::timeout(limit, work).await {
            Ok(output) => output.map_err(told),
            Err(_) => {
                self.end_exec(&made.id, container.id()).await;
                Err(EngineError::ExecTimedOut {
                    service: service.to_owned(),
                    program: program.clone(),
                    limit,
                })
            }
        }
    }

    async fn captured(&self, id: &str) -> Result<ExecOutput, DockerError> {
        let client = self.0.connection.client().await?;
        let failed = |error| match DockerError::of_start("run a command", error) {
            DockerError::Refused { action, source } => self.0.connection.failed(action, *source),
            other => other,
        };
        let started = client.start_exec(id, None::<StartExecOptions>).await;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        if let StartExecResults::Attached { mut output, .. } = started.map_err(failed)? {
            while let Some(piece) = output.next().await {
                match piece.map_err(failed)? {
                    LogOutput::StdErr { message } => keep(&mut stderr, &message),
                    LogOutput::StdOut { message }
                    | LogOutput::StdIn { message }
                    | LogOutput::Console { message } => keep(&mut stdout, &message),
                }
            }
        }
        let ended = client.inspect_exec(id);
        let ended = self
            .0
            .connection
            .call("run a command", QUICK, ended)
            .await?;
        let code = ended.exit_code.and_then(|code| i32::try_from(code).ok());
        // The engine itself says in the output that it could not run the program.
        if matches!(code, Some(126 | 127)) {
            let text = String::from_utf8_lossy(&stdout);
            if let Some(reason) = text.strip_prefix("OCI runtime exec failed: ") {
                return Err(DockerError::CannotRun {
                    reason: reason.trim().to_owned(),
                });
            }
        }
        Ok(ExecOutput {
            exit: code.map_or(Exit::UNKNOWN, Exit::of_code),
            stdout,
            stderr,
        })
    }

    /// Kills the process of a command. The engine has no call for that; on the same machine its process is known.
    async fn end_exec(&self, id: &str, container: &str) {
        let Ok(client) = self.0.connection.client().await else {
            return;
        };
        let ended = client.inspect_exec(id);
        let Ok(exec) = self.0.connection.call("end a command", QUICK, ended).await else {
            return;
        };
        let pid = exec.pid.and_then(|pid| i32::try_from(pid).ok());
        // Another machine's process of that number is none of ours: only one of this container is killed.
        let ours = |pid: i32| {
            let pid = u32::try_from(pid).ok();
            pid.and_then(container_of).is_some_and(|it| it == container)
        };
        if exec.running == Some(true)
            && let Some(pid) = pid.filter(|pid| ours(*pid)).and_then(Pid::from_raw)
        {
            // Gone already is as good; without the right to do so it stays.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Keeps the beginning, so that a command that prints much is not held up.
fn keep(kept: &mut Vec<u8>, piece: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend(piece.iter().take(room));
}
