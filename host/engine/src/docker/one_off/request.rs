//! A one-off container as it is asked for: plain data.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A container that is to be made. What is not said is as closed as the engine can have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OneOff {
    /// Its name on the engine.
    pub name: String,
    /// The plugin that asks for it.
    pub plugin: String,
    /// The image, with its tag or digest. It has to be there.
    pub image: String,
    /// In place of the image's own; an empty list means none.
    pub entrypoint: Option<Vec<String>>,
    /// In place of the image's own command; empty means the image's.
    pub command: Vec<String>,
    /// Variables besides the image's.
    pub environment: BTreeMap<String, String>,
    /// In place of the image's user.
    pub user: Option<String>,
    /// In place of the image's directory.
    pub working_directory: Option<String>,
    /// Whether its root file system may only be read.
    pub read_only: bool,
    /// How much memory it may use, in bytes.
    pub memory: u64,
    /// Networks of this environment that it joins, and `bridge` for the engine's own; none means that it has no network.
    pub networks: Vec<String>,
    /// Volumes of this environment that it sees.
    pub volumes: Vec<Mounted>,
    /// Paths of the engine's machine that it sees.
    pub binds: Vec<Bind>,
    /// What it may do beyond that.
    pub privileges: Privileges,
}

/// A volume in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mounted {
    /// The volume's name.
    pub volume: String,
    /// Where it is in the container.
    pub target: String,
    /// Whether it may only be read.
    pub read_only: bool,
}

/// A path of the machine in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bind {
    /// The path, without links in it.
    pub source: String,
    /// Where it is in the container.
    pub target: String,
    /// Whether it may only be read.
    pub read_only: bool,
}

/// What breaks a container's bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Privileges {
    /// Everything.
    pub privileged: bool,
    /// Capabilities of the kernel, without `CAP_`.
    pub capabilities: Vec<String>,
    /// Namespaces that it shares with the machine.
    pub host: HostNamespaces,
}

/// Namespaces that are the machine's and not the container's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a namespace of its own"
)]
pub struct HostNamespaces {
    /// Its network.
    pub network: bool,
    /// Its processes.
    pub pid: bool,
    /// Its shared memory.
    pub ipc: bool,
    /// Its host name.
    pub uts: bool,
    /// Its users.
    pub user: bool,
    /// Its control groups.
    pub cgroup: bool,
}

impl OneOff {
    /// SHA-256 of all that, hex: two with the same digest are the same container.
    pub(super) fn digest(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        base16ct::lower::encode_string(&Sha256::digest(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_has_another_digest() {
        let one = OneOff {
            name: "chora-a".to_owned(),
            command: vec!["a".to_owned(), "b".to_owned()],
            ..OneOff::default()
        };
        let joined = OneOff {
            command: vec!["a b".to_owned()],
            ..one.clone()
        };
        let privileged = OneOff {
            privileges: Privileges {
                privileged: true,
                ..Privileges::default()
            },
            ..one.clone()
        };
        assert_eq!(one.digest(), one.clone().digest());
        assert_ne!(one.digest(), joined.digest());
        assert_ne!(one.digest(), privileged.digest());
    }
}
