//! `bootstrap-state.json`: read with suspicion, replaced as a whole, the copy before kept.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{SCHEMA_VERSION, State};
use crate::config::PHASES;
use crate::file::{self, FileError};
use crate::layout::Layout;

/// Far more than the state of the largest ecosystem.
const CAP: u64 = 64 * 1024 * 1024;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("the state cannot be read")]
    Unreadable {
        /// What went wrong.
        #[source]
        source: FileError,
        /// The copy before, where that is good.
        last_good: Option<PathBuf>,
    },
    /// The file is no JSON, or only the beginning of some.
    #[error("the state in `{}` is corrupt: {reason}", .path.display())]
    Corrupt {
        /// The state file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: &'static str,
        /// Where the reader stumbled.
        #[source]
        source: serde_json::Error,
        /// The copy before, where that is good.
        last_good: Option<PathBuf>,
    },
    /// The file is JSON, but not a state that chora wrote.
    #[error("`{}` holds no state of chora: {reason}", .path.display())]
    Foreign {
        /// The state file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: String,
        /// The copy before, where that is good.
        last_good: Option<PathBuf>,
    },
    /// The state is another environment's.
    #[error("the state in `{}` belongs to the environment `{found}`, not to `{expected}`", .path.display())]
    WrongEnvironment {
        /// The state file.
        path: PathBuf,
        /// The environment that it names.
        found: String,
        /// The environment that was asked for.
        expected: String,
        /// The copy before, where that is good.
        last_good: Option<PathBuf>,
    },
    /// A newer chora wrote it.
    #[error("the state in `{}` has schema {found}, and this chora knows schemas up to {SCHEMA_VERSION}", .path.display())]
    NewerSchema {
        /// The state file.
        path: PathBuf,
        /// The schema that it names.
        found: u64,
    },
    /// The state could not be turned into text.
    #[error("the state could not be encoded")]
    Encode(#[source] serde_json::Error),
    /// The state could not be written or removed.
    #[error("the state could not be changed")]
    Write(#[source] FileError),
}

impl StateError {
    /// What to do about it, naming the last good copy where there is one.
    pub fn hint(&self) -> String {
        let (path, last_good) = match self {
            // The state may be good, and only closed to whoever asks.
            Self::Unreadable { source, .. }
                if source.source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                return format!(
                    "run chora as the owner of the state, or open it with `chmod u+rw {}`, then run the command again",
                    source.path.display()
                );
            }
            Self::Unreadable { source, last_good } => (source.path.as_path(), last_good),
            Self::Corrupt {
                path, last_good, ..
            }
            | Self::Foreign {
                path, last_good, ..
            } => (path.as_path(), last_good),
            Self::WrongEnvironment {
                path,
                found,
                last_good,
                ..
            } => {
                return format!(
                    "work on that environment with `--environment {found}`, or {}",
                    way_out(path, last_good.as_deref())
                );
            }
            Self::NewerSchema { .. } => {
                return "use the chora that wrote it, or a newer one".to_owned();
            }
            Self::Encode(_) => return "report this as a fault of chora".to_owned(),
            Self::Write(error) => {
                return format!(
                    "see to it that there is space and permission to write `{}`, then run the command again",
                    error.path.display()
                );
            }
        };
        way_out(path, last_good.as_deref())
    }

    /// The last good copy, where the state itself is not.
    pub fn last_good(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { last_good, .. }
            | Self::Corrupt { last_good, .. }
            | Self::Foreign { last_good, .. }
            | Self::WrongEnvironment { last_good, .. } => last_good.as_deref(),
            Self::NewerSchema { .. } | Self::Encode(_) | Self::Write(_) => None,
        }
    }
}

fn way_out(path: &Path, last_good: Option<&Path>) -> String {
    let path = path.display();
    match last_good {
        Some(good) => format!(
            "make it anew from the journals and from what runs, with `chora state repair`; the last good copy is `{}`: `cp {} {path}` puts it back",
            good.display(),
            good.display()
        ),
        None => "make it anew from the journals and from what runs, with `chora state repair`; there is no good copy".to_owned(),
    }
}

