//! What the events of one run amount to: its phases and steps in order, with what happened in each. Pure, and content with whatever a damaged journal still holds.

mod moment;

use std::collections::BTreeSet;

use chora_model::config::PHASE_NAMES;
use chora_model::event::{Ending, Event, EventKind, HostCall, PluginCalled, RunKind, Summary};
use chora_model::failure::Failure;
use chora_model::plan::{Change, StepKey};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use moment::{Calls, Denied, Moment, Said, Waited};

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Digest {
    /// What was done.
    pub kind: Option<RunKind>,
    /// The environment.
    pub environment: Option<String>,
    /// The engine, by name.
    pub engine: Option<String>,
    /// The run that it went on from.
    pub resumes: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// How long it took; without an end, until its last event.
    pub duration_ms: u64,
    /// What belongs to no step.
    pub notices: Vec<Moment>,
    /// The phases, in the order in which they began.
    pub phases: Vec<PhaseDigest>,
    /// Host calls that were made outside of steps: while planning, and by health checks.
    pub other_calls: Calls,
    /// Every host call that was refused.
    pub denied: Vec<Denied>,
    /// What plugins were called for outside of steps.
    pub plugin_calls: Vec<PluginCalled>,
    /// How it ended.
    pub summary: Option<Summary>,
    /// The whole ledger, each call with the time of its end.
    #[serde(skip)]
    pub(super) ledger: Vec<(u64, HostCall)>,
}

/// A phase, done or undone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseDigest {
    /// Its number.
    pub phase: u8,
    /// Its name.
    pub name: String,
    /// Whether its steps were undone.
    pub undo: bool,
    /// When it began, in milliseconds since the run did.
    pub begun_ms: Option<u64>,
    /// How it ended; nothing when that is not told.
    pub ending: Option<Ending>,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// Its steps, in the order in which they began.
    pub steps: Vec<StepDigest>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepDigest {
    /// Its key.
    pub step: StepKey,
    /// What a person reads.
    pub title: String,
    /// The service that it is about.
    pub service: Option<String>,
    /// When it began, in milliseconds since the run did.
    pub begun_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// How it ended; nothing when that is not told.
    pub ending: Option<Ending>,
    /// Whether it changed anything.
    pub change: Option<Change>,
    /// How long its plugin took.
    pub duration_ms: Option<u64>,
    /// One line of what it did.
    pub summary: String,
    /// Things that deserve attention.
    pub warnings: Vec<String>,
    /// Why it failed.
    pub failure: Option<Box<Failure>>,
    /// What happened in it.
    pub moments: Vec<Moment>,
    /// Its host calls.
    pub calls: Calls,
}

impl StepDigest {
    fn new(step: &StepKey, title: &str) -> Self {
        Self {
            step: step.clone(),
            title: title.to_owned(),
            service: None,
            begun_ms: None,
            ended_ms: None,
            ending: None,
            change: None,
            duration_ms: None,
            summary: String::new(),
            warnings: Vec::new(),
            failure: None,
            moments: Vec::new(),
            calls: Calls::default(),
        }
    }
}

/// A caller is `PLUGIN/STEP` or `PLUGIN`.
pub(super) fn plugin_of(caller: &str) -> &str {
    caller.split('/').next().unwrap_or(caller)
}

/// When the run began, as far as its events tell.
pub(super) fn begun(events: &[Event]) -> Option<Timestamp> {
    let first = events.first()?;
    let elapsed = SignedDuration::from_millis(i64::try_from(first.elapsed_ms).ok()?);
    first.at.checked_sub(elapsed).ok()
}

impl Digest {
    /// What these events amount to; nothing when there is none.
    pub fn of(events: &[Event]) -> Option<Self> {
        let mut digest = Self {
            started_at: Some(begun(events)?),
            ..Self::default()
        };
        for event in events {
            digest.take(event);
        }
        Some(digest)
    }

