//! A directory of its own for an attack, with all that works in it. Gone with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Error;

/// How often what works in a place is killed and the place removed: one that is killed may have started another before.
const ROUNDS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// The directory of a project. What still works in it when it is dropped is killed.
pub(crate) struct Place(TempDir);

/// What a project consists of: its files with their contents, and the processes that work in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    files: BTreeMap<PathBuf, Vec<u8>>,
    processes: Vec<Pid>,
}

impl Place {
    /// A project with this configuration.
    pub(crate) fn new(config: &str) -> Result<Self, Error> {
        let directory = tempfile::tempdir().map_err(Error::io("make a directory"))?;
        let place = Self(directory);
        place.write(".chora/bootstrap-config.yml", config.as_bytes())?;
        Ok(place)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path().join(name);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        written
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(Error::io(format!("write `{}`", path.display())))
    }

    /// All of it. A directory is a file without contents.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot {
            files: self.files()?,
            processes: self.processes(),
        })
    }

    pub(crate) fn files(&self) -> Result<BTreeMap<PathBuf, Vec<u8>>, Error> {
        let failed = |path: &Path| Error::io(format!("read `{}`", path.display()));
        let mut files = BTreeMap::new();
        let mut left = vec![self.path().to_owned()];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                for entry in std::fs::read_dir(&path).map_err(failed(&path))? {
                    left.push(entry.map_err(failed(&path))?.path());
                }
                files.insert(path, Vec::new());
            } else {
                let content = std::fs::read(&path).map_err(failed(&path))?;
                files.insert(path, content);
            }
        }
        Ok(files)
    }

    /// The processes that work in the project.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let Ok(project) = self.path().canonicalize() else {
            return Vec::new();
        };
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut ours: Vec<Pid> = pids
            .filter(|pid| {
                let directory = std::fs::read_link(format!("/proc/{pid}/cwd"));
                directory.is_ok_and(|directory| directory.starts_with(&project))
            })
            .filter_map(Pid::from_raw)
            .collect();
        ours.sort_unstable_by_key(|pid| pid.as_raw_nonzero());
        ours
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for _ in 0..ROUNDS {
            let left = self.processes();
            let is_quiet = left.is_empty();
            for pid in left {
                // It may have ended by itself since.
                let _ended = kill_process(pid, Signal::KILL);
            }
            // An engine that hears of a service's end still writes it down here, which keeps a directory from being removed.
            if is_quiet && std::fs::remove_dir_all(self.path()).is_ok() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}
