//! Which process it is: its id, its start time, and the boot in which both mean something.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;

use crate::EngineError;

#[cfg(not(target_os = "linux"))]
compile_error!("the process engine looks after processes through Linux's /proc and pidfd");

/// The environment variable that marks a process as started by a certain start.
pub(super) const TOKEN: &str = "CHORA_START_TOKEN";

/// A process that cannot be mistaken for a later one with the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: u32,
    /// Clock ticks from boot to the process's start.
    start: u64,
    /// The boot.
    boot: String,
}

/// What `/proc/PID/stat` says (proc(5)).
struct Stat {
    state: char,
    group: u32,
    start: u64,
}

impl Identity {
    /// The identity of a process that runs now.
    pub(super) fn of(pid: u32) -> Option<Self> {
        Some(Self {
            pid,
            start: stat(pid)?.start,
            boot: boot()?,
        })
    }

    /// Whether this very process still runs. A zombie has ended.
    pub(super) fn is_alive(&self) -> bool {
        let lives = stat(self.pid)
            .is_some_and(|stat| stat.start == self.start && !matches!(stat.state, 'Z' | 'X'));
        lives && boot().as_deref() == Some(self.boot.as_str())
    }

    /// The leader of the process group that carries the token.
    pub(super) fn by_token(token: &str) -> Option<Self> {
        let marked = format!("{TOKEN}={token}");
        std::fs::read_dir("/proc")
            .ok()?
            .flatten()
            .find_map(|entry| {
                let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
                let environment = std::fs::read(entry.path().join("environ")).ok()?;
                let carries = environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable == marked.as_bytes());
                let leads = carries && group_of(pid) == Some(pid);
                leads
                    .then(|| Self::of(pid))
                    .flatten()
                    .filter(Self::is_alive)
            })
    }

    /// Resolves when the process ends.
    pub(super) async fn ended(&self, service: &str) -> Result<(), EngineError> {
        let failed = |source| EngineError::Process {
            service: service.to_owned(),
            pid: self.pid,
            action: "watch",
            source,
        };
        let Some(handle) = self.open().map_err(failed)? else {
            return Ok(());
        };
        #[expect(
            deprecated,
            reason = "unsound only for types that may give out another descriptor each time; the replacement is unsafe to call"
        )]
        let handle = AsyncFd::new(handle).map_err(failed)?;
        let _readable = handle.readable().await.map_err(failed)?;
        Ok(())
    }

    /// A handle on the process; absent when it has ended.
    fn open(&self) -> std::io::Result<Option<OwnedFd>> {
        let Some(pid) = self.raw() else {
            return Ok(None);
        };
        match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            // The id may have been reused before it was opened, but not after.
            Ok(handle) => Ok(self.is_alive().then_some(handle)),
            Err(rustix::io::Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn raw(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.pid).ok()?)
    }
}

/// The process group that a process belongs to.
pub(super) fn group_of(pid: u32) -> Option<u32> {
    stat(pid).map(|stat| stat.group)
}

fn stat(pid: u32) -> Option<Stat> {
    let text =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    let (_, after) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
