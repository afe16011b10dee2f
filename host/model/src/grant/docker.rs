//! The scope of a `docker` grant: what on a Docker Engine, by the pattern of its name, and what may be done with it.
//!
//! What opens a container's bounds is a verb of its own, needed besides `run` or `start`, so that no grant opens one unsaid.

pub(super) mod parse;
mod wish;

use super::image::covers_image;
use super::parse::plus;
use super::select::matches_pattern;

/// What a `docker` grant covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerScope {
    /// `engine:version`.
    Engine,
    /// `container/PATTERN:VERB+VERB`.
    Containers(String, Vec<ContainerVerb>),
    /// `image/PATTERN:VERB+VERB`.
    Images(String, Vec<ImageVerb>),
    /// `network/PATTERN:VERB+VERB`.
    Networks(String, Vec<NetworkVerb>),
    /// `volume/PATTERN:VERB+VERB`.
    Volumes(String, Vec<VolumeVerb>),
}

/// What may be done with a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerVerb {
    /// See what it is and does, and wait for its end.
    Inspect,
    /// Read its log.
    Logs,
    /// Run this program in it.
    Exec(String),
    /// Make one of this image for one run.
    Run(String),
    /// Make one of this image that stays.
    Start(String),
    /// Stop it.
    Stop,
    /// Remove it.
    Remove,
    /// Give it this path of the machine, or one below.
    Bind(String),
    /// Give it this path of the machine, or one below, to read.
    BindReadOnly(String),
    /// Give it the engine's socket, with which it can do everything.
    Socket,
    /// Run it privileged.
    Privileged,
    /// Give it a capability of the kernel.
    Capability(String),
    /// Let it share a namespace with the machine.
    Host(Namespace),
}

/// A namespace of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// Its network.
    Network,
    /// Its processes.
    Pid,
    /// Its shared memory.
    Ipc,
    /// Its host name.
    Uts,
    /// Its users.
    User,
    /// Its control groups.
    Cgroup,
}

/// What may be done with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageVerb {
    /// See what it is.
    Inspect,
    /// Get it from its registry.
    Pull,
    /// Remove it.
    Remove,
}

/// What may be done with a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkVerb {
    /// See what it is.
    Inspect,
    /// Make it.
    Create,
    /// Remove it.
    Remove,
    /// Put a container into it.
    Join,
}

/// What may be done with a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeVerb {
    /// See what it is.
    Inspect,
    /// Make it.
    Create,
    /// Remove it.
    Remove,
    /// Give it to a container.
    Mount,
    /// Give it to a container, to read.
    MountReadOnly,
}

