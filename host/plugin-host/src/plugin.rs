//! A loaded plugin: compiled, linked and described, ready to be called any number of times.

use crate::bindings::health_check::HealthPluginPre;
use crate::bindings::imports::chora::bootstrap::types as wit;
use crate::bindings::observer::ObserverPluginPre;
use crate::bindings::phase::PhasePluginPre;
use crate::call::CallState;
use crate::host::Pooled;
use crate::output::clean_line;

/// How the names of all interfaces of chora's WIT package begin.
pub(crate) const PACKAGE: &str = "chora:bootstrap/";
/// The versions of the package that this chora serves, the newest last. Within `0.1` a version only adds to the one before it, so there is one implementation for all: what an older version
/// may call is checked like every call.
pub const VERSIONS: &[&str] = &["0.1.0", "0.1.1"];

/// The package in the versions that this chora serves, in words.
pub fn served() -> String {
    let versions: Vec<String> = VERSIONS
        .iter()
        .map(|version| format!("`chora:bootstrap@{version}`"))
        .collect();
    versions.join(" and ")
}

/// What a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginKind {
    /// It exports `phase`.
    Phase,
    /// It exports `health-check`.
    Health,
    /// It exports `observer`.
    Observer,
}

impl PluginKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Phase, Self::Health, Self::Observer];

    /// Its world, as the WIT calls it.
    pub fn world(self) -> &'static str {
        match self {
            Self::Phase => "phase-plugin",
            Self::Health => "health-plugin",
            Self::Observer => "observer-plugin",
        }
    }

    /// One of this kind, in words.
    pub fn one(self) -> &'static str {
        match self {
            Self::Phase => "a phase plugin",
            Self::Health => "a health plugin",
            Self::Observer => "an observer",
        }
    }

    /// The kind whose world is called so.
    pub fn of_world(world: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.world() == world)
    }

    /// The interface that it exports.
    pub fn interface(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Health => "health-check",
            Self::Observer => "observer",
        }
    }
}

impl std::fmt::Display for PluginKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = self.one();
        f.write_str(one.split_once(' ').map_or(one, |(_, name)| name))
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Its own name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// What it asks for.
    pub grants: Vec<GrantRequest>,
}

/// A permission that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRequest {
    /// The grant, as it would be written.
    pub grant: String,
    /// The author's reason.
    pub reason: String,
}

impl From<wit::Metadata> for Metadata {
    fn from(said: wit::Metadata) -> Self {
        Self {
            name: clean_line(&said.name, 64),
            version: clean_line(&said.version, 64),
            summary: clean_line(&said.summary, 500),
            grants: said
                .grants
                .iter()
                .map(|request| GrantRequest {
                    grant: clean_line(&request.grant, 500),
                    reason: clean_line(&request.reason, 500),
                })
                .collect(),
        }
    }
}

/// A loaded plugin.
pub struct Plugin {
    /// The name that the configuration gives it.
    pub name: String,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// What it is.
    pub kind: PluginKind,
    /// The WIT package of its world, with the version that it was made for, for example `chora:bootstrap@0.1.0`.
    pub wit: String,
    /// The interfaces that it imports functions of, in order, with their versions. Those that it has only types of let it do nothing.
    pub imports: Vec<String>,
    /// The interfaces that it exports, in order, with their versions.
    pub exports: Vec<String>,
    /// What it says of itself.
    pub metadata: Metadata,
    pub(crate) pre: Pre,
    /// Of a health plugin.
    pub(crate) pooled: Pooled,
}

impl Plugin {
    /// Whether it has come into the pool, where a health plugin that is called often gets what it needs from the calls before.
    pub fn is_pooled(&self) -> bool {
        self.pooled.is_there()
    }
}

/// A component with its imports resolved, by world.
pub(crate) enum Pre {
    Phase(PhasePluginPre<CallState>),
    Health(HealthPluginPre<CallState>),
    Observer(ObserverPluginPre<CallState>),
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
