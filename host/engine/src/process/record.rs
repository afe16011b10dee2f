//! What is remembered of a service's process, one file each, and the lock around changing it.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chora_model::file::{self, FileError, FileOperation};
use chora_model::layout::Layout;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use crate::{EngineError, Exit, RunState, SecretEnv, ServiceSpec, Status};

/// The largest record that is read, in bytes.
const MOST: u64 = 64 << 10;

/// What is remembered of a start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) service: String,
    /// Marks the process and all that it starts.
    pub(super) token: String,
    /// Absent between the intent to start and the knowledge of having done so.
    pub(super) identity: Option<Identity>,
    pub(super) definition: String,
    secrets: String,
    version: Option<String>,
    started_at: Timestamp,
    /// How it ended, once that was seen.
    pub(super) exit: Option<Exit>,
}

impl Record {
    /// The intent to start a service.
    pub(super) fn intent(spec: &ServiceSpec, secrets: &SecretEnv) -> Self {
        let token = uuid::Uuid::new_v4().simple().to_string();
        Self {
            service: spec.name.clone(),
            secrets: secrets.digest(&token),
            token,
            identity: None,
            definition: spec.digest(),
            version: spec.version.clone(),
            started_at: Timestamp::now(),
            exit: None,
        }
    }

    /// Whether the process runs with this definition and these secrets.
    pub(super) fn fits(&self, spec: &ServiceSpec, secrets: &SecretEnv) -> bool {
        self.definition == spec.digest() && self.secrets == secrets.digest(&self.token)
    }

    pub(super) fn status(&self, state: RunState, pid: Option<u32>) -> Status {
        Status {
            state,
            id: pid.map(|pid| pid.to_string()),
            started_at: Some(self.started_at),
            definition: Some(self.definition.clone()),
            version: self.version.clone(),
        }
    }

    pub(super) fn read(layout: &Layout, service: &str) -> Result<Option<Self>, EngineError> {
        let path = path(layout, service);
        let bytes = file::read_capped(&path, MOST).map_err(|source| of_file(service, source))?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| EngineError::DamagedRecord {
                service: service.to_owned(),
                path,
                source,
            })
    }

    pub(super) fn write(&self, layout: &Layout) -> Result<(), EngineError> {
        let path = path(layout, &self.service);
        let bytes = serde_json::to_vec(self).map_err(|source| EngineError::DamagedRecord {
            service: self.service.clone(),
            path: path.clone(),
            source,
        })?;
        file::write_atomic(&path, &bytes, 0o600).map_err(|source| of_file(&self.service, source))
    }

    pub(super) fn delete(layout: &Layout, service: &str) -> Result<bool, EngineError> {
        file::remove(&path(layout, service)).map_err(|source| of_file(service, source))
    }

    /// The services that have a record, sorted.
    pub(super) fn names(layout: &Layout) -> Result<Vec<String>, EngineError> {
        let directory = layout.processes();
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                let source = FileError::new(&directory, FileOperation::Read, error);
                return Err(of_file("*", source));
            }
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(name.strip_suffix(".json")?.to_owned())
            })
            .collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// Keeps two commands, or a command and an orchestrator, from changing one service at once. Freed when dropped, and by the kernel when the holder dies.
pub(super) async fn lock(layout: &Layout, service: &str) -> Result<File, EngineError> {
    let directory = layout.processes();
    let name = service.to_owned();
    super::blocking(service, move || make_private(&name, &directory)).await?;
    lock_where_kept(layout, service).await
}

/// The same where records are kept already; where they are not, because all was removed, nothing comes back.
pub(super) async fn lock_where_kept(layout: &Layout, service: &str) -> Result<File, EngineError> {
    let path = layout.processes().join(format!("{service}.lock"));
    let name = service.to_owned();
    super::blocking(service, move || {
        let failed = |source| EngineError::Io {
            service: name.clone(),
            path: path.clone(),
            source,
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    })
    .await
}

/// Makes a directory for the owner only.
pub(super) fn make_private(service: &str, directory: &Path) -> Result<(), EngineError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| EngineError::Io {
            service: service.to_owned(),
            path: directory.to_owned(),
            source,
        })
}

fn path(layout: &Layout, service: &str) -> PathBuf {
    layout.processes().join(format!("{service}.json"))
}

fn of_file(service: &str, source: FileError) -> EngineError {
    EngineError::File {
        service: service.to_owned(),
        source,
    }
}