/// Something that a plugin is about to do on a Docker Engine.
#[derive(Debug, Clone, PartialEq)]
pub enum DockerAccess<'a> {
    /// Ask for its version.
    Engine,
    /// A verb on a container.
    Container(&'a str, ContainerVerb),
    /// A verb on an image.
    Image(&'a str, ImageVerb),
    /// A verb on a network.
    Network(&'a str, NetworkVerb),
    /// A verb on a volume.
    Volume(&'a str, VolumeVerb),
}

impl DockerScope {
    /// Its verbs, as they are written.
    pub(super) fn verbs(&self) -> Vec<String> {
        match self {
            Self::Engine => Vec::new(),
            Self::Containers(_, verbs) => verbs.iter().map(ToString::to_string).collect(),
            Self::Images(_, verbs) => verbs.iter().map(ToString::to_string).collect(),
            Self::Networks(_, verbs) => verbs.iter().map(ToString::to_string).collect(),
            Self::Volumes(_, verbs) => verbs.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether this covers the access.
    pub(super) fn covers(&self, access: &DockerAccess<'_>) -> bool {
        match (self, access) {
            (Self::Engine, DockerAccess::Engine) => true,
            (Self::Containers(pattern, verbs), DockerAccess::Container(name, verb)) => {
                matches_pattern(pattern, name)
                    && verbs
                        .iter()
                        .any(|granted| granted.covers(verb, covers_image))
            }
            (Self::Images(pattern, verbs), DockerAccess::Image(name, verb)) => {
                covers_image(pattern, name) && verbs.contains(verb)
            }
            // The engine's own network is nobody's, and is meant only where it is named.
            (Self::Networks(pattern, verbs), DockerAccess::Network("bridge", verb)) => {
                pattern == "bridge" && verbs.contains(verb)
            }
            (Self::Networks(pattern, verbs), DockerAccess::Network(name, verb)) => {
                matches_pattern(pattern, name) && verbs.contains(verb)
            }
            (Self::Volumes(pattern, verbs), DockerAccess::Volume(name, verb)) => {
                let read = *verb == VolumeVerb::MountReadOnly;
                let granted = verbs.contains(verb) || (read && verbs.contains(&VolumeVerb::Mount));
                matches_pattern(pattern, name) && granted
            }
            (
                Self::Engine
                | Self::Containers(..)
                | Self::Images(..)
                | Self::Networks(..)
                | Self::Volumes(..),
                _,
            ) => false,
        }
    }
}

impl ContainerVerb {
    /// Whether this covers the verb that is asked for, with that way to compare images.
    fn covers(&self, asked: &Self, covers_image: fn(&str, &str) -> bool) -> bool {
        match (self, asked) {
            (Self::Run(pattern), Self::Run(image)) | (Self::Start(pattern), Self::Start(image)) => {
                covers_image(pattern, image)
            }
            (Self::Bind(granted), Self::Bind(path) | Self::BindReadOnly(path))
            | (Self::BindReadOnly(granted), Self::BindReadOnly(path)) => {
                std::path::Path::new(path).starts_with(granted)
            }
            _ => self == asked,
        }
    }
}

/// Whether this is a path that can be granted: absolute, in one spelling only, and without what the grammar of grants is made of.
pub fn is_plain_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    let part = |part: &str| !matches!(part, "" | "." | "..");
    is_plain_word(path) && (rest.is_empty() || rest.split('/').all(part))
}

/// Whether this is a word that can stand between the parentheses of a grant.
pub fn is_plain_word(word: &str) -> bool {
    !word.is_empty()
        && !word
            .chars()
            .any(|c| c.is_control() || matches!(c, '(' | ')'))
}

/// Whether this is a capability of the kernel, or `ALL`, as Docker writes it.
pub fn is_kernel_capability(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with("CAP_")
        && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

impl std::fmt::Display for DockerScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine => f.write_str("engine:version"),
            Self::Containers(name, verbs) => write!(f, "container/{name}:{}", plus(verbs)),
            Self::Images(name, verbs) => write!(f, "image/{name}:{}", plus(verbs)),
            Self::Networks(name, verbs) => write!(f, "network/{name}:{}", plus(verbs)),
            Self::Volumes(name, verbs) => write!(f, "volume/{name}:{}", plus(verbs)),
        }
    }
}

impl std::fmt::Display for DockerAccess<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine => f.write_str("engine:version"),
            Self::Container(name, verb) => write!(f, "container/{name}:{verb}"),
            Self::Image(name, verb) => write!(f, "image/{name}:{verb}"),
            Self::Network(name, verb) => write!(f, "network/{name}:{verb}"),
            Self::Volume(name, verb) => write!(f, "volume/{name}:{verb}"),
        }
    }
}

impl std::fmt::Display for ContainerVerb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inspect => f.write_str("inspect"),
            Self::Logs => f.write_str("logs"),
            Self::Exec(program) => write!(f, "exec({program})"),
            Self::Run(image) => write!(f, "run({image})"),
            Self::Start(image) => write!(f, "start({image})"),
            Self::Stop => f.write_str("stop"),
            Self::Remove => f.write_str("remove"),
            Self::Bind(path) => write!(f, "bind({path})"),
            Self::BindReadOnly(path) => write!(f, "bind-read-only({path})"),
            Self::Socket => f.write_str("socket"),
            Self::Privileged => f.write_str("privileged"),
            Self::Capability(name) => write!(f, "capability({name})"),
            Self::Host(namespace) => write!(f, "host-{namespace}"),
        }
    }
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Pid => "pid",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::User => "user",
            Self::Cgroup => "cgroup",
        })
    }
}

impl std::fmt::Display for ImageVerb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inspect => "inspect",
            Self::Pull => "pull",
            Self::Remove => "remove",
        })
    }
}

impl std::fmt::Display for NetworkVerb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inspect => "inspect",
            Self::Create => "create",
            Self::Remove => "remove",
            Self::Join => "join",
        })
    }
}

impl std::fmt::Display for VolumeVerb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inspect => "inspect",
            Self::Create => "create",
            Self::Remove => "remove",
            Self::Mount => "mount",
            Self::MountReadOnly => "mount-read-only",
        })
    }
}
