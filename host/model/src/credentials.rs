//! The credential file: who makes secrets, who may read the file, and how secrets are kept out of every output.
//!
//! The file is a JSON object of names and values, for its owner's eyes only. Errors never carry anything that stood in it.

mod redact;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::CredentialSettings;
use crate::file::{self, FileError, FileOperation};

pub use redact::{REDACTED, Redactor};

/// The name of the signing secret.
pub const JWT_SECRET: &str = "jwt_secret";

const CAP: u64 = 16 * 1024 * 1024;

/// A value that is written nowhere by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

/// The credentials of an environment, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials(BTreeMap<String, Secret>);

impl Credentials {
    /// The names, ascending.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// One credential.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }
}

/// Why the credentials cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Others may read or change the file.
    #[error("the credential file `{path}` can be read or changed by others (mode {mode:04o}); make it private with `chmod 600 {path}`", path = .path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to somebody else.
    #[error("the credential file `{path}` belongs to user {owner}, and chora runs as user {user}; run chora as its owner, or take it over with `chown {user} {path}`", path = .path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// The file is no JSON object of strings.
    #[error("the credential file `{}` is corrupt at line {line}, column {column}: {reason}; restore it from a backup, or give it and the data made with it up with `chora reset --volumes`", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong; says nothing of the content.
        reason: &'static str,
    },
    /// A credential has no usable value.
    #[error("the credential `{name}` in `{}` is unusable: {reason}", .path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The credential.
        name: String,
        /// What is wrong; says nothing of the value.
        reason: &'static str,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// They are gone, and what was made with them is not.
    #[error("the credentials in `{}` are gone, and there is data in `{}` that was made with them; restore the file from a backup, or make new ones with `chora config rotate-credentials --despite-data`, or give the data up with `chora reset --volumes`", .path.display(), .data.display())]
    DataWithout {
        /// The file.
        path: PathBuf,
        /// Where the data is.
        data: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random numbers to make credentials of")]
    Random(#[source] getrandom::Error),
    /// The credentials could not be turned into text.
    #[error("the credentials could not be encoded")]
    Encode(#[source] serde_json::Error),
}

/// What [`ensure`] left behind.
#[derive(Debug, Clone)]
pub struct Ensured {
    /// All credentials of the file.
    pub credentials: Credentials,
    /// Names of those that were missing and made now.
    pub created: Vec<String>,
}

/// Reads the credential file; absent when there is none.
///
/// # Errors
/// When it is there and is not its owner's alone, or does not hold names and values.
pub fn load(path: &Path) -> Result<Option<Credentials>, CredentialError> {
    let opened = match File::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::new(path, FileOperation::Open, error).into()),
    };
    let metadata = opened
        .metadata()
        .map_err(|error| FileError::new(path, FileOperation::Read, error))?;
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(CredentialError::Owner {
            path: path.to_owned(),
            owner: metadata.uid(),
            user,
        });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(CredentialError::Mode { path, mode });
    }
    let bytes = file::read_open(&opened, path, CAP)?;
    // serde's own message may quote the content, and is therefore not passed on.
    let values: BTreeMap<String, String> =
        serde_json::from_slice(&bytes).map_err(|error| CredentialError::Corrupt {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
            reason: match error.classify() {
                serde_json::error::Category::Eof => "it ends too early",
                serde_json::error::Category::Data => "it is not an object of strings",
                serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                    "it is not JSON"
                }
            },
        })?;
    for (name, value) in &values {
        let reason = if value.is_empty() {
            "it is empty"
        } else if value.chars().any(char::is_control) {
            // It goes into environments, headers and lines of text.
            "it has a control character"
        } else {
            continue;
        };
        return Err(CredentialError::Value {
            path: path.to_owned(),
            name: name.clone(),
            reason,
        });
    }
    let secrets = values
        .into_iter()
        .map(|(name, value)| (name, Secret(value)));
    Ok(Some(Credentials(secrets.collect())))
}

