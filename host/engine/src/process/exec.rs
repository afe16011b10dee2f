//! A command in the environment of a service.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{program, spawn};
use crate::{EngineError, ExecOutput, Exit, SecretEnv, ServiceSpec};

/// How much of each stream is kept.
const KEPT: usize = 64 << 10;

/// Runs a command and captures what it prints.
pub(super) async fn run(
    exe: &Path,
    spec: &ServiceSpec,
    secrets: &SecretEnv,
    command: &[String],
    limit: Duration,
) -> Result<ExecOutput, EngineError> {
    let (first, arguments) = command
        .split_first()
        .ok_or_else(|| EngineError::NoCommand {
            service: spec.name.clone(),
        })?;
    let program = program::find(exe, spec, first)?;
    let failed = |source| EngineError::Spawn {
        service: spec.name.clone(),
        program: program.clone(),
        source,
    };
    let mut child = spawn::command(&program, arguments, spec, secrets)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let group = child
        .id()
        .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (stdout, stderr, status) = tokio::join!(read(stdout), read(stderr), child.wait());
        Ok::<_, std::io::Error>(ExecOutput {
            exit: Exit::from(status?),
            stdout: stdout?,
            stderr: stderr?,
        })
    };
    match tokio::time::timeout(limit, work).await {
        Ok(output) => output.map_err(failed),
        Err(_) => {
            if let Some(group) = group {
                // Gone already is as good.
                let _ = kill_process_group(group, Signal::KILL);
            }
            Err(EngineError::ExecTimedOut {
                service: spec.name.clone(),
                program: first.clone(),
                limit,
            })
        }
    }
}

/// Reads a stream to its end and keeps the beginning, so that a command that prints much is not held up.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else {
        return Ok(kept);
    };
    let mut chunk = vec![0; 8 << 10];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(kept);
        }
        let room = KEPT.saturating_sub(kept.len());
        kept.extend(chunk.iter().take(count.min(room)));
    }
}
