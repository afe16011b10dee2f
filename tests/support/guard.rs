//! A limit for processes that a test waits for: a test that would hang fails instead.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// No limit on speed: what takes this long does not end at all.
const LIMIT: Duration = Duration::from_secs(180);

/// Kills a process that is still waited for when the limit is over.
pub(crate) struct Guard {
    // The thread hears when it goes.
    _alive: Sender<()>,
}

impl Guard {
    /// Watches over a process until this is dropped.
    pub(crate) fn over(pid: u32) -> Self {
        let (alive, gone) = channel::<()>();
        std::thread::spawn(move || {
            if gone.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout)
                && let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
            {
                // It may have ended just now.
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Self { _alive: alive }
    }
}
