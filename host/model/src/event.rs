//! What the rest of the program hears of a run. Renderers, the journal, the state and metrics are all subscribers of this one enum; nothing prints from inside the work.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::plan::{Change, StepKey};

/// A duration in whole milliseconds, as events have them.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What kind of work is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// `chora bootstrap`.
    Bootstrap,
    /// `chora rollback`.
    Rollback,
    /// `chora reset`.
    Reset,
    /// `chora validate`.
    Validate,
}

/// How a run, phase or step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Everything holds.
    Succeeded,
    /// Something failed.
    Failed,
    /// It was interrupted before its end.
    Interrupted,
    /// It was left out.
    Skipped,
}

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Wall-clock time, UTC.
    pub at: Timestamp,
    /// Milliseconds since the run began, on a monotonic clock.
    pub elapsed_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The run begins.
    RunStarted {
        /// The run's identifier.
        run: String,
        /// What is being done.
        kind: RunKind,
        /// The environment.
        environment: String,
        /// The engine that runs the services, by name.
        engine: String,
        /// True when nothing will be changed.
        dry_run: bool,
        /// The run that this one goes on from, where it ended early.
        resumes: Option<String>,
    },
    /// Something that a person should know and that belongs to no step.
    Notice {
        /// One sentence.
        message: String,
    },
    /// A phase begins.
    PhaseStarted {
        /// Its number.
        phase: u8,
        /// Its name.
        name: String,
        /// How many steps it has.
        steps: usize,
        /// Whether its steps are undone.
        #[serde(default)]
        undo: bool,
    },
    /// A phase has ended.
    PhaseFinished {
        /// Its number.
        phase: u8,
        /// How it ended.
        ending: Ending,
        /// How long it took.
        duration_ms: u64,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: StepKey,
        /// Its phase.
        phase: u8,
        /// What a person reads.
        title: String,
        /// The service that it is about.
        service: Option<String>,
    },
    /// What a step is doing now.
    StepDoing {
        /// Which.
        step: StepKey,
        /// In a few words.
        what: String,
    },
    /// A line that a plugin logged.
    StepLog {
        /// Which.
        step: StepKey,
        /// `debug`, `info` or `warning`.
        level: String,
        /// The line, without control characters.
        message: String,
    },
    /// A step has ended.
    StepFinished {
        /// Which.
        step: StepKey,
        /// Its phase.
        phase: u8,
        /// What a person reads.
        title: String,
        /// How it ended.
        ending: Ending,
        /// Whether it changed anything, when it succeeded.
        change: Option<Change>,
        /// One line of what it did.
        summary: String,
        /// Things that deserve attention.
        warnings: Vec<String>,
        /// How long it took.
        duration_ms: u64,
        /// Why it failed.
        failure: Option<Box<Failure>>,
    },
    /// A service was declared healthy.
    ServiceHealthy {
        /// Which.
        service: String,
        /// The step that waited for it.
        #[serde(default)]
        step: Option<StepKey>,
        /// How long it was waited for.
        waited_ms: u64,
        /// How many probes it took.
        probes: u32,
        /// How many of them failed and were repeated.
        #[serde(default)]
        failed_probes: u32,
        /// Time from its first successful answer to this event, in microseconds.
        confirm_us: u64,
    },
    /// A service was waited for in vain.
    ServiceNotHealthy {
        /// Which.
        service: String,
        /// The step that waited for it.
        step: Option<StepKey>,
        /// How long it was waited for.
        waited_ms: u64,
        /// How many probes were made.
        probes: u32,
        /// How many of them failed.
        failed_probes: u32,
        /// Why the wait ended, one sentence.
        reason: String,
    },
    /// A plugin called the host: one line of the ledger. Never holds a secret.
    HostCall(HostCall),
    /// A plugin was called outside of steps.
    PluginCalled(PluginCalled),
    /// The run has ended. Always the last event.
    RunFinished(Box<Summary>),
}

/// One line of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostCall {
    /// The step or call it was made from, `PLUGIN/ID` or `PLUGIN`.
    pub caller: String,
    /// SHA-256 of the plugin's component, hex.
    pub digest: String,
    /// `interface.function`.
    pub function: String,
    /// The arguments that matter for the grant, for example `manifest` or `GET http://localhost:8500/v1/services`.
    pub target: String,
    /// The grant that allowed it.
    pub grant: Option<String>,
    /// `allowed`, `denied`, or `planned` in a dry run.
    pub decision: String,
    /// The grant that would have allowed it, where one was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<String>,
    /// The narrowest grants for what else the call does, where it does several things.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<String>,
    /// SHA-256 of all arguments, first 16 hex digits.
    pub arguments: String,
    /// Bytes that went in and came out.
    pub bytes: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}

/// Calls of a plugin that belong to no step, one after another and about the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginCalled {
    /// The plugin.
    pub plugin: String,
    /// What was called.
    pub function: PluginFunction,
    /// What about: the phase that it was to plan as `phase 1`, the service that it was to probe, or the event that it was to take in as `run-started`.
    pub about: String,
    /// How often.
    pub calls: u32,
    /// How many of the calls failed, were cut off or found the service not healthy. Why is told elsewhere: in a notice, the failure of a step or of the run.
    pub failed: u32,
    /// How long they took together, in microseconds.
    pub duration_us: u64,
}

/// What plugins export besides the functions of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginFunction {
    /// A phase plugin's plan of its steps.
    Plan,
    /// A health plugin's look at a service.
    Probe,
    /// An observer's taking in of an event.
    Observe,
}

/// How a run ended, as its last event and as the last line of `--format json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run's identifier.
    pub run: String,
    /// What was done.
    pub kind: RunKind,
    /// The environment.
    pub environment: String,
    /// How it ended.
    pub ending: Ending,
    /// The process's exit code.
    pub exit_code: u8,
    /// True when nothing was changed.
    pub dry_run: bool,
    /// How long it took.
    pub duration_ms: u64,
    /// Steps that changed something.
    pub changed: usize,
    /// Steps that held already.
    pub unchanged: usize,
    /// Steps that were left out.
    pub skipped: usize,
    /// Services that are healthy now.
    pub healthy: usize,
    /// Services that there are.
    pub services: usize,
    /// Where each service answers, by name.
    pub urls: Vec<(String, String)>,
    /// The chain of steps that the duration is made of, with each one's milliseconds.
    pub critical_path: Vec<(StepKey, u64)>,
    /// What went wrong, the first first.
    pub failures: Vec<Failure>,
    /// Time spent on making the journal and the state durable, in microseconds; without that of the summary itself.
    #[serde(default)]
    pub journal_us: u64,
    /// Where the journal of this run is.
    pub journal: Option<String>,
}

/// Where events go. Cheap to call; never blocks on a slow reader for long.
pub trait EventSink: Send + Sync {
    /// Hands on one event.
    fn emit(&self, kind: EventKind);
}
