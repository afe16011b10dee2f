//! What one plugin did in the latest runs: its steps, what it was called for besides, its host calls, and what was refused.

use chora_model::event::{Ending, PluginFunction, RunKind};
use chora_model::failure::Failure;
use jiff::Timestamp;
use serde::Serialize;

use super::digest::plugin_of;
use super::{Calls, Denied, Digest, History};

/// The most journals that are read.
const JOURNALS: usize = 50;

/// What a plugin did in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginRun {
    /// The run's identifier.
    pub run: String,
    /// What was done.
    pub kind: Option<RunKind>,
    /// When the run began.
    pub started_at: Option<Timestamp>,
    /// How the run ended; nothing when that is not told.
    pub ending: Option<Ending>,
    /// How many of its steps began.
    pub steps: u64,
    /// How often it was asked for its plan.
    pub plans: u64,
    /// How often it looked at a service's health.
    pub probes: u64,
    /// How many events it was told.
    pub events: u64,
    /// How many of the steps and plans failed, of the probes found the service not healthy, and of the events were not taken in.
    pub failed: u64,
    /// How long all of that took together, in microseconds.
    pub took_us: u64,
    /// Its host calls, also those outside of steps.
    pub calls: Calls,
    /// Those that were refused.
    pub denied: Vec<Denied>,
}

impl History {
    /// The latest runs in which a plugin did anything, the newest first, `most` of them.
    ///
    /// # Errors
    /// When the journals cannot be listed.
    pub fn of_plugin(&self, plugin: &str, most: usize) -> Result<Vec<PluginRun>, Failure> {
        let runs = self.runs()?;
        let found = runs.iter().take(JOURNALS).filter_map(|run| {
            let digest = self.read(run)?.digest?;
            PluginRun::of(run, &digest, plugin)
        });
        Ok(found.take(most).collect())
    }
}

impl PluginRun {
    /// Nothing where the plugin did nothing.
    pub(super) fn of(run: &str, digest: &Digest, plugin: &str) -> Option<Self> {
        let mut did = Self {
            run: run.to_owned(),
            kind: digest.kind,
            started_at: digest.started_at,
            ending: digest.ending(),
            steps: 0,
            plans: 0,
            probes: 0,
            events: 0,
            failed: 0,
            took_us: 0,
            calls: Calls::default(),
            denied: Vec::new(),
        };
        for step in digest.steps() {
            if plugin_of(&step.step.0) != plugin || step.begun_ms.is_none() {
                continue;
            }
            did.steps += 1;
            did.failed += u64::from(step.ending == Some(Ending::Failed));
            let took = step.duration_ms.unwrap_or(0).saturating_mul(1_000);
            did.took_us = did.took_us.saturating_add(took);
        }
        let called = digest.plugin_calls.iter();
        for told in called.filter(|told| told.plugin == plugin) {
            let counter = match told.function {
                PluginFunction::Plan => &mut did.plans,
                PluginFunction::Probe => &mut did.probes,
                PluginFunction::Observe => &mut did.events,
            };
            *counter += u64::from(told.calls);
            did.failed += u64::from(told.failed);
            did.took_us = did.took_us.saturating_add(told.duration_us);
        }
        let ledger = digest.ledger.iter();
        for (_, call) in ledger.filter(|(_, call)| plugin_of(&call.caller) == plugin) {
            did.calls.count(call);
        }
        let denied = digest.denied.iter();
        did.denied = denied
            .filter(|denied| denied.plugin == plugin)
            .cloned()
            .collect();
        let did_anything = did.steps + did.plans + did.probes + did.events > 0;
        (did_anything || did.calls.total() > 0).then_some(did)
    }
}
