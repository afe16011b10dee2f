//! One changing command per environment: a lock of the operating system on the environment's lock file.
//!
//! The kernel frees it when its holder ends, however it ends. The file itself stays for ever: unlinking it would let two processes hold locks on two files of the same name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault;
use crate::file::{self, FileError, FileOperation};

/// Who looks whether the lock is held holds it for an instant itself; who wants it therefore asks again for a while before it gives up.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// More than any holder's description.
const CAP: u64 = 64 * 1024;

/// Who holds a lock, by its own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process; 0 when the holder has not said so.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// What it does, as a person would type it.
    pub command: String,
    /// When it took the lock.
    pub since: Timestamp,
}

impl Holder {
    fn this_process(command: &str) -> Self {
        Self {
            pid: std::process::id(),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            command: command.to_owned(),
            since: Timestamp::now(),
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pid == 0 {
            return f.write_str("a process that has not said which");
        }
        write!(
            f,
            "`{}` (pid {} on {}, since {})",
            self.command, self.pid, self.host, self.since
        )
    }
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the environment is locked by {0}")]
    Held(Holder),
    /// The lock file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file system has no locks, or refuses this one.
    #[error("failed to lock `{}`", .path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
}

/// The right to change an environment; given back when dropped, and by the kernel when the process ends.
#[derive(Debug)]
pub struct EnvironmentLock {
    // Invariant: locked, and close-on-exec as all files of std are, so that no started service keeps it.
    file: File,
}

impl EnvironmentLock {
    /// Takes the lock without waiting for its holder. The file and its directory are made where they are missing.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder; the others say why the file cannot be used.
    pub fn acquire(path: &Path, command: &str) -> Result<Self, LockError> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| {
                FileError::new(directory, FileOperation::CreateDirectory, error)
            })?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| FileError::new(path, FileOperation::Open, error))?;
        let mut attempt = 1;
        loop {
            if fault::skips("lock.take") {
                break;
            }
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => {
                    attempt += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(LockError::Held(read_holder(path)?)),
                Err(TryLockError::Error(source)) => {
                    let path = path.to_owned();
                    return Err(LockError::Lock { path, source });
                }
            }
        }
        let mut lock = Self { file };
        lock.describe(&Holder::this_process(command))
            .map_err(|error| FileError::new(path, FileOperation::Write, error))?;
        Ok(lock)
    }

    fn describe(&mut self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_vec(holder).map_err(io::Error::from)?;
        fault::step("lock.describe", &"lock", || {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&text)
        })
    }
}

impl Drop for EnvironmentLock {
    fn drop(&mut self) {
        // Both would happen anyway, by the next holder and by the kernel: nothing is lost if they fail here.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

/// Who holds the lock now; absent when nobody does. Changes nothing.
///
/// # Errors
/// When the file exists and cannot be read or asked.
pub fn holder(path: &Path) -> Result<Option<Holder>, LockError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::new(path, FileOperation::Open, error).into()),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => read_holder(path).map(Some),
        Err(TryLockError::Error(source)) => Err(LockError::Lock {
            path: path.to_owned(),
            source,
        }),
    }
}

fn read_holder(path: &Path) -> Result<Holder, LockError> {
    for _ in 0..ATTEMPTS {
        let bytes = file::read_capped(path, CAP)?.unwrap_or_default();
        // Between taking the lock and describing itself a holder leaves what a killed one had written, or nothing.
        if let Ok(holder) = serde_json::from_slice::<Holder>(&bytes)
            && is_alive(&holder)
        {
            return Ok(holder);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(Holder {
        pid: 0,
        ..Holder::this_process("unknown")
    })
}

fn is_alive(holder: &Holder) -> bool {
    if holder.host != Holder::this_process("").host {
        return true;
    }
    let pid = i32::try_from(holder.pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| {
        // A process of another user exists as well, though it may not be signalled.
        !matches!(
            rustix::process::test_kill_process(pid),
            Err(rustix::io::Errno::SRCH)
        )
    })
}

#[cfg(test)]
mod tests;
