//! What goes into a plugin and what comes out of it, as the rest of chora sees it.

use std::time::Duration;

use chora_model::event::RunKind;
use chora_model::plan::Change;

/// What a phase plugin is told about the run. The services come from the configuration.
#[derive(Debug, Clone)]
pub struct Context {
    /// The run's identifier.
    pub run: String,
    /// The environment's name.
    pub environment: String,
    /// The phase in which the plugin runs.
    pub phase: u8,
    /// Whether changes will be answered with `planned`.
    pub dry_run: bool,
}

/// A step as a plugin planned it. Its rules are checked by who asked for the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    /// The plugin's own name for it.
    pub id: String,
    /// What a person reads, fit for a terminal.
    pub title: String,
    /// Ids of steps of the same plan that must have succeeded before.
    pub needs: Vec<String>,
    /// The service that it is about.
    pub service: Option<String>,
    /// The longest that it may take.
    pub timeout: Option<Duration>,
    /// Whether it disturbs what runs.
    pub disturbs: bool,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether anything is different now.
    pub change: Change,
    /// One line for the person.
    pub summary: String,
    /// Things that deserve attention.
    pub warnings: Vec<String>,
}

/// The service that a health plugin looks at.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub service: String,
    /// Its health endpoint.
    pub endpoint: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// How long the probe may take.
    pub timeout: Duration,
}

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the service does its work.
    pub healthy: bool,
    /// The answer, in one line.
    pub summary: String,
}

/// The run that an observer is told of.
#[derive(Debug, Clone)]
pub struct ObservedRun {
    /// Its identifier.
    pub id: String,
    /// What is being done.
    pub kind: RunKind,
    /// The environment's name.
    pub environment: String,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

/// What an observer is told.
#[derive(Debug, Clone, PartialEq)]
pub enum ObservedEvent {
    /// The run begins.
    RunStarted,
    /// A phase begins.
    PhaseStarted {
        /// Its number.
        phase: u8,
        /// Its name.
        name: String,
        /// How many steps it has.
        steps: usize,
        /// Whether they are undone.
        undo: bool,
    },
    /// A service was declared healthy.
    ServiceHealthy {
        /// Which.
        service: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The run failed.
    RunFailed {
        /// Whether it was interrupted.
        interrupted: bool,
        /// What went wrong.
        failures: Vec<ObservedFailure>,
        /// How long it took.
        duration: Duration,
    },
    /// The run succeeded.
    RunCompleted {
        /// Steps that changed something.
        changed: usize,
        /// Steps that held already.
        unchanged: usize,
        /// Steps that were left out.
        skipped: usize,
        /// How long it took.
        duration: Duration,
    },
}

impl ObservedEvent {
    /// Its name in the WIT.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunStarted => "run-started",
            Self::PhaseStarted { .. } => "phase-started",
            Self::ServiceHealthy { .. } => "service-healthy",
            Self::RunFailed { .. } => "run-failed",
            Self::RunCompleted { .. } => "run-completed",
        }
    }
}

/// One thing that went wrong, as an observer is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedFailure {
    /// The stable code.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// The phase in which it happened.
    pub phase: Option<u8>,
    /// The service that it happened to.
    pub service: Option<String>,
}
