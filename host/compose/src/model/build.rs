//! How an image comes about.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// How a service's image is built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Build {
    /// The directory that is sent to the engine.
    pub context: PathBuf,
    /// The Dockerfile, relative to the context; `Dockerfile` when absent.
    pub dockerfile: Option<PathBuf>,
    /// The Dockerfile's text, instead of a file.
    pub dockerfile_inline: Option<String>,
    /// Build arguments. One without a value is not passed on.
    pub args: BTreeMap<String, String>,
    /// The stage to build.
    pub target: Option<String>,
    /// The network of build steps, `host` or `none`.
    pub network: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Further tags.
    pub tags: Vec<String>,
    /// Images whose layers may be used again.
    pub cache_from: Vec<String>,
    /// Whether nothing of an earlier build is used.
    pub no_cache: bool,
    /// Whether base images are pulled anew.
    pub pull: bool,
    /// Size of `/dev/shm` of build steps in bytes.
    pub shm_size: Option<u64>,
    /// Platforms to build for; at most one.
    pub platforms: Vec<String>,
    /// Lines for `/etc/hosts` of build steps: name and addresses.
    pub extra_hosts: BTreeMap<String, Vec<String>>,
}

/// When a service's image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// At every start.
    Always,
    /// Never: it has to be there.
    Never,
    /// When it is not there.
    Missing,
    /// It is built at every start.
    Build,
    /// When what is there is older than this.
    Every(Duration),
}
