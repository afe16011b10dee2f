//! What can happen in a run besides its steps, and host calls counted.

use chora_model::event::HostCall;
use serde::Serialize;

use super::plugin_of;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// When, in milliseconds since the run began.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub said: Said,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Said {
    /// Something that belongs to no step.
    Notice {
        /// One sentence.
        message: String,
    },
    /// What a step was doing.
    Doing {
        /// In a few words.
        message: String,
    },
    /// A line that a plugin logged.
    Log {
        /// `debug`, `info` or `warning`.
        level: String,
        /// The line.
        message: String,
    },
    /// A wait for a service's health ended.
    Waited(Waited),
    /// A host call was refused.
    Denied(Denied),
}

/// A wait for health.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waited {
    /// The service.
    pub service: String,
    /// Whether it was declared healthy.
    pub healthy: bool,
    /// How long it was waited for.
    pub waited_ms: u64,
    /// How many probes were made.
    pub probes: u32,
    /// How many of them failed and were repeated.
    pub failed_probes: u32,
    /// From the first successful answer to the end, in microseconds.
    pub confirm_us: Option<u64>,
    /// Why the wait was in vain.
    pub reason: Option<String>,
}

/// Host calls, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// How many were allowed.
    pub allowed: usize,
    /// How many were planned only.
    pub planned: usize,
    /// How many were refused.
    pub denied: usize,
    /// Bytes that went in and came out.
    pub bytes: u64,
    /// How long they took together, in microseconds.
    pub duration_us: u64,
}

/// A refused host call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denied {
    /// The plugin.
    pub plugin: String,
    /// The step or plugin that called.
    pub caller: String,
    /// `interface.function`.
    pub function: String,
    /// What it was to act on.
    pub target: String,
    /// The grant that would have allowed it; nothing when no grant does, as while planning.
    pub needed: Option<String>,
}

impl Calls {
    /// Counts one.
    pub(in crate::history) fn count(&mut self, call: &HostCall) {
        let counter = match call.decision.as_str() {
            "denied" => &mut self.denied,
            "planned" => &mut self.planned,
            _ => &mut self.allowed,
        };
        *counter += 1;
        self.bytes = self.bytes.saturating_add(call.bytes);
        self.duration_us = self.duration_us.saturating_add(call.duration_us);
    }

    /// How many there were.
    pub fn total(&self) -> usize {
        self.allowed + self.planned + self.denied
    }
}

impl Denied {
    pub(super) fn of(call: &HostCall) -> Self {
        Self {
            plugin: plugin_of(&call.caller).to_owned(),
            caller: call.caller.clone(),
            function: call.function.clone(),
            target: call.target.clone(),
            needed: call.needed.clone(),
        }
    }
}
