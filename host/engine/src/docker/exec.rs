//! A command inside a running container.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::{Stream, StreamExt as _};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::DockerEngine;
use super::connection::QUICK;
use super::container::Found;
use super::error::{DockerError, is_not_running};
use super::owner::container_of;
use crate::{EngineError, ExecOutput, Exit, ServiceSpec};

/// How much of each stream is kept.
const KEPT: usize = 64 << 10;

/// What comes out of a container.
type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, ApiError>> + Send>>;
/// What goes into it.
type Input = Pin<Box<dyn AsyncWrite + Send>>;

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
        let id = self.make_exec(container.id(), command, false).await;
        let id = id.map_err(told)?;
        let work = self.captured(&id, None);
        match tokio::time::timeout(limit, work).await {
            Ok(output) => output.map_err(told),
            Err(_) => {
                self.end_exec(&id, container.id()).await;
                Err(EngineError::ExecTimedOut {
                    service: service.to_owned(),
                    program: program.clone(),
                    limit,
                })
            }
        }
    }

    /// Makes a command ready to be run in a container.
    pub(super) async fn make_exec(
        &self,
        container: &str,
        command: &[String],
        stdin: bool,
    ) -> Result<String, DockerError> {
        let client = self.0.connection.client().await?;
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            attach_stdin: Some(stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let made = client.create_exec(container, options);
        match tokio::time::timeout(QUICK, made).await {
            Ok(Ok(made)) => Ok(made.id),
            Ok(Err(error)) if is_not_running(&error) => Err(DockerError::NotRunningHere),
            Ok(Err(error)) => Err(self.0.connection.failed("run a command", error)),
            Err(_) => Err(DockerError::TimedOut {
                action: "run a command",
                limit: QUICK,
            }),
        }
    }

    /// Runs a command that was made ready, hands it what it is to read, and captures what it prints.
    pub(super) async fn captured(
        &self,
        id: &str,
        stdin: Option<Vec<u8>>,
    ) -> Result<ExecOutput, DockerError> {
        let client = self.0.connection.client().await?;
        let failed = |error| match DockerError::of_start("run a command", error) {
            DockerError::Refused { action, source } => self.0.connection.failed(action, *source),
            other => other,
        };
        let started = client.start_exec(id, None::<StartExecOptions>).await;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        if let StartExecResults::Attached { output, input } = started.map_err(failed)? {
            let taken = beside(feed(input, stdin), take(output, &mut stdout, &mut stderr));
            taken.await.map_err(failed)?;
        }
        let ended = client.inspect_exec(id);
        let ended = self
            .0
            .connection
            .call("run a command", QUICK, ended)
            .await?;
        let code = ended.exit_code.and_then(|code| i32::try_from(code).ok());
        // The engine itself says in the output that it could not run the program.
        if matches!(code, Some(126 | 127))
            && let Some(reason) = unrunnable(&stdout, &stderr)
        {
            return Err(DockerError::CannotRun { reason });
        }
        Ok(ExecOutput {
            exit: code.map_or(Exit::UNKNOWN, Exit::of_code),
            stdout,
            stderr,
        })
    }

    /// Kills the process of a command. The engine has no call for that; on the same machine its process is known.
    pub(super) async fn end_exec(&self, id: &str, container: &str) {
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

/// Why a program could not be run, where the engine says so in its stead: a Docker Engine on the one stream, podman on the other.
fn unrunnable(stdout: &[u8], stderr: &[u8]) -> Option<String> {
    let stdout = String::from_utf8_lossy(stdout);
    let docker = stdout.strip_prefix("OCI runtime exec failed: ");
    let stderr = String::from_utf8_lossy(stderr);
    let podman = || {
        let line = stderr.lines().next()?.strip_prefix("Error: ")?;
        let (reason, _) = line.split_once(": OCI ")?;
        Some(reason)
    };
    let reason = docker.or_else(podman)?;
    Some(reason.trim().to_owned())
}

/// Takes in what comes until its end, and keeps the beginning of each stream, so that a command that prints much is not held up.
pub(super) async fn take(
    mut output: Output,
    stdout: &mut Vec<u8>,
    stderr: &mut Vec<u8>,
) -> Result<(), ApiError> {
    while let Some(piece) = output.next().await {
        let (kept, message) = match piece? {
            LogOutput::StdErr { message } => (&mut *stderr, message),
            LogOutput::StdOut { message }
            | LogOutput::StdIn { message }
            | LogOutput::Console { message } => (&mut *stdout, message),
        };
        let room = KEPT.saturating_sub(kept.len());
        kept.extend(message.iter().take(room));
    }
    Ok(())
}

/// Hands a program what it is to read, and closes its input. A program that does not read all of it is free to do so.
pub(super) async fn feed(mut input: Input, bytes: Option<Vec<u8>>) {
    // Without anything to read its input is not open, and this end is kept: closing it ends the output with some engines.
    if let Some(bytes) = bytes {
        let _ = input.write_all(&bytes).await;
        let _ = input.shutdown().await;
    }
    std::future::pending().await
}

/// Does the second, and the first beside it for as long as that takes.
pub(super) async fn beside<T>(
    first: impl Future<Output = ()>,
    second: impl Future<Output = T>,
) -> T {
    tokio::pin!(first, second);
    tokio::select! {
        () = &mut first => second.await,
        done = &mut second => done,
    }
}
