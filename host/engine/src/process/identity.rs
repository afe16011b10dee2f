//! Which process it is: its id, its start time, and the boot in which both mean something.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;

use crate::EngineError;

#[cfg(not(target_os = "linux"))]
compile_error!("the process engine looks after processes through Linux's /proc and pidfd");

/// The environment variable that marks a process as started by a certain start.
pub(super) const TOKEN: &str = "CHORA_START_TOKEN";
/// The environment variable that tells a service its name.
const SERVICE: &str = "CHORA_SERVICE";
/// How often an empty environment is looked at again, and after what pause.
const EXEC_LOOKS: u32 = 10;
const EXEC_PAUSE: Duration = Duration::from_millis(1);
/// Clock ticks in a second: what Linux tells programs on every architecture (`USER_HZ`, time(7)).
const TICKS: u64 = 100;
/// How many ancestors of a process are looked at.
const GENERATIONS: usize = 64;

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
    parent: u32,
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
        let lives =
            stat(self.pid).is_some_and(|stat| stat.start == self.start && !stat.has_ended());
        lives && boot().as_deref() == Some(self.boot.as_str())
    }

    /// How long ago the process began.
    pub(super) fn running_for(&self) -> Option<Duration> {
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        let start = Duration::from_millis(self.start.saturating_mul(1_000 / TICKS));
        let uptime = Duration::try_from_secs_f64(uptime).ok()?;
        Some(uptime.saturating_sub(start))
    }

    /// The leader of the process group that carries the token.
    pub(super) fn by_token(token: &str) -> Option<Self> {
        running().find_map(|(pid, stat)| {
            let leads = stat.group == pid && carries(pid, token);
            leads.then(|| Self::of(pid)).flatten()
        })
    }

    /// The processes of a group.
    pub(super) fn members(group: u32) -> Vec<Self> {
        running()
            .filter(|(_, stat)| stat.group == group)
            .filter_map(|(pid, _)| Self::of(pid))
            .collect()
    }

    /// What a start left behind in its process group; in any group where that is not known.
    pub(super) fn left_behind(token: &str, group: Option<u32>) -> Vec<Self> {
        running()
            .filter(|(_, stat)| group.is_none_or(|group| stat.group == group))
            .filter(|(pid, _)| carries(*pid, token))
            .filter_map(|(pid, _)| Self::of(pid))
            .collect()
    }

    /// Kills this one process; one that has ended is no error.
    pub(super) fn kill(&self) -> std::io::Result<()> {
        let Some(handle) = self.open()? else {
            return Ok(());
        };
        match pidfd_send_signal(handle, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
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

/// A process and its ancestors, nearest first.
pub(super) fn lineage(pid: u32) -> Vec<u32> {
    let parent = |pid: &u32| stat(*pid).map(|stat| stat.parent);
    std::iter::successors(Some(pid), parent)
        .take_while(|pid| *pid > 1)
        .take(GENERATIONS)
        .collect()
}

/// The service and the token that a process was given, or inherited.
pub(super) fn marks(pid: u32) -> Option<(String, String)> {
    let environment = environment(pid)?;
    let get = |name: &str| {
        environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
            .and_then(|value| String::from_utf8(value.to_vec()).ok())
    };
    // It becomes the name of a file.
    let service = get(SERVICE).filter(|name| !name.contains(['/', '.', '\0']))?;
    Some((service, get(TOKEN)?))
}

/// Every process that is not a zombie.
fn running() -> impl Iterator<Item = (u32, Stat)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = stat(pid)?;
        (!stat.has_ended()).then_some((pid, stat))
    })
}

fn carries(pid: u32, token: &str) -> bool {
    let marked = format!("{TOKEN}={token}");
    environment(pid).is_some_and(|environment| {
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == marked.as_bytes())
    })
}

/// A process's environment as it was when its program began; absent when it is not ours to read.
fn environment(pid: u32) -> Option<Vec<u8>> {
    let path = Path::new("/proc").join(pid.to_string()).join("environ");
    let mut environment = std::fs::read(&path).ok()?;
    // A process in the midst of becoming another program shows none for a moment. Whoever wrote over its own has none for good.
    for _ in 0..EXEC_LOOKS {
        if !environment.is_empty() {
            break;
        }
        std::thread::sleep(EXEC_PAUSE);
        environment = std::fs::read(&path).ok()?;
    }
    Some(environment)
}

fn stat(pid: u32) -> Option<Stat> {
    let text =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    let (_, after) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

impl Stat {
    /// A zombie has ended.
    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