/// The names of the credentials that [`ensure`] would make.
///
/// # Errors
/// As for [`load`], and [`CredentialError::DataWithout`] when the signing secret is not there while `data` holds what was made with it.
pub fn missing(
    path: &Path,
    services: &[String],
    data: &Path,
) -> Result<Vec<String>, CredentialError> {
    let existing = load(path)?.unwrap_or_default();
    let missing: Vec<String> = wanted(services)
        .filter(|name| existing.get(name).is_none())
        .collect();
    // A key alone is missing where a service is new; data depends on the signing secret of its time.
    if missing.iter().any(|name| name == JWT_SECRET) && holds_data(data)? {
        return Err(CredentialError::DataWithout {
            path: path.to_owned(),
            data: data.to_owned(),
        });
    }
    Ok(missing)
}

/// Makes the credentials that are missing: the signing secret and an API key for each of the services. Existing ones are never changed.
///
/// # Errors
/// As for [`missing`], and when the file cannot be written.
pub fn ensure(
    path: &Path,
    settings: &CredentialSettings,
    services: &[String],
    data: &Path,
) -> Result<Ensured, CredentialError> {
    let missing = missing(path, services, data)?;
    make(path, settings, missing)
}

/// Makes every credential anew. The caller sees to it that no data depends on the old ones; credentials that are neither the signing secret nor a service's key are kept.
///
/// # Errors
/// As for [`load`], and when the file cannot be written; the old file is then still there.
pub fn rotate(
    path: &Path,
    settings: &CredentialSettings,
    services: &[String],
) -> Result<Ensured, CredentialError> {
    make(path, settings, wanted(services).collect())
}

/// Whether there is any file below the directory of the services' data.
///
/// # Errors
/// When a directory cannot be read.
pub fn holds_data(data: &Path) -> Result<bool, FileError> {
    let mut left = vec![data.to_owned()];
    while let Some(directory) = left.pop() {
        let fail = |error| FileError::new(&directory, FileOperation::Read, error);
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(fail(error)),
        };
        for entry in entries {
            let entry = entry.map_err(fail)?;
            if !entry.file_type().map_err(fail)?.is_dir() {
                return Ok(true);
            }
            left.push(entry.path());
        }
    }
    Ok(false)
}

/// The copy of the credentials before the last change, where there is one that can be used.
pub fn last_good(path: &Path) -> Option<PathBuf> {
    let good = copy_of(path);
    matches!(load(&good), Ok(Some(_))).then_some(good)
}

fn copy_of(path: &Path) -> PathBuf {
    path.with_extension("last-good.json")
}

/// Deletes the credential file and its last good copy; fine when there is none.
///
/// # Errors
/// When either exists and cannot be deleted.
pub fn remove(path: &Path) -> Result<(), CredentialError> {
    file::remove(&copy_of(path))?;
    file::remove(path)?;
    Ok(())
}

fn wanted(services: &[String]) -> impl Iterator<Item = String> {
    let keys = services
        .iter()
        .map(|service| crate::config::api_key_name(service));
    std::iter::once(JWT_SECRET.to_owned()).chain(keys)
}

/// Makes these, in place of those of the same names.
fn make(
    path: &Path,
    settings: &CredentialSettings,
    created: Vec<String>,
) -> Result<Ensured, CredentialError> {
    let mut credentials = load(path)?.unwrap_or_default();
    for name in &created {
        let value = if name == JWT_SECRET {
            base16ct::lower::encode_string(&random(settings.jwt_secret_bits)?)
        } else {
            URL_SAFE_NO_PAD.encode(random(settings.api_key_bits)?)
        };
        credentials.0.insert(name.clone(), Secret(value));
    }
    if !created.is_empty() {
        write(path, &credentials)?;
    }
    Ok(Ensured {
        credentials,
        created,
    })
}

fn write(path: &Path, credentials: &Credentials) -> Result<(), CredentialError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .map_err(|error| FileError::new(directory, FileOperation::CreateDirectory, error))?;
    }
    let plain: BTreeMap<&str, &str> = credentials
        .0
        .iter()
        .map(|(name, secret)| (name.as_str(), secret.expose()))
        .collect();
    let mut text = serde_json::to_vec_pretty(&plain).map_err(CredentialError::Encode)?;
    text.push(b'\n');
    if let Ok(Some(_)) = load(path) {
        file::link_atomic(path, &copy_of(path))?;
    }
    file::write_atomic(path, &text, 0o600)?;
    Ok(())
}

fn random(bits: u32) -> Result<Vec<u8>, CredentialError> {
    let length = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(CredentialError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
