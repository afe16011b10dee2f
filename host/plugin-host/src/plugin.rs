//! A loaded plugin: compiled, linked and described, ready to be called any number of times.

use crate::bindings::health_check::HealthPluginPre;
use crate::bindings::imports::chora::bootstrap::types as wit;
use crate::bindings::phase::PhasePluginPre;
use crate::call::CallState;
use crate::output::clean_line;

/// The WIT package that this chora serves, with its version.
pub const WIT: &str = "chora:bootstrap@0.1.0";

/// What a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginKind {
    /// It exports `phase`.
    Phase,
    /// It exports `health-check`.
    Health,
}

impl PluginKind {
    /// Its world, as the WIT calls it.
    pub fn world(self) -> &'static str {
        match self {
            Self::Phase => "phase-plugin",
            Self::Health => "health-plugin",
        }
    }
}

impl std::fmt::Display for PluginKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Phase => "phase plugin",
            Self::Health => "health plugin",
        })
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
    /// The WIT package of its world, with the version that it was made for.
    pub wit: String,
    /// The interfaces that it imports, in order, with their versions.
    pub imports: Vec<String>,
    /// The interfaces that it exports, in order, with their versions.
    pub exports: Vec<String>,
    /// What it says of itself.
    pub metadata: Metadata,
    pub(crate) pre: Pre,
}

/// A component with its imports resolved, by world.
pub(crate) enum Pre {
    Phase(PhasePluginPre<CallState>),
    Health(HealthPluginPre<CallState>),
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
