//! What is told of steps, and what is kept of them for the summary.

use chora_model::event::{Ending, EventKind, millis};
use chora_model::failure::Failure;
use chora_model::plan::{Change, Step, StepKey};
use chora_plugin_host::Outcome;

use super::crew::StepEnd;
use super::work::Work;
use crate::graph;

/// How the work went.
#[derive(Debug)]
pub(crate) struct Ran {
    /// How it ended.
    pub(crate) ending: Ending,
    /// Every step that ended, in that order.
    pub(crate) done: Vec<StepDone>,
    /// What went wrong, the first first.
    pub(crate) failures: Vec<Failure>,
    pub(super) finished: bool,
    /// Whether a step changed what the state must know at once.
    pub(super) save: bool,
}

impl Default for Ran {
    fn default() -> Self {
        Self {
            ending: Ending::Failed,
            done: Vec::new(),
            failures: Vec::new(),
            finished: false,
            save: false,
        }
    }
}

impl Ran {
    /// There was nothing to do.
    pub(crate) fn nothing() -> Self {
        Self {
            ending: Ending::Succeeded,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, done: StepDone) {
        // A step that held already tells the state nothing that the end of its phase does not.
        self.save |= done.ending != Ending::Succeeded || done.has_changed();
        self.failures.extend(done.failure.iter().cloned());
        self.done.push(done);
    }

    pub(super) fn skipped(&mut self, index: usize) {
        self.done.push(StepDone {
            index,
            ending: Ending::Skipped,
            change: None,
            took_ms: 0,
            failure: None,
        });
    }

    /// How many steps changed something, held already, were left out.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let count =
            |wanted: fn(&StepDone) -> bool| self.done.iter().filter(|done| wanted(done)).count();
        (
            count(StepDone::has_changed),
            count(|done| done.ending == Ending::Succeeded && !done.has_changed()),
            count(|done| done.ending == Ending::Skipped),
        )
    }
}

/// A step that ended.
#[derive(Debug, Clone)]
pub(crate) struct StepDone {
    /// Its place in the work.
    pub(crate) index: usize,
    /// How it ended.
    pub(crate) ending: Ending,
    /// Whether it changed anything, when it succeeded.
    pub(crate) change: Option<Change>,
    pub(crate) took_ms: u64,
    pub(crate) failure: Option<Failure>,
}

impl StepDone {
    /// Whether it changed something, or in a dry run would have.
    pub(crate) fn has_changed(&self) -> bool {
        matches!(self.change, Some(Change::Changed | Change::Planned))
    }
}

pub(super) fn step_started(step: &Step) -> EventKind {
    EventKind::StepStarted {
        step: step.key.clone(),
        phase: step.phase,
        title: step.title.clone(),
        service: step.service.clone(),
    }
}

pub(super) fn step_skipped(step: &Step) -> EventKind {
    EventKind::StepFinished {
        step: step.key.clone(),
        phase: step.phase,
        title: step.title.clone(),
        ending: Ending::Skipped,
        change: None,
        summary: "it succeeded before and nothing has changed since".to_owned(),
        warnings: Vec::new(),
        duration_ms: 0,
        failure: None,
    }
}

pub(super) fn step_finished(
    step: &Step,
    index: usize,
    end: StepEnd,
    waiting: Vec<String>,
) -> (EventKind, StepDone) {
    let took_ms = millis(end.took);
    let (ending, change, summary, warnings, failure) = match end.result {
        Ok(outcome) => {
            let Outcome {
                change,
                summary,
                warnings,
            } = outcome;
            (Ending::Succeeded, Some(change), summary, warnings, None)
        }
        Err(Some(mut failure)) => {
            failure.waiting = waiting;
            let summary = failure.message.clone();
            (Ending::Failed, None, summary, Vec::new(), Some(failure))
        }
        Err(None) => {
            let summary = "stopped before its end".to_owned();
            (Ending::Interrupted, None, summary, Vec::new(), None)
        }
    };
    let done = StepDone {
        index,
        ending,
        change,
        took_ms,
        failure: failure.as_deref().cloned(),
    };
    let kind = EventKind::StepFinished {
        step: step.key.clone(),
        phase: step.phase,
        title: step.title.clone(),
        ending,
        change,
        summary,
        warnings,
        duration_ms: took_ms,
        failure,
    };
    (kind, done)
}

/// The chain of steps that the duration is made of: phase after phase the slowest chain of needs.
pub(crate) fn critical_path(work: &Work, done: &[StepDone]) -> Vec<(StepKey, u64)> {
    let mut took = vec![0; work.steps.len()];
    let mut ended = vec![false; work.steps.len()];
    for step in done.iter().filter(|step| step.ending != Ending::Skipped) {
        if let (Some(took), Some(ended)) = (took.get_mut(step.index), ended.get_mut(step.index)) {
            *took = step.took_ms;
            *ended = true;
        }
    }
    let mut path = Vec::new();
    for phase in &work.graph.phases {
        let nodes: Vec<usize> = phase
            .nodes
            .iter()
            .copied()
            .filter(|node| ended.get(*node) == Some(&true))
            .collect();
        let needs: Vec<Vec<usize>> = nodes
            .iter()
            .map(|node| {
                let node = work.graph.nodes.get(*node);
                let needs = node.into_iter().flat_map(|node| &node.needs);
                needs
                    .filter_map(|need| nodes.binary_search(need).ok())
                    .collect()
            })
            .collect();
        let local: Vec<u64> = nodes
            .iter()
            .map(|node| took.get(*node).copied().unwrap_or(0))
            .collect();
        for index in graph::longest_chain(&needs, &local) {
            if let Some(node) = nodes.get(index)
                && let Some(step) = work.steps.get(*node)
            {
                path.push((step.key.clone(), local.get(index).copied().unwrap_or(0)));
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::work::tests::{plan, step};

    #[test]
    fn the_critical_path_goes_through_every_phase() {
        let plan = plan(&[
            step("p/a", 1, &[]),
            step("p/b", 1, &["p/a"]),
            step("p/c", 1, &[]),
            step("p/d", 2, &[]),
        ]);
        let work = Work::forward(&plan, &|_| false);
        let done: Vec<StepDone> = [5, 10, 12, 3]
            .into_iter()
            .enumerate()
            .map(|(index, took_ms)| StepDone {
                index,
                ending: Ending::Succeeded,
                change: Some(Change::Unchanged),
                took_ms,
                failure: None,
            })
            .collect();
        let path = critical_path(&work, &done);
        let path: Vec<(&str, u64)> = path
            .iter()
            .map(|(key, took)| (key.0.as_str(), *took))
            .collect();
        assert_eq!(path, [("p/a", 5), ("p/b", 10), ("p/d", 3)]);
    }
}
