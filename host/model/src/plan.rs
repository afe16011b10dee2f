//! What is going to be done: steps, and what each needs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Names a step across all phases and plugins: `PLUGIN/ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(pub String);

impl StepKey {
    /// The key of a plugin's step.
    pub fn new(plugin: &str, id: &str) -> Self {
        Self(format!("{plugin}/{id}"))
    }
}

impl std::fmt::Display for StepKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A unit of work that is scheduled, checkpointed, timed out and resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the plan.
    pub key: StepKey,
    /// The plugin that does it.
    pub plugin: String,
    /// The plugin's own name for it.
    pub id: String,
    /// The phase it belongs to.
    pub phase: u8,
    /// What a person reads.
    pub title: String,
    /// Steps that must have succeeded before.
    pub needs: Vec<StepKey>,
    /// The service that it is about.
    pub service: Option<String>,
    /// The longest that it may take.
    pub timeout: Option<Duration>,
    /// Left out when it succeeded before and nothing has changed since.
    pub disturbs: bool,
}

/// Everything that a run is going to do, in phases that follow one another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Steps, phase by phase; within a phase a step stands after those that it needs.
    // Invariant: keys are unique, needs exist in the same phase or an earlier one, no cycles.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The steps of one phase.
    pub fn phase(&self, phase: u8) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.phase == phase)
    }
}

/// Whether something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was done.
    Changed,
    /// It held already.
    Unchanged,
    /// It would have been done: a dry run.
    Planned,
}
