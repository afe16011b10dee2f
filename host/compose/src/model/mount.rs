//! What connects a container with its host: mounts and published ports.

use serde::Serialize;

/// Something that is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// The absolute path inside.
    pub target: String,
    /// Whether it cannot be written to.
    pub read_only: bool,
    /// What is mounted.
    pub kind: MountKind,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MountKind {
    /// A file or directory of the host.
    Bind(Bind),
    /// A named volume: a key of [`crate::Project::volumes`].
    Volume {
        /// The key; absent is an anonymous volume.
        source: Option<String>,
        /// Whether what the image has at the target is not copied into an empty volume.
        nocopy: bool,
        /// The directory of the volume that is mounted instead of its root.
        subpath: Option<String>,
    },
    /// Memory.
    Tmpfs(Tmpfs),
}

/// A file or directory of the host that is mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bind {
    /// The absolute path on the host.
    pub source: String,
    /// How mounts below it spread.
    pub propagation: Option<Propagation>,
    /// Whether a missing directory is made.
    pub create_host_path: bool,
    /// `z` or `Z`: the SELinux label is changed.
    pub selinux: Option<String>,
    /// `enabled`, `disabled`, `writable` or `readonly`: whether mounts below the source come along.
    pub recursive: Option<String>,
}

/// How mounts below a bind mount spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// Not at all.
    Private,
    /// Not at all, nor those below.
    Rprivate,
    /// Both ways.
    Shared,
    /// Both ways, and those below.
    Rshared,
    /// From the host to the container.
    Slave,
    /// From the host to the container, and those below.
    Rslave,
}

/// A file system in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tmpfs {
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its permission bits.
    pub mode: Option<u32>,
    /// Options as `mount` knows them, from `tmpfs: /run:uid=1000,noexec`; engines take them only outside the list of mounts.
    pub options: Option<String>,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// The port inside.
    pub target: u16,
    /// The transport.
    pub protocol: Protocol,
    /// The address on the host; all of them when absent.
    pub host_ip: Option<String>,
    /// The port on the host, or a range out of which the engine takes a free one; absent takes any.
    pub published: Option<PortRange>,
}

/// Ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last; the same as the first for a single port.
    pub last: u16,
}

impl PortRange {
    /// A single port.
    pub fn one(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }
}

/// As the engine writes it: `8080` or `8000-8010`.
impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// A transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// As the engine writes it: `8080/tcp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}
