//! Where records outlive the process. One implementation a file; all are called from the writer's thread only.

mod sqlite;

use std::path::PathBuf;

use jiff::Timestamp;

pub(crate) use sqlite::Sqlite;

use crate::record::Record;

/// Something that was stored.
pub(crate) enum Stored {
    Live(Record),
    Deregistered { name: String, id: String },
}

/// One change; a batch of them is made wholly or not at all.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Adds a record or replaces the one with its name and id.
    Put(Record),
    /// Remembers that the instance was deregistered.
    Deregister {
        name: String,
        id: String,
        at: Timestamp,
    },
    /// Forgets the instance.
    Forget { name: String, id: String },
}

/// A place for records.
pub(crate) trait Storage: Send {
    /// All that is stored.
    fn load(&mut self) -> Result<Vec<Stored>, StorageError>;
    /// Makes the changes in this order. When it returns, they survive a loss of power.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StorageError>;
    /// Whether changes could be made now.
    fn check(&mut self) -> Result<(), StorageError>;
}

/// The storage does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file cannot be opened.
    #[error("cannot open the database `{}`; another registry may be using it, or it is not writable", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The file was written by a newer chora.
    #[error("the database `{}` has schema version {found}, this chora knows {known}; use the newer chora, or move the file away", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// A record in it cannot be understood.
    #[error("the record of `{name}` in the database `{}` is damaged; restore the file or move it away", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The service.
        name: String,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// Reading or writing failed.
    #[error("the database `{}` failed", path.display())]
    Access {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The thread that writes is gone.
    #[error("the storage has stopped")]
    Stopped,
    /// The thread that writes could not be started.
    #[error("cannot start the storage's thread")]
    Thread(#[source] std::io::Error),
}

impl StorageError {
    /// The error and its causes, for answers that have one line.
    pub(crate) fn chain(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}
