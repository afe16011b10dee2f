//! Where the time of a run went, from the times of its steps alone. Pure.

use std::cmp::Reverse;

use serde::Serialize;

use super::digest::{Digest, PhaseDigest, StepDigest};

/// Where the time went. The parts add up to the run's duration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TimeSplit {
    /// Before the first phase: loading plugins and planning.
    pub preparing_ms: u64,
    /// While at least one step was at work.
    pub in_steps_ms: u64,
    /// While none was: scheduling, making the journal and the state durable, closing.
    pub between_ms: u64,
    /// What making the journal and the state durable took, also while steps were at work; nothing when that is not told.
    pub journal_us: Option<u64>,
}

/// When a step's plugin was at work; without an end, until the run's last event.
pub(super) fn span(step: &StepDigest, last_ms: u64) -> Option<(u64, u64)> {
    match (step.ended_ms, step.duration_ms, step.begun_ms) {
        // The beginning is told before it is durable, and only then the plugin is called.
        (Some(ended), Some(took), _) => Some((ended.saturating_sub(took), ended)),
        (None, _, Some(begun)) => Some((begun, last_ms.max(begun))),
        (Some(_) | None, _, _) => None,
    }
}

/// Splits the run's time.
pub(super) fn split(digest: &Digest) -> TimeSplit {
    let whole = digest.duration_ms;
    let preparing_ms = digest
        .phases
        .iter()
        .filter_map(|phase| phase.begun_ms)
        .min()
        .unwrap_or(whole)
        .min(whole);
    let mut spans: Vec<(u64, u64)> = digest
        .steps()
        .filter_map(|step| span(step, whole))
        .map(|(from, to)| (from.max(preparing_ms), to.min(whole)))
        .collect();
    spans.sort_unstable();
    let mut in_steps_ms = 0;
    let mut covered = preparing_ms;
    for (from, to) in spans {
        let from = from.max(covered);
        in_steps_ms += to.saturating_sub(from);
        covered = covered.max(to);
    }
    TimeSplit {
        preparing_ms,
        in_steps_ms,
        between_ms: whole
            .saturating_sub(preparing_ms)
            .saturating_sub(in_steps_ms),
        journal_us: digest.summary.as_ref().map(|summary| summary.journal_us),
    }
}

/// The chain of steps that the time of a run without a summary is made of, and how long each took: in each phase the step that ended last, before it the one that ended last before it
/// began, and so on.
pub(super) fn path(digest: &Digest) -> Vec<(&StepDigest, u64)> {
    let mut path = Vec::new();
    for phase in &digest.phases {
        let mut chain = chain(phase, digest.duration_ms);
        chain.reverse();
        path.append(&mut chain);
    }
    path
}

/// The chain of one phase, the last step first.
fn chain(phase: &PhaseDigest, last_ms: u64) -> Vec<(&StepDigest, u64)> {
    let mut spans: Vec<(u64, u64, &StepDigest)> = phase
        .steps
        .iter()
        .filter_map(|step| span(step, last_ms).map(|(from, to)| (from, to, step)))
        .collect();
    // Of those that ended together, as all that never ended do, the one that took longest counts.
    spans.sort_by_key(|(from, to, _)| (Reverse(*to), *from));
    let mut chain = Vec::new();
    let mut before = u64::MAX;
    for (from, to, step) in spans {
        if to <= before {
            chain.push((step, to - from));
            before = from;
        }
    }
    chain
}
