//! Which journals there are, and deleting those that are too old to be kept. The only part of this room that changes anything; called at the end of a run that holds the lock.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use uuid::Uuid;

/// What a journal's name ends in.
const SUFFIX: &str = ".jsonl";

/// The identifiers of the journals in a directory, the newest first; none where there is no directory.
pub(super) fn journals(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if let Some(run) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) {
            runs.push(run.to_owned());
        }
    }
    // Identifiers begin with the time at which they were made.
    runs.sort_unstable_by(|one, other| other.cmp(one));
    Ok(runs)
}

/// Deletes all but the newest `keep` journals and those of the runs in `spared`. A file that chora did not name is none of its journals.
///
/// # Errors
/// What could not be listed, or the first that could not be deleted, with its name; all others are deleted all the same.
pub(crate) fn prune(
    directory: &Path,
    keep: usize,
    spared: &BTreeSet<String>,
) -> Result<(), String> {
    let runs = journals(directory).map_err(|error| error.to_string())?;
    let old = runs
        .iter()
        .filter(|run| Uuid::parse_str(run).is_ok())
        .skip(keep)
        .filter(|run| !spared.contains(*run));
    let mut failed = None;
    for run in old {
        let name = format!("{run}{SUFFIX}");
        match std::fs::remove_file(directory.join(&name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                failed.get_or_insert_with(|| format!("`{name}`: {error}"));
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(number: u32) -> String {
        format!("019a0000-0000-7000-8000-0000000000{number:02}")
    }

    fn directory(runs: &[String]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for run in runs {
            std::fs::write(directory.path().join(format!("{run}.jsonl")), "").unwrap();
        }
        directory
    }

    #[test]
    fn the_newest_and_the_spared_are_kept_and_nothing_foreign_is_touched() {
        let mut runs: Vec<String> = (0..6).map(uuid).collect();
        runs.push("notes".to_owned());
        let directory = directory(&runs);
        std::fs::write(directory.path().join("readme.txt"), "").unwrap();
        let spared = BTreeSet::from([uuid(1)]);

        prune(directory.path(), 2, &spared).unwrap();

        let kept = journals(directory.path()).unwrap();
        assert_eq!(kept, ["notes".to_owned(), uuid(5), uuid(4), uuid(1)]);
        assert!(directory.path().join("readme.txt").exists());
    }

    #[test]
    fn one_that_cannot_be_deleted_is_named_and_keeps_no_other() {
        let directory = directory(&[uuid(0), uuid(2), uuid(3)]);
        std::fs::create_dir(directory.path().join(format!("{}.jsonl", uuid(1)))).unwrap();

        let failed = prune(directory.path(), 1, &BTreeSet::new()).unwrap_err();

        assert!(failed.contains(&uuid(1)), "{failed}");
        assert_eq!(journals(directory.path()).unwrap(), [uuid(3), uuid(1)]);
    }

    #[test]
    fn without_a_directory_there_is_nothing_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let absent = directory.path().join("runs");
        assert!(journals(&absent).unwrap().is_empty());
        prune(&absent, 1, &BTreeSet::new()).unwrap();
    }
}