    /// Whether these events tell the end of the run.
    pub(super) fn has_ended(events: &[Event]) -> bool {
        events
            .last()
            .is_some_and(|event| matches!(event.kind, EventKind::RunFinished(_)))
    }

    /// How it ended; nothing when that is not told.
    pub fn ending(&self) -> Option<Ending> {
        self.summary.as_ref().map(|summary| summary.ending)
    }

    /// Every step, in order.
    pub fn steps(&self) -> impl Iterator<Item = &StepDigest> {
        self.phases.iter().flat_map(|phase| &phase.steps)
    }

    /// The plugins that did anything: that began a step, were called outside of one, or called the host.
    pub(super) fn plugins(&self) -> BTreeSet<&str> {
        let steps = self.steps().filter(|step| step.begun_ms.is_some());
        let steps = steps.map(|step| plugin_of(&step.step.0));
        let callers = self.ledger.iter();
        let callers = callers.map(|(_, call)| plugin_of(&call.caller));
        let called = self.plugin_calls.iter().map(|told| told.plugin.as_str());
        steps.chain(callers).chain(called).collect()
    }

    /// How many steps changed something.
    pub fn changed(&self) -> usize {
        match &self.summary {
            Some(summary) => summary.changed,
            None => self
                .steps()
                .filter(|step| step.change == Some(Change::Changed))
                .count(),
        }
    }

    /// What went wrong, the first first; of a run without an end that of its steps.
    pub fn failures(&self) -> Vec<&Failure> {
        match &self.summary {
            Some(summary) => summary.failures.iter().collect(),
            None => self
                .steps()
                .filter_map(|step| step.failure.as_deref())
                .collect(),
        }
    }

    fn take(&mut self, event: &Event) {
        let at_ms = event.elapsed_ms;
        self.duration_ms = self.duration_ms.max(at_ms);
        match &event.kind {
            EventKind::RunStarted {
                kind,
                environment,
                engine,
                resumes,
                ..
            } => {
                self.kind = Some(*kind);
                self.environment = Some(environment.clone());
                self.engine = Some(engine.clone());
                self.resumes.clone_from(resumes);
            }
            EventKind::Notice { message } => {
                let message = message.clone();
                let said = Said::Notice { message };
                self.notices.push(Moment { at_ms, said });
            }
            EventKind::PhaseStarted {
                phase, name, undo, ..
            } => self.phases.push(PhaseDigest {
                phase: *phase,
                name: name.clone(),
                undo: *undo,
                begun_ms: Some(at_ms),
                ending: None,
                duration_ms: None,
                steps: Vec::new(),
            }),
            EventKind::PhaseFinished {
                phase,
                ending,
                duration_ms,
            } => {
                self.in_phase(*phase, |phase| {
                    phase.ending = Some(*ending);
                    phase.duration_ms = Some(*duration_ms);
                });
            }
            EventKind::StepStarted {
                step,
                phase,
                title,
                service,
            } => {
                let begun = StepDigest {
                    service: service.clone(),
                    begun_ms: Some(at_ms),
                    ..StepDigest::new(step, title)
                };
                self.in_phase(*phase, |phase| phase.steps.push(begun));
            }
            EventKind::StepDoing { step, what } => {
                let message = what.clone();
                self.happened(Some(step), at_ms, Said::Doing { message });
            }
            EventKind::StepLog {
                step,
                level,
                message,
            } => {
                let (level, message) = (level.clone(), message.clone());
                self.happened(Some(step), at_ms, Said::Log { level, message });
            }
            EventKind::StepFinished { .. } => self.step_finished(at_ms, &event.kind),
            EventKind::ServiceHealthy {
                service,
                step,
                waited_ms,
                probes,
                failed_probes,
                confirm_us,
            } => {
                let waited = Waited {
                    service: service.clone(),
                    healthy: true,
                    waited_ms: *waited_ms,
                    probes: *probes,
                    failed_probes: *failed_probes,
                    confirm_us: Some(*confirm_us),
                    reason: None,
                };
                self.happened(step.as_ref(), at_ms, Said::Waited(waited));
            }
            EventKind::ServiceNotHealthy {
                service,
                step,
                waited_ms,
                probes,
                failed_probes,
                reason,
            } => {
                let waited = Waited {
                    service: service.clone(),
                    healthy: false,
                    waited_ms: *waited_ms,
                    probes: *probes,
                    failed_probes: *failed_probes,
                    confirm_us: None,
                    reason: Some(reason.clone()),
                };
                self.happened(step.as_ref(), at_ms, Said::Waited(waited));
            }
            EventKind::HostCall(call) => self.called(at_ms, call),
            EventKind::PluginCalled(told) => self.plugin_calls.push(told.clone()),
            EventKind::RunFinished(summary) => {
                self.kind = self.kind.or(Some(summary.kind));
                if self.environment.is_none() {
                    self.environment = Some(summary.environment.clone());
                }
                self.duration_ms = summary.duration_ms;
                self.summary = Some((**summary).clone());
            }
        }
    }

