//! `chora state repair`: the state made anew from the journals and from what runs. The way out of a state file that is damaged, short of giving everything up.
//!
//! **Invariant:** what is rebuilt claims no more than the journals told and the engine confirms. A phase whose services do not run was not reached.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chora_model::config::{Config, PHASES};
use chora_model::event::{Ending, Event, EventKind, RunKind};
use chora_model::failure::{Code, Failure};
use chora_model::lock::EnvironmentLock;
use chora_model::plan::Plan;
use chora_model::state::{self, State, StateError, Status};

use crate::cancel::Cancel;
use crate::journal;
use crate::project::Project;
use crate::record::{Facts, reduce};
use crate::report;
use crate::session::lock_unless;
use crate::stage::note_credentials;

/// What repairing would do. Holds the environment's lock, so that what is shown is what is done.
pub struct Repair {
    layout: chora_model::layout::Layout,
    /// Why the state file cannot be used; absent where it can.
    pub damage: Option<String>,
    /// The state made anew.
    pub rebuilt: State,
    /// Each field that changes, with what it was and what it will be.
    pub differences: Vec<Difference>,
    _lock: EnvironmentLock,
}

/// A field of the state that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, as the file has it.
    pub field: &'static str,
    /// What it was; absent where the file cannot be read.
    pub before: Option<String>,
    /// What it will be.
    pub after: String,
}

impl Repair {
    /// Whether the state is as it should be.
    pub fn is_needless(&self) -> bool {
        self.damage.is_none() && self.differences.is_empty()
    }

    /// Puts the state that was made anew into place, and answers where a damaged one was moved.
    ///
    /// # Errors
    /// When a file cannot be moved or written; the state is then as it was.
    pub fn apply(mut self) -> Result<Option<PathBuf>, Failure> {
        let mut moved = None;
        if self.damage.is_some() {
            let path = self.layout.state();
            let aside = path.with_extension("json.damaged");
            match std::fs::rename(&path, &aside) {
                Ok(()) => moved = Some(aside),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(report::io_failure("move away", &path, &error)),
            }
        }
        state::save(&self.layout, &mut self.rebuilt)
            .map_err(|error| report::state_failure(&error))?;
        Ok(moved)
    }
}

/// Looks at state, journals and engine, and works out what the state should be. `say` hears what there is to wait for; `cancel` ends that wait.
///
/// # Errors
/// `USER_INTERRUPTED` when it was to stop while it waited; `LOCKED` while another command changes the environment; `STATE_CORRUPTED` when a newer chora wrote the state, or when there is nothing to make one of.
pub async fn repair(
    project: &Project,
    say: &(dyn Fn(String) + Sync),
    cancel: &Cancel,
) -> Result<Repair, Failure> {
    let lock = lock_unless(cancel, project, "chora state repair", say).await?;
    let (before, damage) = match state::load(&project.layout) {
        Ok(before) => (before, None),
        Err(error @ StateError::NewerSchema { .. }) => return Err(report::state_failure(&error)),
        Err(error) => {
            let mut told = error.to_string();
            for cause in report::causes(&error) {
                told.push_str(": ");
                told.push_str(&cause);
            }
            (None, Some(told))
        }
    };
    let running = project.running().await?;
    let told = match &before {
        Some(before) => Some(before.clone()),
        None => retold(project)?,
    };
    if told.is_none() && running.is_empty() {
        return Err(nothing_left(damage));
    }
    let told = told.unwrap_or_else(|| {
        let engine = project.engine().kind();
        let mut unknown = State::new(&project.layout.environment, engine, "");
        unknown.status = Status::Interrupted;
        unknown
    });
    let mut rebuilt = confirmed(&project.config, told, &running);
    note_credentials(&mut rebuilt, project.vault(), &project.layout);
    Ok(Repair {
        layout: project.layout.clone(),
        damage,
        differences: differences(before.as_ref(), &rebuilt),
        rebuilt,
        _lock: lock,
    })
}

fn nothing_left(damage: Option<String>) -> Failure {
    match damage {
        Some(damage) => Failure::new(Code::StateCorrupted, damage)
            .next("there is no journal to make a state of, and nothing runs: forget it with `chora reset`"),
        None => Failure::new(
            Code::ConfigError,
            "there is nothing to repair: this environment was never bootstrapped",
        )
        .next("start it with `chora bootstrap`"),
    }
}

