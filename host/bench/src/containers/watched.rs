//! What a command costs besides time: its own processor time and memory, and the processor time of the daemon meanwhile.

use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chora_engine::docker::Endpoint;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::usage::{most_memory, processor_time};

/// Between two looks at the memory; the system itself keeps its peak.
const LOOK: Duration = Duration::from_millis(10);

/// What a command that succeeded cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) took: Duration,
    /// The command's own processor time.
    pub(super) own: Duration,
    /// The most memory that the command had, in bytes.
    pub(super) peak: u64,
    /// The daemon's processor time meanwhile; absent where it is not a process of this machine that can be told from others.
    pub(super) daemon: Option<Duration>,
}

/// Runs a command to its end and watches what it costs.
pub(super) fn watched(command: &mut Command, daemon: Option<u32>) -> Result<Cost> {
    let name = command.get_program().to_os_string();
    let log = tempfile::tempfile().context("failed to make a file")?;
    let before = daemon.and_then(processor_time);
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .spawn()
        .with_context(|| format!("failed to run `{}`", name.display()))?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.context("failed to name a process")?;
    let mut peak = 0;
    // It stays to be looked at until it is waited for.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(pid), options)?.is_none() {
        peak = most_memory(child.id()).unwrap_or(peak).max(peak);
        sleep(LOOK);
    }
    let took = began.elapsed();
    let own = processor_time(child.id()).unwrap_or_default();
    let after = daemon.and_then(processor_time);
    let status = child.wait().context("failed to wait for a command")?;
    ensure!(
        status.success(),
        "`{}` failed with {status}:\n{}",
        name.display(),
        said(log)?
    );
    let daemon = before.zip(after);
    Ok(Cost {
        took,
        own,
        peak,
        daemon: daemon.map(|(before, after)| after.saturating_sub(before)),
    })
}

fn said(mut log: std::fs::File) -> Result<String> {
    use std::io::{Read as _, Seek as _};
    log.rewind()?;
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The daemon behind the socket, where it is a process of this machine.
pub(super) fn daemon() -> Option<u32> {
    let endpoint = Endpoint::from_env();
    let stream = UnixStream::connect(endpoint.socket_path()?).ok()?;
    let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
    let pid = u32::try_from(peer.pid.as_raw_nonzero().get()).ok()?;
    if is_daemon(pid) {
        return Some(pid);
    }
    // Somebody else made the socket and handed it on.
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut daemons = pids.filter(|pid| is_daemon(*pid));
    let only = daemons.next();
    only.filter(|_| daemons.next().is_none())
}

fn is_daemon(pid: u32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    name.is_ok_and(|name| name.trim() == "dockerd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_watched_to_its_end() {
        let this = std::process::id();
        let mut busy = Command::new("sh");
        busy.args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"]);
        let cost = watched(&mut busy, Some(this)).expect("a cost");
        assert!(cost.own > Duration::ZERO, "{cost:?}");
        assert!(cost.peak > 0, "{cost:?}");
        assert!(cost.daemon.is_some(), "{cost:?}");
        let mut fails = Command::new("sh");
        fails.args(["-c", "echo it is broken; exit 3"]);
        let error = watched(&mut fails, None).expect_err("a failure");
        assert!(error.to_string().contains("it is broken"), "{error}");
    }
}
