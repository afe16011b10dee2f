//! Covers secrets in everything that is printed, also those that are made while the run goes on.

use std::borrow::Cow;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chora_model::credentials::{self, Redactor};

/// The redactors of an environment, kept up with its credential file.
#[derive(Default)]
pub(crate) struct Redaction {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    file: Option<PathBuf>,
    seen: Option<Stamp>,
    // Secrets that were replaced or deleted stay covered: logs still hold them.
    redactors: Vec<Redactor>,
}

/// Tells one version of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Redaction {
    /// From now on covers what this credential file holds, now or later.
    pub(crate) fn follow(&self, file: PathBuf) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.seen = None;
        known.file = Some(file);
    }

    /// The text without secrets.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.refresh();
        let mut text = Cow::Borrowed(text);
        for redactor in &known.redactors {
            if let Cow::Owned(clean) = redactor.redact(&text) {
                text = Cow::Owned(clean);
            }
        }
        text.into_owned()
    }
}

impl Known {
    /// Looks at the file's name and times only, which costs about a microsecond; credentials are made before the first service can say them.
    fn refresh(&mut self) {
        let Some(file) = &self.file else { return };
        let Ok(metadata) = std::fs::metadata(file) else {
            return;
        };
        let stamp = Stamp {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        };
        if self.seen == Some(stamp) {
            return;
        }
        self.seen = Some(stamp);
        // A file that cannot be used is reported by whoever needs it.
        if let Ok(Some(credentials)) = credentials::load(file) {
            self.redactors.push(Redactor::new(&credentials));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn write(path: &std::path::Path, text: &str) {
        let temporary = path.with_extension("new");
        std::fs::write(&temporary, text).unwrap();
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(&temporary, path).unwrap();
    }

    #[test]
    fn secrets_made_later_are_covered_and_replaced_ones_stay_covered() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("credentials.json");
        let redaction = Redaction::default();
        redaction.follow(file.clone());
        assert_eq!(redaction.redact("first-secret-value"), "first-secret-value");
        write(&file, r#"{"api_key_a": "first-secret-value"}"#);
        assert_eq!(redaction.redact("<first-secret-value>"), "<[redacted]>");
        write(&file, r#"{"api_key_a": "second-secret-value"}"#);
        assert_eq!(
            redaction.redact("first-secret-value second-secret-value"),
            "[redacted] [redacted]"
        );
    }
}
