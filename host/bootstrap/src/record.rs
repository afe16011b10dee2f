//! The state as the digest of events: one pure function, called for every event in order. It never looks at a clock, a file or an engine.

use std::collections::{BTreeMap, BTreeSet};

use chora_model::config::Config;
use chora_model::event::{Ending, EventKind, HostCall, RunKind, Summary};
use chora_model::plan::{Change, Plan, StepKey};
use chora_model::state::{Checkpoint, Progress, State, Status, StepRecord};
use jiff::Timestamp;

use crate::planning::place::brings_up;

/// What must be known to understand an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The phase of each configured service.
    pub(crate) services: BTreeMap<String, u8>,
    /// The steps that disturb what runs.
    pub(crate) disturbing: BTreeSet<StepKey>,
    /// The phase of each step.
    pub(crate) steps: BTreeMap<StepKey, u8>,
    /// Whether steps are being undone.
    pub(crate) backward: bool,
    /// Whether only some steps of each phase are undone.
    pub(crate) partial: bool,
}

impl Facts {
    /// What the configuration and the plan tell.
    pub(crate) fn of(config: &Config, plan: &Plan) -> Self {
        let services = config.services.iter();
        let disturbing = plan.steps.iter().filter(|step| step.disturbs);
        Self {
            services: services
                .map(|service| (service.name.clone(), service.phase))
                .collect(),
            disturbing: disturbing.map(|step| step.key.clone()).collect(),
            steps: plan
                .steps
                .iter()
                .map(|step| (step.key.clone(), step.phase))
                .collect(),
            backward: false,
            partial: false,
        }
    }
}

/// Takes one event into the state.
pub(crate) fn reduce(state: &mut State, facts: &Facts, kind: &EventKind, at: Timestamp) {
    match kind {
        EventKind::RunStarted {
            run,
            kind,
            engine,
            resumes,
            ..
        } => started(state, *kind, run, engine, resumes.is_some()),
        EventKind::PhaseStarted { phase, .. } => {
            if !facts.backward {
                state.current_phase = *phase;
            }
        }
        EventKind::PhaseFinished { phase, ending, .. } => match (ending, facts.backward) {
            (Ending::Succeeded, false) => reached(state, *phase, at),
            (Ending::Succeeded, true) => undone(state, facts, *phase),
            (Ending::Failed | Ending::Interrupted | Ending::Skipped, _) => {}
        },
        EventKind::StepStarted { step, .. } => {
            let record = StepRecord {
                progress: Progress::Begun,
                run: state.run.clone(),
                duration_ms: None,
            };
            state.steps.insert(step.clone(), record);
        }
        EventKind::StepFinished {
            step,
            phase,
            ending,
            change,
            duration_ms,
            failure,
            ..
        } => {
            let service = service_of(
                kind,
                failure
                    .as_ref()
                    .and_then(|failure| failure.service.as_deref()),
            );
            let ended = StepEnd {
                step,
                phase: *phase,
                ending: *ending,
                changed: *change == Some(Change::Changed),
                duration_ms: *duration_ms,
                service,
            };
            step_ended(state, facts, &ended);
        }
        EventKind::ServiceHealthy { service, .. } => {
            insert(&mut state.services_started, service);
            insert(&mut state.services_healthy, service);
        }
        EventKind::ServiceNotHealthy { service, .. } => {
            state.services_healthy.retain(|healthy| healthy != service);
        }
        EventKind::HostCall(call) => called(state, call),
        EventKind::RunFinished(summary) => finished(state, summary, at),
        EventKind::Notice { .. }
        | EventKind::StepDoing { .. }
        | EventKind::StepLog { .. }
        | EventKind::PluginCalled(_) => {}
    }
}

struct StepEnd<'a> {
    step: &'a StepKey,
    phase: u8,
    ending: Ending,
    changed: bool,
    duration_ms: u64,
    service: Option<&'a str>,
}

/// The service of a finished step: the one in its id, where the id is `start:NAME` or `deploy:NAME`, else the one that its failure names.
fn service_of<'a>(kind: &'a EventKind, failed: Option<&'a str>) -> Option<&'a str> {
    if let EventKind::StepFinished { step, .. } = kind
        && let Some((_, id)) = step.0.split_once('/')
        && brings_up(id)
    {
        return id.split_once(':').map(|(_, service)| service);
    }
    failed
}

fn started(state: &mut State, kind: RunKind, run: &str, engine: &str, resumes: bool) {
    match kind {
        RunKind::Bootstrap => {
            state.status = Status::InProgress;
            state.completed_at = None;
            state.rollback_to = None;
        }
        RunKind::Rollback | RunKind::Reset => state.status = Status::RollingBack,
        // Looks only, and leaves the state to those that change something.
        RunKind::Validate => return,
    }
    run.clone_into(&mut state.run);
    engine.clone_into(&mut state.engine);
    if resumes {
        state.retry_count = state.retry_count.saturating_add(1);
    }
}

