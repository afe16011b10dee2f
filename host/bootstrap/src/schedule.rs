//! The scheduler's mind: a machine that is told what happened and answers what to do. Pure: it knows steps as numbers, and neither clocks nor plugins.
//!
//! The dispatcher owns one machine, feeds it every event in the order in which they came, and carries its actions out.

use std::collections::BTreeSet;

use chora_model::event::Ending;

use crate::graph;

/// What is to be done, as numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    /// Every step.
    pub(crate) nodes: Vec<Node>,
    /// The phases in the order in which they run, each with its steps.
    // Invariant: every node is in exactly one phase and needs only nodes of that phase or an earlier one.
    pub(crate) phases: Vec<Phase>,
}

/// One step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// Steps that must have succeeded before.
    pub(crate) needs: Vec<usize>,
    /// Whether it may be left out as long as nothing has changed in this run.
    pub(crate) skippable: bool,
}

/// One phase.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phase {
    /// Its number.
    pub(crate) number: u8,
    /// Its steps.
    pub(crate) nodes: Vec<usize>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The run begins. Always the first event, and given once.
    Begin,
    /// A step that was started has ended.
    Ended(usize, Ended),
    /// The time of this phase, or of the whole run, is over.
    Deadline(Option<u8>),
    /// The user wants to stop.
    Stop,
    /// The user wants to stop at once.
    Abort,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It holds; `changed` when it did not before.
    Succeeded { changed: bool },
    /// It failed.
    Failed,
    /// It was cut off.
    Cut,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Tell that a phase begins, and set its deadline.
    BeginPhase(u8),
    /// Start a step.
    Start(usize),
    /// Tell that a step is left out.
    Skip(usize),
    /// End a running step; its `Ended` still follows.
    Cut(usize),
    /// Tell that a phase has ended.
    EndPhase(u8, Ending),
    /// The run is over. Always the last action, and given once.
    Finish(Ending),
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not begun.
    Waiting,
    /// Begun.
    Running,
    /// Succeeded.
    Done,
    /// Left out.
    Skipped,
    /// Failed.
    Failed,
    /// Cut off.
    Cut,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Machine {
    graph: Graph,
    wanted_by: Vec<Vec<usize>>,
    standing: Vec<Standing>,
    missing: Vec<usize>,
    ready: BTreeSet<usize>,
    running: BTreeSet<usize>,
    /// The most steps that run at once, at least 1.
    limit: usize,
    /// The phase that runs, as an index.
    at: usize,
    changed: bool,
    /// Why nothing new is begun; the first reason stays.
    stop: Option<Ending>,
    finished: bool,
}

impl Machine {
    pub(crate) fn new(graph: Graph, limit: usize) -> Self {
        let needs: Vec<Vec<usize>> = graph.nodes.iter().map(|node| node.needs.clone()).collect();
        Self {
            wanted_by: graph::reversed(&needs),
            standing: vec![Standing::Waiting; needs.len()],
            missing: needs.iter().map(Vec::len).collect(),
            ready: BTreeSet::new(),
            running: BTreeSet::new(),
            limit: limit.max(1),
            at: 0,
            changed: false,
            stop: None,
            finished: false,
            graph,
        }
    }

    /// Takes an event in and answers what to do now.
    pub(crate) fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.finished {
            return actions;
        }
        match event {
            Event::Begin => self.begin_phase(&mut actions),
            Event::Ended(node, ended) => self.ended(node, ended),
            Event::Deadline(phase) => {
                if phase.is_none() || phase == self.phase().map(|phase| phase.number) {
                    self.stop.get_or_insert(Ending::Failed);
                    self.cut(&mut actions);
                }
            }
            Event::Stop => {
                self.stop.get_or_insert(Ending::Interrupted);
            }
            Event::Abort => {
                self.stop.get_or_insert(Ending::Interrupted);
                self.cut(&mut actions);
            }
        }
        self.advance(&mut actions);
        actions
    }

    fn phase(&self) -> Option<&Phase> {
        self.graph.phases.get(self.at)
    }

    fn ended(&mut self, node: usize, ended: Ended) {
        if !self.running.remove(&node) {
            return;
        }
        match ended {
            Ended::Succeeded { changed } => {
                self.changed |= changed;
                self.settle(node, Standing::Done);
                self.release(node);
            }
            Ended::Failed => {
                self.settle(node, Standing::Failed);
                self.stop.get_or_insert(Ending::Failed);
            }
            Ended::Cut => {
                self.settle(node, Standing::Cut);
                self.stop.get_or_insert(Ending::Interrupted);
            }
        }
    }

    fn settle(&mut self, node: usize, standing: Standing) {
        if let Some(place) = self.standing.get_mut(node) {
            *place = standing;
        }
    }

    fn release(&mut self, node: usize) {
        for waiting in self.wanted_by.get(node).into_iter().flatten() {
            if let Some(missing) = self.missing.get_mut(*waiting) {
                *missing = missing.saturating_sub(1);
                let in_phase = self.graph.phases.get(self.at);
                if *missing == 0 && in_phase.is_some_and(|phase| phase.nodes.contains(waiting)) {
                    self.ready.insert(*waiting);
                }
            }
        }
    }

    fn cut(&self, actions: &mut Vec<Action>) {
        actions.extend(self.running.iter().copied().map(Action::Cut));
    }

    fn begin_phase(&mut self, actions: &mut Vec<Action>) {
        let Some(phase) = self.graph.phases.get(self.at) else {
            return;
        };
        actions.push(Action::BeginPhase(phase.number));
        for node in &phase.nodes {
            if self.missing.get(*node) == Some(&0) {
                self.ready.insert(*node);
            }
        }
    }

    fn advance(&mut self, actions: &mut Vec<Action>) {
        loop {
            while self.stop.is_none()
                && self.running.len() < self.limit
                && let Some(node) = self.ready.pop_first()
            {
                let skippable = self
                    .graph
                    .nodes
                    .get(node)
                    .is_some_and(|node| node.skippable);
                if skippable && !self.changed {
                    actions.push(Action::Skip(node));
                    self.settle(node, Standing::Skipped);
                    self.release(node);
                } else {
                    actions.push(Action::Start(node));
                    self.settle(node, Standing::Running);
                    self.running.insert(node);
                }
            }
            if !self.running.is_empty() {
                return;
            }
            let Some(phase) = self.graph.phases.get(self.at) else {
                self.finish(Ending::Succeeded, actions);
                return;
            };
            let holds = |node: &usize| {
                let standing = self.standing.get(*node);
                matches!(standing, Some(Standing::Done | Standing::Skipped))
            };
            if !phase.nodes.iter().all(holds) {
                let ending = self.stop.unwrap_or(Ending::Failed);
                actions.push(Action::EndPhase(phase.number, ending));
                self.finish(ending, actions);
                return;
            }
            actions.push(Action::EndPhase(phase.number, Ending::Succeeded));
            self.at += 1;
            if self.at == self.graph.phases.len() {
                self.finish(Ending::Succeeded, actions);
                return;
            }
            // Where nothing is left to be done there is nothing to stop either.
            let mut rest = self.graph.phases.iter().skip(self.at);
            if let Some(ending) = self.stop
                && rest.any(|phase| !phase.nodes.is_empty())
            {
                self.finish(ending, actions);
                return;
            }
            self.begin_phase(actions);
        }
    }

    fn finish(&mut self, ending: Ending, actions: &mut Vec<Action>) {
        self.finished = true;
        actions.push(Action::Finish(ending));
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
