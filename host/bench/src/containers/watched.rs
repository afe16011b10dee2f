//! What a command costs besides time: its own processor time and memory, and the processor time of the daemon meanwhile.

use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chora_engine::docker::Endpoint;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// The unit of `/proc/PID/stat`, the same on every Linux.
const TICK: Duration = Duration::from_millis(10);
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

fn processor_time(pid: u32) -> Option<Duration> {
    time_in(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// In user and in system mode together.
fn time_in(stat: &str) -> Option<Duration> {
    // The name in parentheses may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK.saturating_mul(user.saturating_add(system)))
}

fn most_memory(pid: u32) -> Option<u64> {
    peak_in(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_read_as_the_system_writes_them() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 8 0 100 1 1";
        assert_eq!(time_in(stat), Some(Duration::from_secs(2)));
        let status = "VmPeak:\t  900 kB\nVmHWM:\t  12 kB\nVmRSS:\t 3 kB\n";
        assert_eq!(peak_in(status), Some(12 * 1024));
    }

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
