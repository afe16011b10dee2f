//! Reading and writing chora's own files so that a crash, a full disk or a second reader never meets half of one.
//!
//! Called by everything that keeps a file: state, credentials, lock, configuration.

use std::borrow::Cow;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::fault;

/// What was being done to a file when it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOperation {
    /// Making the directories above it.
    CreateDirectory,
    /// Making the file, or the temporary file beside it.
    Create,
    /// Opening what should exist.
    Open,
    /// Reading its bytes.
    Read,
    /// Writing its bytes.
    Write,
    /// Making the bytes durable.
    Sync,
    /// Putting the finished file into its place.
    Replace,
    /// Making the new name durable.
    SyncDirectory,
    /// Deleting it.
    Remove,
}

impl std::fmt::Display for FileOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CreateDirectory => "create the directory",
            Self::Create => "create",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "make durable",
            Self::Replace => "replace",
            Self::SyncDirectory => "make durable the directory of",
            Self::Remove => "remove",
        })
    }
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation} `{}`", .path.display())]
pub struct FileError {
    /// The file, as it was asked for: never the temporary one.
    pub path: PathBuf,
    /// What was being done.
    pub operation: FileOperation,
    /// What the system answered.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// An answer of the system, with what it was about.
    pub fn new(path: &Path, operation: FileOperation, source: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            operation,
            source,
        }
    }
}

/// Every temporary file ends with this, so that those left behind by a killed process can be told from the user's files.
const TEMPORARY_SUFFIX: &str = ".chora-tmp";

/// Replaces a file as a whole, durably: whoever reads sees the old bytes or the new ones, and once this returned a power cut does not bring the old ones back.
///
/// The mode holds from the first byte on (less the umask). The directory must exist.
///
/// # Errors
/// When any step fails; the old file is then untouched, unless only the directory could not be made durable, and nothing is left beside it.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let fail = |operation| move |source| FileError::new(path, operation, source);
    let directory = directory_of(path);
    let name = name_of(path);
    let mut temporary = fault::around("file.create", &name, || {
        tempfile::Builder::new()
            .prefix(&temporary_prefix(path))
            .suffix(TEMPORARY_SUFFIX)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(directory)
    })
    .map_err(fail(FileOperation::Create))?;
    fault::step("file.write", &name, || temporary.write_all(bytes))
        .map_err(fail(FileOperation::Write))?;
    fault::step("file.sync", &name, || temporary.as_file().sync_all())
        .map_err(fail(FileOperation::Sync))?;
    fault::around("file.rename", &name, || {
        temporary.persist(path).map_err(|error| error.error)
    })
    .map_err(fail(FileOperation::Replace))?;
    sync_directory(path)
}

/// Makes `to` another name of what `from` is now, replacing what `to` was at once. Not durable before the directory is synced, which the next [`write_atomic`] there does.
///
/// # Errors
/// When `from` does not exist, or neither a link nor a copy could be made.
pub(crate) fn link_atomic(from: &Path, to: &Path) -> Result<(), FileError> {
    let fail = |operation| move |source| FileError::new(to, operation, source);
    let linked = tempfile::Builder::new()
        .prefix(&temporary_prefix(to))
        .suffix(TEMPORARY_SUFFIX)
        .make_in(directory_of(to), |temporary| {
            fs::hard_link(from, temporary).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => Err(error),
                // Some file systems have no hard links.
                _ => fs::copy(from, temporary).map(drop),
            })
        })
        .map_err(fail(FileOperation::Create))?;
    // Where both already name the same file, rename does nothing and leaves the temporary name; `linked` removes it when it goes.
    fault::step("file.link", &name_of(to), || fs::rename(linked.path(), to))
        .map_err(fail(FileOperation::Replace))
}

/// Reads a whole file of at most `cap` bytes; absent when it does not exist.
///
/// # Errors
/// When it cannot be read, or is larger ([`io::ErrorKind::FileTooLarge`]).
pub fn read_capped(path: &Path, cap: u64) -> Result<Option<Vec<u8>>, FileError> {
    match File::open(path) {
        Ok(file) => read_open(&file, path, cap).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new(path, FileOperation::Open, error)),
    }
}

pub(crate) fn read_open(file: &File, path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    file.take(cap.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| FileError::new(path, FileOperation::Read, error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > cap {
        let source = io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {cap} bytes"),
        );
        return Err(FileError::new(path, FileOperation::Read, source));
    }
    Ok(bytes)
}

/// Deletes a file, durably. Answers whether there was one.
///
/// # Errors
/// When it exists and cannot be deleted.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    match fault::step("file.remove", &name_of(path), || fs::remove_file(path)) {
        Ok(()) => sync_directory(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::new(path, FileOperation::Remove, error)),
    }
}

/// Deletes the temporary files that killed processes left in a directory. To be called by the holder of the environment's lock only.
///
/// # Errors
/// When the directory exists and cannot be read, or a file in it cannot be deleted.
pub fn remove_leftovers(directory: &Path) -> Result<(), FileError> {
    let fail = |source| FileError::new(directory, FileOperation::Read, source);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fail(error)),
    };
    for entry in entries {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY_SUFFIX) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn temporary_prefix(path: &Path) -> String {
    format!(".{}.", name_of(path))
}

fn name_of(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn sync_directory(path: &Path) -> Result<(), FileError> {
    let directory = directory_of(path);
    fault::step("file.sync-directory", &name_of(path), || {
        File::open(directory)?.sync_all()
    })
    .map_err(|error| FileError::new(path, FileOperation::SyncDirectory, error))
}

#[cfg(test)]
mod tests;