    fn step_finished(&mut self, at_ms: u64, kind: &EventKind) {
        let EventKind::StepFinished {
            step: key,
            phase,
            title,
            ending,
            change,
            summary,
            warnings,
            duration_ms,
            failure,
        } = kind
        else {
            return;
        };
        let end = |step: &mut StepDigest| {
            step.ended_ms = Some(at_ms);
            step.ending = Some(*ending);
            step.change = *change;
            step.duration_ms = Some(*duration_ms);
            step.summary.clone_from(summary);
            step.warnings.clone_from(warnings);
            step.failure.clone_from(failure);
        };
        self.in_phase(*phase, |phase| {
            let is_open = |step: &&mut StepDigest| step.step == *key && step.ending.is_none();
            if let Some(step) = phase.steps.iter_mut().rev().find(is_open) {
                end(step);
            } else {
                // A step that was left out has no beginning.
                let mut step = StepDigest::new(key, title);
                end(&mut step);
                phase.steps.push(step);
            }
        });
    }

    fn called(&mut self, at_ms: u64, call: &HostCall) {
        let step = StepKey(call.caller.clone());
        match self.running(&step) {
            Some(step) => step.calls.count(call),
            None => self.other_calls.count(call),
        }
        if call.decision == "denied" {
            let denied = Denied::of(call);
            self.denied.push(denied.clone());
            self.happened(Some(&step), at_ms, Said::Denied(denied));
        }
        self.ledger.push((at_ms, call.clone()));
    }

    fn happened(&mut self, step: Option<&StepKey>, at_ms: u64, said: Said) {
        let moment = Moment { at_ms, said };
        match step.and_then(|step| self.running(step)) {
            Some(step) => step.moments.push(moment),
            None => self.notices.push(moment),
        }
    }

    /// The step as it was begun last.
    fn running(&mut self, key: &StepKey) -> Option<&mut StepDigest> {
        self.phases
            .iter_mut()
            .rev()
            .find_map(|phase| phase.steps.iter_mut().rev().find(|step| step.step == *key))
    }

    /// Changes the phase as it was begun last; one without a beginning when that is not told.
    fn in_phase(&mut self, number: u8, change: impl FnOnce(&mut PhaseDigest)) {
        let mut phases = self.phases.iter_mut().rev();
        if let Some(phase) = phases.find(|phase| phase.phase == number) {
            change(phase);
            return;
        }
        let name = PHASE_NAMES.get(usize::from(number)).copied();
        let mut phase = PhaseDigest {
            phase: number,
            name: name.unwrap_or_default().to_owned(),
            undo: false,
            begun_ms: None,
            ending: None,
            duration_ms: None,
            steps: Vec::new(),
        };
        change(&mut phase);
        self.phases.push(phase);
    }
}
