//! Another implementation of Compose, to be measured beside chora on the same file.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

/// Names the program, where it is not found by itself.
const VARIABLE: &str = "CHORA_BENCH_COMPOSE";
/// The first version that waits for health.
const FIRST: u32 = 2;

/// A Docker Compose.
pub(super) struct Peer {
    words: Vec<OsString>,
    version: String,
}

impl Peer {
    /// The one that is named, or one that is installed; else why there is none, in a sentence.
    pub(super) fn find() -> Result<Self, String> {
        let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
        let candidates: Vec<Vec<OsString>> = match named {
            Some(path) => vec![vec![path]],
            None => vec![
                vec!["docker".into(), "compose".into()],
                vec!["docker-compose".into()],
            ],
        };
        let mut seen = None;
        for words in candidates {
            let Some(version) = version(&words) else {
                continue;
            };
            if major(&version).is_some_and(|major| major >= FIRST) {
                return Ok(Self { words, version });
            }
            seen = Some(version);
        }
        Err(match seen {
            Some(version) => format!("Docker Compose {version} cannot wait for health"),
            None => format!(
                "no Docker Compose answers here; its path in `{VARIABLE}` adds the comparison"
            ),
        })
    }

    /// As it is called in the figures.
    pub(super) fn name(&self) -> String {
        format!("docker compose {}", self.version)
    }

    /// A command on a project of this name and file.
    pub(super) fn command(&self, project: &str, file: &Path, words: &[&str]) -> Command {
        let mut command = of(&self.words);
        command
            .args([OsStr::new("--project-name"), OsStr::new(project)])
            .arg("--file")
            .arg(file)
            .args(words);
        command
    }
}

fn of(words: &[OsString]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(
        words
            .next()
            .map_or(OsStr::new("docker"), OsString::as_os_str),
    );
    command.args(words);
    command
}

fn version(words: &[OsString]) -> Option<String> {
    let mut command = of(words);
    command.args(["version", "--short"]).stdin(Stdio::null());
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.trim().trim_start_matches('v');
    (output.status.success() && !version.is_empty()).then(|| version.to_owned())
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_first_number() {
        assert_eq!(major("2.40.3"), Some(2));
        assert_eq!(major("dev"), None);
        assert_eq!(version(&["no-such-compose-anywhere".into()]), None);
        assert_eq!(version(&["true".into()]), None);
    }
}
