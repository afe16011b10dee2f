//! The embedded storage: one table in a WAL database that belongs to this process alone.

use std::{path::PathBuf, time::Duration};

use rusqlite::{Connection, TransactionBehavior, params};

use super::{Change, Storage, StorageError, Stored};
use crate::record::Record;

const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "CREATE TABLE services (
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    record TEXT,             -- JSON; NULL once deregistered
    deregistered_at TEXT,    -- RFC 3339
    PRIMARY KEY (name, id)
) STRICT, WITHOUT ROWID;";

/// Long enough for a predecessor that is still shutting down.
const BUSY: Duration = Duration::from_secs(8);

pub(crate) struct Sqlite {
    path: PathBuf,
    connection: Connection,
    /// Whether the last commit failed, which a read alone would not show.
    failing: bool,
}

impl Sqlite {
    /// Opens the file, making it where it is missing.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StorageError> {
        match connect(&path) {
            Ok((_, found)) if found > SCHEMA_VERSION => Err(StorageError::Newer {
                path,
                found,
                known: SCHEMA_VERSION,
            }),
            Ok((connection, _)) => Ok(Self {
                path,
                connection,
                failing: false,
            }),
            Err(source) => Err(StorageError::Open { path, source }),
        }
    }

    fn access(&self, source: rusqlite::Error) -> StorageError {
        StorageError::Access {
            path: self.path.clone(),
            source,
        }
    }
}

fn connect(path: &PathBuf) -> rusqlite::Result<(Connection, i64)> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // Two registries on one file would each answer from a memory that the other does not see.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Immediate, so that the exclusive lock is taken now and not at the first registration.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()?;
    Ok((connection, version))
}

impl Storage for Sqlite {
    fn load(&mut self) -> Result<Vec<Stored>, StorageError> {
        let rows = || -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
            let mut statement = self
                .connection
                .prepare("SELECT name, id, record FROM services")?;
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        };
        let rows = rows().map_err(|source| self.access(source))?;
        rows.into_iter()
            .map(|(name, id, record)| match record {
                None => Ok(Stored::Deregistered { name, id }),
                Some(text) => serde_json::from_str::<Record>(&text)
                    .map(Stored::Live)
                    .map_err(|source| StorageError::Damaged {
                        path: self.path.clone(),
                        name,
                        source,
                    }),
            })
            .collect()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let result = apply(&mut self.connection, changes);
        self.failing = result.is_err();
        result.map_err(|source| self.access(source))
    }

    fn check(&mut self) -> Result<(), StorageError> {
        if self.failing {
            // An empty commit writes nothing and proves nothing: change something that is always there.
            let version = self
                .connection
                .pragma_update(None, "user_version", SCHEMA_VERSION);
            self.failing = version.is_err();
            return version.map_err(|source| self.access(source));
        }
        self.connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(|source| self.access(source))
    }
}

fn apply(connection: &mut Connection, changes: &[Change]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for change in changes {
        match change {
            Change::Put(record) => {
                let text = serde_json::to_string(record)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
                let mut statement = transaction.prepare_cached(
                    "INSERT OR REPLACE INTO services (name, id, record) VALUES (?1, ?2, ?3)",
                )?;
                statement.execute(params![record.name, record.id, text])?;
            }
            Change::Deregister { name, id, at } => {
                let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO services (name, id, deregistered_at) VALUES (?1, ?2, ?3)")?;
                statement.execute(params![name, id, at.to_string()])?;
            }
            Change::Forget { name, id } => {
                transaction
                    .prepare_cached("DELETE FROM services WHERE name = ?1 AND id = ?2")?
                    .execute(params![name, id])?;
            }
        }
    }
    transaction.commit()
}