/// The state as all journals together tell it.
fn retold(project: &Project) -> Result<Option<State>, Failure> {
    let runs = project.layout.runs();
    let entries = match std::fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(report::io_failure("list", &runs, &error)),
    };
    // Runs are named by their time.
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    paths.sort();
    let mut events = Vec::new();
    for path in paths {
        let found =
            journal::salvage(&path).map_err(|error| report::io_failure("read", &path, &error))?;
        events.extend(found.events);
    }
    let facts = Facts::of(&project.config, &Plan::default());
    Ok(retell(facts, &project.layout.environment, &events))
}

/// The state after these events, of any number of runs.
fn retell(mut facts: Facts, environment: &str, events: &[Event]) -> Option<State> {
    let mut state: Option<State> = None;
    let mut kind = RunKind::Bootstrap;
    for event in events {
        match &event.kind {
            EventKind::RunStarted {
                kind: begun,
                engine,
                run,
                ..
            } => {
                kind = *begun;
                (facts.backward, facts.partial) = (false, false);
                let is_new = state.is_none() && kind == RunKind::Bootstrap;
                if is_new {
                    let mut new = State::new(environment, engine, run);
                    new.started_at = event.at;
                    state = Some(new);
                }
            }
            EventKind::PhaseStarted { undo, .. } => {
                facts.backward = *undo;
                // A run that failed takes back only what it did itself.
                facts.partial = *undo && kind == RunKind::Bootstrap;
            }
            EventKind::StepStarted { step, phase, .. } => {
                facts.steps.insert(step.clone(), *phase);
            }
            EventKind::RunFinished(summary)
                if summary.kind == RunKind::Reset && summary.ending == Ending::Succeeded =>
            {
                state = None;
            }
            _ => {}
        }
        if let Some(state) = &mut state {
            reduce(state, &facts, &event.kind, event.at);
        }
    }
    state
}

/// What is left of a state when it is compared with what runs.
fn confirmed(config: &Config, mut state: State, running: &[String]) -> State {
    let is_running = |name: &String| running.contains(name);
    state.services_started.retain(is_running);
    state.services_healthy.retain(is_running);
    for name in running {
        if !state.services_started.contains(name) {
            state.services_started.push(name.clone());
        }
    }
    let holds = |phase: &u8| {
        let mut services = config.services.iter();
        services.all(|service| service.phase > *phase || is_running(&service.name))
    };
    state.completed_phases.retain(holds);
    let reached: BTreeSet<u8> = state.completed_phases.iter().copied().collect();
    state
        .checkpoints
        .retain(|checkpoint| reached.contains(&checkpoint.phase));
    let last = reached.last().copied().unwrap_or(0);
    if state.status == Status::Completed && reached.len() < PHASES {
        state.status = Status::Interrupted;
        state.completed_at = None;
        state.current_phase = last;
        let missing = config.services.iter().map(|service| &service.name);
        let missing: Vec<&str> = missing
            .filter(|name| !is_running(name))
            .map(String::as_str)
            .collect();
        state.last_error = Some(format!("these services do not run: {}", missing.join(", ")));
    }
    // Checks that disturb are left out where they are known to have succeeded; what was made anew knows of none.
    state.steps.clear();
    state
}

/// A field's name, and how it is shown.
type Field = (&'static str, fn(&State) -> String);

fn differences(before: Option<&State>, after: &State) -> Vec<Difference> {
    let fields: [Field; 6] = [
        ("status", |state| words(&state.status)),
        ("current_phase", |state| state.current_phase.to_string()),
        ("completed_phases", |state| words(&state.completed_phases)),
        ("services_started", |state| listed(&state.services_started)),
        ("services_healthy", |state| listed(&state.services_healthy)),
        ("last_error", |state| {
            state
                .last_error
                .clone()
                .unwrap_or_else(|| "none".to_owned())
        }),
    ];
    let compared = fields.into_iter().filter_map(|(field, shown)| {
        let (before, after) = (before.map(shown), shown(after));
        (before.as_ref() != Some(&after)).then_some(Difference {
            field,
            before,
            after,
        })
    });
    compared.collect()
}

/// As the file has it; the order in which services were started says nothing here.
fn listed(names: &[String]) -> String {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn words<T: serde::Serialize>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    text.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests;