/// Reads an environment's state; absent when there is none.
///
/// # Errors
/// When a file is there and cannot be used as it is. Nothing is ever repaired or begun afresh here.
pub fn load(layout: &Layout) -> Result<Option<State>, StateError> {
    match read(&layout.state(), &layout.environment) {
        Ok(state) => Ok(state),
        Err(mut error) => {
            let good = layout.last_good_state();
            let is_good = matches!(read(&good, &layout.environment), Ok(Some(_)));
            match &mut error {
                StateError::Unreadable { last_good, .. }
                | StateError::Corrupt { last_good, .. }
                | StateError::Foreign { last_good, .. }
                | StateError::WrongEnvironment { last_good, .. } => {
                    *last_good = is_good.then_some(good);
                }
                StateError::NewerSchema { .. } | StateError::Encode(_) | StateError::Write(_) => {}
            }
            Err(error)
        }
    }
}

/// Replaces an environment's state and sets `last_updated`. What was there before, if it was good, becomes the last good copy.
///
/// # Errors
/// When it cannot be written; the old state is then still there.
pub fn save(layout: &Layout, state: &mut State) -> Result<(), StateError> {
    state.last_updated = Timestamp::now();
    let mut text = serde_json::to_vec_pretty(state).map_err(StateError::Encode)?;
    text.push(b'\n');
    let path = layout.state();
    std::fs::create_dir_all(&layout.home).map_err(|error| {
        let operation = file::FileOperation::CreateDirectory;
        StateError::Write(FileError::new(&layout.home, operation, error))
    })?;
    if let Ok(Some(_)) = read(&path, &layout.environment) {
        file::link_atomic(&path, &layout.last_good_state()).map_err(StateError::Write)?;
    }
    file::write_atomic(&path, &text, 0o644).map_err(StateError::Write)
}

/// Deletes an environment's state and its last good copy.
///
/// # Errors
/// When either exists and cannot be deleted.
pub fn remove(layout: &Layout) -> Result<(), StateError> {
    // The copy first: were only the state deleted, a later reader would be offered a copy of what was given up.
    file::remove(&layout.last_good_state()).map_err(StateError::Write)?;
    file::remove(&layout.state()).map_err(StateError::Write)?;
    Ok(())
}

fn read(path: &Path, environment: &str) -> Result<Option<State>, StateError> {
    let bytes = file::read_capped(path, CAP).map_err(|source| StateError::Unreadable {
        source,
        last_good: None,
    })?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|source| StateError::Corrupt {
            path: path.to_owned(),
            reason: if bytes.is_empty() {
                "it is empty"
            } else if source.is_eof() {
                "it ends too early"
            } else {
                "it is not JSON"
            },
            source,
            last_good: None,
        })?;
    let foreign = |reason: String| StateError::Foreign {
        path: path.to_owned(),
        reason,
        last_good: None,
    };
    // The schema is looked at by itself: what a newer one holds is not to be judged by this one's rules.
    let schema = value
        .get("schema_version")
        .and_then(serde_json::Value::as_u64);
    match schema {
        None | Some(0) => return Err(foreign("it names no `schema_version`".to_owned())),
        Some(found) if found > u64::from(SCHEMA_VERSION) => {
            let path = path.to_owned();
            return Err(StateError::NewerSchema { path, found });
        }
        Some(_) => {}
    }
    let state: State = serde_json::from_value(value).map_err(|error| foreign(error.to_string()))?;
    let mut phases = state
        .completed_phases
        .iter()
        .chain(std::iter::once(&state.current_phase));
    if let Some(phase) = phases.find(|phase| usize::from(**phase) >= PHASES) {
        return Err(foreign(format!("it speaks of a phase {phase}")));
    }
    if state.environment != environment {
        return Err(StateError::WrongEnvironment {
            path: path.to_owned(),
            found: state.environment,
            expected: environment.to_owned(),
            last_good: None,
        });
    }
    Ok(Some(state))
}

#[cfg(test)]
mod tests;
