//! The right to change the added plugins: theirs, and that of every environment, because each of them loads them. No run goes on meanwhile, and none begins.

use std::path::Path;
use std::time::Duration;

use chora_model::failure::{Code, Failure};
use chora_model::file;
use chora_model::lock::{EnvironmentLock, LockError};
use tokio::time::Instant;

use super::Store;
use crate::cancel::{Cancel, Urgency};
use crate::report;

/// How often a lock that is waited for is tried.
const POLL: Duration = Duration::from_millis(50);

/// All the locks, given back when dropped.
pub(super) struct Guard {
    _locks: Vec<EnvironmentLock>,
}

impl Store {
    /// Takes all locks in the name of a command, and clears what a killed one left half written. Waits for their holders as long as was asked for, and says so once.
    pub(super) async fn guard(
        &self,
        command: &'static str,
        say: &(dyn Fn(String) + Sync),
        cancel: &Cancel,
    ) -> Result<Guard, Failure> {
        let taking = async {
            let begun = Instant::now();
            let mut is_first = true;
            loop {
                let failure = match self.try_guard(command).await {
                    Err(failure) if failure.code == Code::Locked => failure,
                    taken => return taken,
                };
                let left = self.options.lock_wait.saturating_sub(begun.elapsed());
                if left.is_zero() {
                    return Err(failure);
                }
                if std::mem::take(&mut is_first) {
                    say(format!("{}; waiting for it to end", failure.message));
                }
                tokio::time::sleep(POLL.min(left)).await;
            }
        };
        tokio::select! {
            taken = taking => taken,
            _ = cancel.beyond(Urgency::None) => {
                let reason = cancel.reason();
                let message = format!("`{command}` was interrupted ({reason}) while it waited; nothing was changed");
                Err(Failure::new(Code::UserInterrupted, message))
            }
        }
    }

    async fn try_guard(&self, command: &'static str) -> Result<Guard, Failure> {
        let layout = self.layout.clone();
        let taken = tokio::task::spawn_blocking(move || {
            // The plugins' own first: whoever has it is the only one that takes more than one.
            let mut locks = vec![acquire(&layout.plugin_guard(), command)?];
            let environments = layout.locks().map_err(|error| {
                report::io_failure("list the environments of", &layout.project, &error)
            })?;
            for path in environments {
                locks.push(acquire(&path, command)?);
            }
            let record = layout.plugin_lock();
            let beside = record.parent().unwrap_or(Path::new("."));
            for directory in [beside, &layout.plugins()] {
                file::remove_leftovers(directory).map_err(|error| report::file_failure(&error))?;
            }
            Ok(Guard { _locks: locks })
        });
        taken.await.unwrap_or_else(|error| {
            let message = format!("taking the locks did not end: {error}");
            Err(Failure::new(Code::IoError, message))
        })
    }
}

fn acquire(path: &Path, command: &str) -> Result<EnvironmentLock, Failure> {
    EnvironmentLock::acquire(path, command).map_err(|error| {
        let held = matches!(error, LockError::Held(_));
        let mut failure = report::lock_failure(&error);
        if held {
            failure
                .details
                .push(format!("the lock is `{}`", path.display()));
        }
        failure
    })
}
