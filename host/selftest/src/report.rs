//! What was tried and what became of it.

use serde::Serialize;

/// What an attack is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A component that is none, is another, or is made to harm whoever reads it.
    Components,
    /// A call that does not end.
    Time,
    /// A call that takes more than its share.
    Room,
    /// A call that crashes.
    Crashes,
    /// A call that does what was not granted.
    Grants,
    /// A request that goes elsewhere than where it may.
    Requests,
    /// Words that steer or fill what shows them.
    Words,
    /// A plan that is none.
    Plans,
    /// A secret that is told on.
    Secrets,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Components,
        Self::Time,
        Self::Room,
        Self::Crashes,
        Self::Grants,
        Self::Requests,
        Self::Words,
        Self::Plans,
        Self::Secrets,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Components => "components",
            Self::Time => "time",
            Self::Room => "room",
            Self::Crashes => "crashes",
            Self::Grants => "grants",
            Self::Requests => "requests",
            Self::Words => "words",
            Self::Plans => "plans",
            Self::Secrets => "secrets",
        }
    }

    /// What its attacks are, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Components => "files that are no plugin, or another one",
            Self::Time => "calls that do not end",
            Self::Room => "calls that take more than their share",
            Self::Crashes => "calls that crash",
            Self::Grants => "host functions that were not granted",
            Self::Requests => "requests to elsewhere, however they are spelled",
            Self::Words => "texts that steer a terminal or fill it",
            Self::Plans => "plans that break a rule",
            Self::Secrets => "a secret, told in every way that a plugin has",
        }
    }
}

/// One attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attack {
    /// What it is after.
    pub kind: Kind,
    /// What was done.
    pub what: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of an attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "how", rename_all = "snake_case")]
pub enum Outcome {
    /// It was stopped, as this says, and the host went on.
    Stopped(String),
    /// It was not stopped, or not as it should have been.
    GotThrough(String),
    /// It could not be tried on this machine.
    Untried(String),
}

impl Outcome {
    /// Whether the attack was tried and stopped.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped(_))
    }
}
