//! Where everything lies: one place that knows the names of chora's files.

use std::path::{Path, PathBuf};

/// The paths of one environment of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The project's directory, absolute.
    pub project: PathBuf,
    /// The environment's name.
    pub environment: String,
    /// Where the environment's files are: `.chora`, or `.chora/environments/NAME` for all but the project's own environment.
    pub home: PathBuf,
}

impl Layout {
    /// The layout of an environment. `own` says that it is the project's own environment, the one whose files lie directly in `.chora`.
    pub fn new(project: &Path, environment: &str, own: bool) -> Self {
        let chora = project.join(".chora");
        let home = if own {
            chora
        } else {
            chora.join("environments").join(environment)
        };
        Self {
            project: project.to_owned(),
            environment: environment.to_owned(),
            home,
        }
    }

    /// The state file.
    pub fn state(&self) -> PathBuf {
        self.home.join("bootstrap-state.json")
    }

    /// The copy of the state file that was good before the newest one.
    pub fn last_good_state(&self) -> PathBuf {
        self.home.join("bootstrap-state.last-good.json")
    }

    /// The credential file, unless the configuration names another.
    pub fn credentials(&self) -> PathBuf {
        self.home.join("credentials.json")
    }

    /// The lock that every changing command takes.
    pub fn lock(&self) -> PathBuf {
        self.home.join("lock")
    }

    /// The components that `chora plugin add` keeps, by their digest: the project's, whatever the environment.
    pub fn plugins(&self) -> PathBuf {
        self.project.join(".chora").join("plugins")
    }

    /// One of these components.
    pub fn plugin(&self, sha256: &str) -> PathBuf {
        self.plugins().join(format!("{sha256}.wasm"))
    }

    /// The signature of one of these components by the key with this id. The id is a part of the name, so that another signature is written beside the one before and not over it.
    pub fn plugin_signature(&self, sha256: &str, key_id: &str) -> PathBuf {
        self.plugins().join(format!("{sha256}.{key_id}.minisig"))
    }

    /// The record of the added plugins.
    pub fn plugin_lock(&self) -> PathBuf {
        self.project.join(".chora").join("plugins.lock")
    }

    /// What every command that changes the added plugins locks.
    pub fn plugin_guard(&self) -> PathBuf {
        self.plugins().join("lock")
    }

    /// The locks of all environments that have one, and of this one.
    ///
    /// # Errors
    /// When the directory of the environments exists and cannot be listed.
    pub fn locks(&self) -> std::io::Result<Vec<PathBuf>> {
        let chora = self.project.join(".chora");
        let mut locks = vec![self.lock(), chora.join("lock")];
        match std::fs::read_dir(chora.join("environments")) {
            Ok(environments) => {
                for environment in environments {
                    locks.push(environment?.path().join("lock"));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        locks.sort();
        locks.dedup();
        locks.retain(|lock| *lock == self.lock() || lock.exists());
        Ok(locks)
    }

    /// Journals, one file per run.
    pub fn runs(&self) -> PathBuf {
        self.home.join("runs")
    }

    /// The journal of one run.
    pub fn journal(&self, run: &str) -> PathBuf {
        self.runs().join(format!("{run}.jsonl"))
    }

    /// The services' logs.
    pub fn logs(&self) -> PathBuf {
        self.home.join("logs")
    }

    /// One service's log.
    pub fn log(&self, service: &str) -> PathBuf {
        self.logs().join(format!("{service}.log"))
    }

    /// Copies of the credentials for containers, a directory for each service that gets one.
    pub fn secrets(&self) -> PathBuf {
        self.home.join("secrets")
    }

    /// The services' data.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// One service's data.
    pub fn service_data(&self, service: &str) -> PathBuf {
        self.data().join(service)
    }

    /// The Docker Engines on which plugins made something, a line each.
    pub fn one_offs(&self) -> PathBuf {
        self.home.join("one-offs")
    }

    /// What the process engine remembers of the processes that it started.
    pub fn processes(&self) -> PathBuf {
        self.home.join("processes")
    }
}
