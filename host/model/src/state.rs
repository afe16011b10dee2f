//! The state of an environment: what was reached, as `bootstrap-state.json` keeps it.
//!
//! It is the journal's digest, replaced atomically after every step, and it claims nothing that the next run will not look at again.

mod store;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::plan::StepKey;

pub use store::{StateError, load, remove, save};

/// The newest schema that this chora reads and writes.
pub const SCHEMA_VERSION: u32 = 1;

/// Where an environment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A run is under way, or was killed.
    InProgress,
    /// Every phase was reached.
    Completed,
    /// The last run failed.
    Failed,
    /// The last run was interrupted by the user.
    Interrupted,
    /// Phases were rolled back.
    RolledBack,
    /// A rollback or reset is under way, or was killed.
    RollingBack,
}

/// The state of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The schema of this file.
    pub schema_version: u32,
    /// The environment it belongs to.
    pub environment: String,
    /// The engine that runs its services, by name.
    pub engine: String,
    /// The phase that is being worked on, or the last one reached.
    pub current_phase: u8,
    /// Where it stands.
    pub status: Status,
    /// Phases whose every step succeeded, ascending.
    pub completed_phases: Vec<u8>,
    /// Services that were started and not removed since, in order of their start.
    pub services_started: Vec<String>,
    /// Services that were healthy when last looked at.
    pub services_healthy: Vec<String>,
    /// Whether the credentials were made.
    pub credentials_generated: bool,
    /// The credential files, relative to the project.
    pub credential_files: Vec<String>,
    /// What held at the end of each phase.
    pub checkpoints: Vec<Checkpoint>,
    /// When the first run began.
    pub started_at: Timestamp,
    /// When this file was written.
    pub last_updated: Timestamp,
    /// When the last phase was completed.
    pub completed_at: Option<Timestamp>,
    /// What went wrong last, one sentence.
    pub last_error: Option<String>,
    /// The whole last failure.
    #[serde(default)]
    pub last_failure: Option<Failure>,
    /// How often a run had to go on from one that ended early since the last success.
    pub retry_count: u32,
    /// The run that wrote this.
    pub run: String,
    /// What is known of each step.
    #[serde(default)]
    pub steps: BTreeMap<StepKey, StepRecord>,
    /// The phase that an unfinished rollback goes to; resume goes on with it.
    #[serde(default)]
    pub rollback_to: Option<u8>,
}

/// What is known of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// How far it came.
    pub progress: Progress,
    /// The run that last touched it.
    pub run: String,
    /// How long it took, when it ended.
    pub duration_ms: Option<u64>,
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Begun and not known to have ended: its effect is unknown until it is looked at.
    Begun,
    /// Succeeded.
    Done,
    /// Failed.
    Failed,
}

/// What held when a phase had been completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The phase.
    pub phase: u8,
    /// When.
    pub timestamp: Timestamp,
    /// The services that ran.
    pub services_running: Vec<String>,
    /// The services' health.
    pub health_status: BTreeMap<String, bool>,
}

impl State {
    /// The state at the beginning of an environment's first run.
    pub fn new(environment: &str, engine: &str, run: &str) -> Self {
        let now = Timestamp::now();
        Self {
            schema_version: SCHEMA_VERSION,
            environment: environment.to_owned(),
            engine: engine.to_owned(),
            current_phase: 0,
            status: Status::InProgress,
            completed_phases: Vec::new(),
            services_started: Vec::new(),
            services_healthy: Vec::new(),
            credentials_generated: false,
            credential_files: Vec::new(),
            checkpoints: Vec::new(),
            started_at: now,
            last_updated: now,
            completed_at: None,
            last_error: None,
            last_failure: None,
            retry_count: 0,
            run: run.to_owned(),
            steps: BTreeMap::new(),
            rollback_to: None,
        }
    }
}
