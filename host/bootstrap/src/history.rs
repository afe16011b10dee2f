//! Looking back at runs: which there were, how each went, and how it compares with those before.
//!
//! Everything comes out of the journals. Nothing is changed and no lock is taken, so that this works while a run goes on and whatever became of the state. What events amount to is
//! worked out by pure functions in [`digest`](Digest::of) and [`report`](Report::of); only this module reads files.

mod audit;
mod choose;
mod digest;
mod plugin;
pub(crate) mod prune;
mod report;
#[cfg(test)]
mod tests;
mod timing;

use std::io;
use std::path::PathBuf;

use chora_model::event::Event;
use chora_model::failure::{Code, Failure};
use chora_model::layout::Layout;
use chora_model::lock;
use serde::Serialize;

use crate::journal::{self, Salvaged};
use crate::report::io_failure;

pub use audit::{Audit, Audited, Called, Unused};
pub use digest::{Calls, Denied, Digest, Moment, PhaseDigest, Said, StepDigest, Waited};
pub use plugin::PluginRun;
pub use report::{
    PathSource, PathStep, PluginUse, Repeated, Report, Retries, SlowStep, Usual, Wait,
};
pub use timing::TimeSplit;

/// The journals of one environment.
#[derive(Debug, Clone)]
pub struct History {
    layout: Layout,
}

/// One run, as far as its journal tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// The run's identifier.
    pub run: String,
    /// The run's journal.
    pub journal: PathBuf,
    /// Whether it ended, and how that is known.
    pub standing: Standing,
    /// What is wrong with the journal, when not all of it can be trusted.
    pub damage: Option<Damage>,
    /// What happened; nothing when no event can be read.
    #[serde(flatten)]
    pub digest: Option<Digest>,
}

/// Whether a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// It ended and said how.
    Ended,
    /// It is going on.
    Running {
        /// Who holds the environment's lock for it.
        holder: String,
    },
    /// The journal has no end and nobody is at work on it any more.
    Killed,
    /// The journal has no end, and it cannot be told whether the run goes on.
    Unknown {
        /// Why not.
        reason: String,
    },
    /// Nothing can be read of it.
    Unreadable {
        /// Why not.
        reason: String,
    },
}

/// What is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Lines that were altered or are out of order, by number, from 1.
    pub altered: Vec<usize>,
    /// How many lines are gone from between others.
    pub missing: u64,
    /// Whether the last line is cut off, as a crash leaves it.
    pub torn: bool,
}

impl Damage {
    fn of(found: &Salvaged) -> Option<Self> {
        let sound = found.altered.is_empty() && found.missing == 0 && !found.torn;
        (!sound).then(|| Self {
            altered: found.altered.clone(),
            missing: found.missing,
            torn: found.torn,
        })
    }
}

impl History {
    /// The journals of this environment.
    pub fn of(layout: Layout) -> Self {
        Self { layout }
    }

    /// The identifiers of all runs with a journal, the newest first.
    ///
    /// # Errors
    /// When the directory of the journals exists and cannot be listed.
    pub fn runs(&self) -> Result<Vec<String>, Failure> {
        let directory = self.layout.runs();
        prune::journals(&directory)
            .map_err(|error| io_failure("list the runs in", &directory, &error))
    }

    /// The run that a user means by `wanted`: an identifier, the beginning of only one, `latest`, or `latest~N` for the N-th before that.
    ///
    /// # Errors
    /// A failure with the code `CONFIG_ERROR` that names candidates when none or several fit.
    pub fn choose<'a>(&self, runs: &'a [String], wanted: &str) -> Result<&'a str, Failure> {
        choose::choose(runs, wanted)
    }

    /// How many characters of an identifier tell these runs apart.
    pub fn short_length(runs: &[String]) -> usize {
        choose::short_length(runs)
    }

    /// Reads one run. Nothing when its journal has just been deleted.
    pub fn read(&self, run: &str) -> Option<Record> {
        let path = self.layout.journal(run);
        let record = |standing, damage, digest| {
            Some(Record {
                run: run.to_owned(),
                journal: path.clone(),
                standing,
                damage,
                digest,
            })
        };
        let unreadable = |reason: String| record(Standing::Unreadable { reason }, None, None);
        let first = match journal::salvage(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return unreadable(error.to_string()),
        };
        let (found, standing) = if Digest::has_ended(&first.events) {
            (first, Standing::Ended)
        } else {
            match self.going_on(&first.events) {
                Some(standing) => (first, standing),
                // It may have come to its end between the two looks.
                None => match journal::salvage(&path) {
                    Ok(again) if Digest::has_ended(&again.events) => (again, Standing::Ended),
                    Ok(again) => (again, Standing::Killed),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
                    Err(error) => return unreadable(error.to_string()),
                },
            }
        };
        if found.events.is_empty() {
            let reason = if found.altered.is_empty() && !found.torn {
                "its journal is empty: its first event was not written"
            } else {
                "no line of its journal is whole"
            };
            return unreadable(reason.to_owned());
        }
        let damage = Damage::of(&found);
        record(standing, damage, Digest::of(&found.events))
    }

    /// Reads the run that a user means, or the latest; nothing when there is no run.
    ///
    /// # Errors
    /// As [`Self::runs`] and [`Self::choose`].
    pub fn find(&self, wanted: Option<&str>) -> Result<Option<Record>, Failure> {
        let runs = self.runs()?;
        let run = match (wanted, runs.first()) {
            (None, None) => return Ok(None),
            (None, Some(latest)) => latest,
            (Some(wanted), _) => self.choose(&runs, wanted)?,
        };
        let gone = || {
            Failure::new(Code::ConfigError, format!("run `{run}` was just deleted"))
                .next("see which there are with `chora runs list`")
        };
        self.read(run).map(Some).ok_or_else(gone)
    }

    /// Analyses a run, compared with those before it. Nothing when no event of it can be read.
    ///
    /// # Errors
    /// As [`Self::runs`].
    pub fn report(&self, record: &Record) -> Result<Option<Report>, Failure> {
        let Some(digest) = &record.digest else {
            return Ok(None);
        };
        let runs = self.runs()?;
        let earlier = runs
            .iter()
            .skip_while(|run| **run != record.run)
            .skip(1)
            .filter_map(|run| self.read(run)?.digest);
        Ok(Some(Report::of(&record.run, digest, earlier)))
    }

    /// Whether an unfinished run goes on, as far as the lock tells; nothing when it does not.
    fn going_on(&self, events: &[Event]) -> Option<Standing> {
        let begun = digest::begun(events)?;
        let holder = match lock::holder(&self.layout.lock()) {
            Ok(None) => return None,
            Ok(Some(holder)) => holder,
            Err(error) => {
                let reason = format!("the environment's lock cannot be asked: {error}");
                return Some(Standing::Unknown { reason });
            }
        };
        if holder.pid == 0 {
            let reason = format!("the environment is locked by {holder}");
            return Some(Standing::Unknown { reason });
        }
        // Whoever took the lock after this run had begun is at work on another one.
        (begun >= holder.since).then(|| Standing::Running {
            holder: holder.to_string(),
        })
    }
}
