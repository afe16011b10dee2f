//! Injection points: places where a test lets chora die, lets the system refuse, or leaves something out. Without the feature `faults`, which only tests switch on, each of them is
//! nothing at all.
//!
//! A point is named `WHAT.VERB.before` or `WHAT.VERB.after`, and what it does is told by the variable `FAILPOINTS` in the words of the crate `fail`, for example
//! `file.sync.before=2*off->return(kill)`. What may stand in `return(…)`:
//!
//! * `kill`: the process ends as by `kill -9`;
//! * `ENOSPC`, `EIO`, `EMFILE`, `EACCES`: before the operation, it fails and is not done; after it, it was done and its answer is lost.
//!
//! A third point, `WHAT.VERB.skip` with just `return`, leaves the operation out as if it had been done: so a test proves that it would notice the absence.
//!
//! Where `CHORA_FAULT_TRACE` names a file, each point that is passed adds its name and what it was about to it, as a line.

use std::io;

/// Reads what the points are to do. Called once, by the program, before anything else.
pub fn begin() {
    #[cfg(feature = "faults")]
    armed::begin();
}

/// An operation of the system with a point on either side. `about` tells in the trace what it is done to.
///
/// # Errors
/// The operation's own, and those injected.
#[inline]
pub fn around<T>(
    name: &'static str,
    about: &dyn std::fmt::Display,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    #[cfg(feature = "faults")]
    return armed::around(name, about, work);
    #[cfg(not(feature = "faults"))]
    {
        let _ = (name, about);
        work()
    }
}

/// As [`around`], for an operation that answers nothing and can therefore be left out.
///
/// # Errors
/// As for [`around`].
#[inline]
pub fn step(
    name: &'static str,
    about: &dyn std::fmt::Display,
    work: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    if skips(name) {
        return Ok(());
    }
    around(name, about, work)
}

/// One side of something that is no operation of the system: `side` is `before` or `after`.
///
/// # Errors
/// Those injected.
#[inline]
pub fn reach(
    name: &'static str,
    side: &'static str,
    about: &dyn std::fmt::Display,
) -> io::Result<()> {
    #[cfg(feature = "faults")]
    return armed::reach(name, side, about);
    #[cfg(not(feature = "faults"))]
    {
        let _ = (name, side, about);
        Ok(())
    }
}

/// Whether something is to be left out.
#[inline]
#[must_use]
pub fn skips(name: &'static str) -> bool {
    #[cfg(feature = "faults")]
    return armed::skips(name);
    #[cfg(not(feature = "faults"))]
    {
        let _ = name;
        false
    }
}

#[cfg(feature = "faults")]
mod armed {
    use std::fmt::Display;
    use std::fs::File;
    use std::io::{self, Write};
    use std::sync::OnceLock;

    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, kill_process};

    /// Kept for as long as the process lives: dropped, it would forget what the points are to do.
    static SCENARIO: OnceLock<Option<File>> = OnceLock::new();

    pub(super) fn begin() {
        SCENARIO.get_or_init(|| {
            std::mem::forget(fail::FailScenario::setup());
            let path = std::env::var_os("CHORA_FAULT_TRACE")?;
            File::options().create(true).append(true).open(path).ok()
        });
    }

    pub(super) fn around<T>(
        name: &'static str,
        about: &dyn Display,
        work: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        reach(name, "before", about)?;
        let done = work()?;
        reach(name, "after", about)?;
        Ok(done)
    }

    pub(super) fn reach(
        name: &'static str,
        side: &'static str,
        about: &dyn Display,
    ) -> io::Result<()> {
        let point = format!("{name}.{side}");
        if let Some(mut trace) = SCENARIO.get().and_then(Option::as_ref) {
            // A trace that cannot be written makes the test fail that reads it.
            let _ = trace.write_all(format!("{point} {about}\n").as_bytes());
        }
        match asked(&point).as_deref() {
            Some("kill") => Err(die()),
            Some(word) => errno(word).map_or(Ok(()), |error| Err(error.into())),
            None => Ok(()),
        }
    }

    pub(super) fn skips(name: &'static str) -> bool {
        asked(&format!("{name}.skip")).is_some()
    }

    /// The word in `return(…)`, where the point is to do something now.
    fn asked(point: &str) -> Option<String> {
        fail::fail_point!(point, |word| Some(word.unwrap_or_default()));
        None
    }

    fn die() -> io::Error {
        match kill_process(getpid(), Signal::KILL) {
            // Signals to oneself are delivered before the call returns.
            Ok(()) => std::process::abort(),
            Err(error) => error.into(),
        }
    }

    fn errno(word: &str) -> Option<Errno> {
        match word {
            "ENOSPC" => Some(Errno::NOSPC),
            "EIO" => Some(Errno::IO),
            "EMFILE" => Some(Errno::MFILE),
            "EACCES" => Some(Errno::ACCESS),
            _ => None,
        }
    }
}
