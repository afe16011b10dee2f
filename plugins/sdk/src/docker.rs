//! One-off containers, images, networks and volumes on the Docker Engine, whichever engine runs the services. Grants: `docker=KIND/NAME:VERB+VERB`; each function names its verb.
//!
//! A plugin that loads a dump into a database of its own, with a volume for it:
//!
//! ```no_run
//! use chora_plugin::docker::{self, OneOff};
//! use chora_plugin::{Error, Failure};
//!
//! # fn main() -> Result<(), Error> {
//! // docker=image/postgres:16:pull
//! docker::pull_image("postgres:16")?;
//! // docker=volume/shop-dump:create
//! docker::ensure_volume("shop-dump")?;
//! // docker=container/shop-restore:run(postgres:16), docker=volume/shop-dump:mount, docker=network/shop:join
//! let restored = OneOff::new("shop-restore", "postgres:16")
//!     .command(["pg_restore", "--host", "shop-db", "/dump/shop"])
//!     .volume("shop-dump", "/dump")
//!     .network("shop")
//!     .run(60_000)?;
//! if !restored.is_success() {
//!     return Err(Failure::new(format!("the dump was not restored: {}", restored.problem())).into());
//! }
//! # Ok(())
//! # }
//! ```

use crate::bindings::imports::chora::bootstrap::docker as imported;

pub use imported::{
    BindMount, Container, EngineVersion, Error, Exit, Health, HostNamespaces, ImageFacts,
    NetworkFacts, OneOff, Output, State, VolumeFacts, VolumeMount, ensure_network, ensure_volume,
    exec, image, inspect, logs, network, pull_image, remove, remove_image, remove_network,
    remove_volume, run, start, stop, version, volume, wait,
};

use crate::Change;

impl OneOff {
    /// A container of an image, closed in every way: without network, volumes and paths of the machine, and without capabilities.
    pub fn new(name: impl Into<String>, image: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            image: image.into(),
            entrypoint: None,
            command: Vec::new(),
            environment: Vec::new(),
            user: None,
            working_directory: None,
            read_only: false,
            memory: None,
            networks: Vec::new(),
            volumes: Vec::new(),
            binds: Vec::new(),
            capabilities: Vec::new(),
            privileged: false,
            host: HostNamespaces::empty(),
        }
    }

    /// In place of the image's entrypoint.
    #[must_use]
    pub fn entrypoint<T: Into<String>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.entrypoint = Some(words.into_iter().map(Into::into).collect());
        self
    }

    /// In place of the image's command.
    #[must_use]
    pub fn command<T: Into<String>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.command = words.into_iter().map(Into::into).collect();
        self
    }

    /// One more variable. No place for a secret: everybody who may look at the container can read it.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// In place of the image's user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Lets its root file system be read only.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// How much memory it may use, in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// One more network. Grant verb `join`.
    #[must_use]
    pub fn network(mut self, name: impl Into<String>) -> Self {
        self.networks.push(name.into());
        self
    }

    /// One more volume, to read and write. Grant verb `mount`.
    #[must_use]
    pub fn volume(mut self, volume: impl Into<String>, target: impl Into<String>) -> Self {
        self.volumes.push(VolumeMount {
            volume: volume.into(),
            target: target.into(),
            read_only: false,
        });
        self
    }

    /// One more path of the machine, to read. Grant verb `bind-read-only(PATH)` on the container.
    #[must_use]
    pub fn bind_read_only(mut self, source: impl Into<String>, target: impl Into<String>) -> Self {
        self.binds.push(BindMount {
            source: source.into(),
            target: target.into(),
            read_only: true,
        });
        self
    }

    /// Runs it to its end within so many milliseconds, captures what it prints, and removes it. Grant verb `run(IMAGE)`.
    ///
    /// # Errors
    /// Whatever [`run`] answers; an exit code other than 0 is none.
    pub fn run(&self, timeout: u64) -> Result<Output, Error> {
        imported::run(self, None, timeout)
    }

    /// Sees to it that it runs, and stays. Grant verb `start(IMAGE)`.
    ///
    /// # Errors
    /// Whatever [`start`] answers.
    pub fn start(&self) -> Result<Change, Error> {
        imported::start(self)
    }
}

impl Output {
    /// Whether it ended by itself and with 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.exit.code == Some(0)
    }

    /// What went wrong, in one line: how it ended, and the last line of what it complained.
    #[must_use]
    pub fn problem(&self) -> String {
        let ended = match self.exit {
            Exit {
                out_of_memory: true,
                ..
            } => "it ran out of memory".to_owned(),
            Exit {
                code: Some(code), ..
            } => format!("exit code {code}"),
            Exit { code: None, .. } => "unknown exit code".to_owned(),
        };
        let said = String::from_utf8_lossy(&self.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        last.map_or_else(|| ended.clone(), |last| format!("{ended}, {}", last.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, HostNamespaces, OneOff, Output};

    #[test]
    fn a_container_is_closed_until_it_is_opened() {
        let one = OneOff::new("a-b", "a:1");
        assert!(one.networks.is_empty() && one.binds.is_empty() && one.capabilities.is_empty());
        assert!(!one.privileged && one.host == HostNamespaces::empty());
        let one = one.command(["x", "y"]).bind_read_only("/srv", "/a");
        assert_eq!(one.command, ["x", "y"]);
        assert!(one.binds[0].read_only);
    }

    #[test]
    fn a_problem_is_one_line() {
        let output = |code, out_of_memory, stderr: &str| Output {
            exit: Exit {
                code,
                out_of_memory,
            },
            stdout: Vec::new(),
            stderr: stderr.as_bytes().to_vec(),
        };
        assert!(output(Some(0), false, "a warning").is_success());
        let failed = output(Some(3), false, "one\ntwo\n\n");
        assert_eq!(failed.problem(), "exit code 3, two");
        assert_eq!(
            output(Some(137), true, "").problem(),
            "it ran out of memory"
        );
    }
}