fn step_ended(state: &mut State, facts: &Facts, ended: &StepEnd<'_>) {
    let progress = match (ended.ending, facts.backward) {
        (Ending::Succeeded, true) => {
            state.steps.remove(ended.step);
            if let Some(service) = ended.service {
                forget(state, service);
            }
            return;
        }
        (Ending::Succeeded, false) => Progress::Done,
        (Ending::Failed, _) => Progress::Failed,
        // Cut off in the middle: what it did is not known.
        (Ending::Interrupted, _) => Progress::Begun,
        (Ending::Skipped, _) => return,
    };
    if ended.changed && !facts.disturbing.contains(ended.step) {
        // What disturbing checks had proved was proved of something else.
        for key in &facts.disturbing {
            state.steps.remove(key);
        }
    }
    match (progress, ended.service) {
        (Progress::Done, Some(service)) if (1..=3).contains(&ended.phase) => {
            insert(&mut state.services_started, service);
        }
        (Progress::Failed, Some(service)) => {
            state.services_healthy.retain(|healthy| healthy != service);
        }
        (Progress::Done | Progress::Begun | Progress::Failed, _) => {}
    }
    let record = StepRecord {
        progress,
        run: state.run.clone(),
        duration_ms: Some(ended.duration_ms),
    };
    state.steps.insert(ended.step.clone(), record);
}

/// The ledger tells what plugins did to services, whatever their steps are called.
fn called(state: &mut State, call: &HostCall) {
    if call.decision != "allowed" {
        return;
    }
    let service = call.target.split(':').next().unwrap_or_default();
    match call.function.as_str() {
        "services.start" => insert(&mut state.services_started, service),
        "services.remove" => forget(state, service),
        "services.stop" => state.services_healthy.retain(|healthy| healthy != service),
        _ => {}
    }
}

fn reached(state: &mut State, phase: u8, at: Timestamp) {
    if !state.completed_phases.contains(&phase) {
        state.completed_phases.push(phase);
        state.completed_phases.sort_unstable();
    }
    let healthy = |service: &String| state.services_healthy.contains(service);
    let services = state.services_started.iter();
    let checkpoint = Checkpoint {
        phase,
        timestamp: at,
        services_running: state.services_started.clone(),
        health_status: services
            .map(|service| (service.clone(), healthy(service)))
            .collect(),
    };
    state.checkpoints.retain(|before| before.phase != phase);
    state.checkpoints.push(checkpoint);
    state.checkpoints.sort_by_key(|checkpoint| checkpoint.phase);
}

fn undone(state: &mut State, facts: &Facts, phase: u8) {
    state
        .completed_phases
        .retain(|completed| *completed < phase);
    state
        .checkpoints
        .retain(|checkpoint| checkpoint.phase < phase);
    state.current_phase = state.current_phase.min(phase.saturating_sub(1));
    if facts.partial {
        return;
    }
    state
        .steps
        .retain(|step, _| facts.steps.get(step) != Some(&phase));
    let of_phase = facts.services.iter().filter(|(_, of)| **of == phase);
    for (service, _) in of_phase {
        forget(state, service);
    }
}

fn finished(state: &mut State, summary: &Summary, at: Timestamp) {
    match (summary.kind, summary.ending) {
        (RunKind::Validate, _) => return,
        (RunKind::Bootstrap, Ending::Succeeded) => {
            state.status = Status::Completed;
            state.completed_at = Some(at);
            state.retry_count = 0;
        }
        (RunKind::Bootstrap, Ending::Failed | Ending::Skipped) => state.status = Status::Failed,
        (RunKind::Bootstrap, Ending::Interrupted) => state.status = Status::Interrupted,
        (RunKind::Rollback | RunKind::Reset, Ending::Succeeded) => {
            state.status = Status::RolledBack;
            state.retry_count = 0;
            state.rollback_to = None;
        }
        // It still has to be finished, and the next one goes on with it.
        (
            RunKind::Rollback | RunKind::Reset,
            Ending::Failed | Ending::Interrupted | Ending::Skipped,
        ) => state.status = Status::RollingBack,
    }
    state.last_failure = summary.failures.first().cloned();
    state.last_error = state
        .last_failure
        .as_ref()
        .map(|failure| failure.message.clone());
}

fn insert(list: &mut Vec<String>, name: &str) {
    if !list.iter().any(|known| known == name) {
        list.push(name.to_owned());
    }
}

fn forget(state: &mut State, service: &str) {
    state.services_started.retain(|started| started != service);
    state.services_healthy.retain(|healthy| healthy != service);
}

#[cfg(test)]
mod tests;
