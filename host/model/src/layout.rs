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

    /// The services' data.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// One service's data.
    pub fn service_data(&self, service: &str) -> PathBuf {
        self.data().join(service)
    }

    /// What the process engine remembers of the processes that it started.
    pub fn processes(&self) -> PathBuf {
        self.home.join("processes")
    }
}
