//! `chora rollback`: undoes the phases above a target, last first, and deletes data and credentials when nothing is left that needs them.

use std::sync::Arc;

use chora_model::event::{Ending, EventSink, RunKind, Summary};
use chora_model::failure::{Code, Failure};
use chora_model::state::{self, State, Status};
use tokio::time::Instant;

use crate::cancel::{Cancel, Urgency};
use crate::dispatch::{RUN, Work, dispatch};
use crate::planner::{self, Ask};
use crate::project::Project;
use crate::removal;
use crate::report;
use crate::session::{Session, Wanted, not_opened};

/// The highest phase that can be rolled back to.
const HIGHEST: u8 = 3;
/// The exit code for a target that makes no sense.
const INVALID_TARGET: u8 = 2;

/// How to roll back.
#[derive(Debug, Clone)]
pub struct RollbackOptions {
    /// The phase to keep, 0 to 3; absent for the one before the current phase, or the target of a rollback that was not finished.
    pub to_phase: Option<u8>,
    /// Whether to keep data and credentials when phase 1 is rolled back.
    pub keep_data: bool,
    /// Whether to change nothing and tell what would be.
    pub dry_run: bool,
}

/// What a rollback or reset is going to do, for the question that is asked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The phase that is kept.
    pub to_phase: u8,
    /// The services that will be stopped and removed, the last first.
    pub services: Vec<String>,
    /// Whether the services' data will be deleted.
    pub deletes_data: bool,
    /// Whether the credentials will be deleted.
    pub deletes_credentials: bool,
}

/// The target of a rollback.
fn target(prior: Option<&State>, to_phase: Option<u8>) -> Result<u8, Failure> {
    let Some(prior) = prior else {
        return Err(Failure::new(
            Code::RollbackFailed,
            "there is nothing to roll back: this environment was never bootstrapped",
        )
        .next("start it with `chora bootstrap`"));
    };
    // A run that began anew is in an early phase while later ones still hold.
    let completed = prior.completed_phases.iter().copied().max().unwrap_or(0);
    let current = prior.current_phase.max(completed);
    let unfinished = if prior.status == Status::RollingBack {
        prior.rollback_to
    } else {
        None
    };
    let invalid = |message: String| {
        let failure = Failure::new(Code::RollbackFailed, message);
        if current == 0 {
            failure.next("go on with `chora bootstrap`, or give everything up with `chora reset`")
        } else {
            failure.next(format!(
                "choose a phase from 0 to {} with `--to-phase`",
                (current - 1).min(HIGHEST)
            ))
        }
    };
    match to_phase.or(unfinished) {
        Some(target) if target > HIGHEST => Err(invalid(format!(
            "phase {target} is no target: a rollback goes to a phase from 0 to {HIGHEST}"
        ))),
        Some(target) if Some(target) == unfinished => Ok(target),
        // Rolling back to where a rollback went already does nothing, twice.
        Some(target) if target == current && prior.status == Status::RolledBack => Ok(target),
        Some(target) if target >= current => Err(invalid(format!(
            "phase {target} is no target: the environment is in phase {current}"
        ))),
        Some(target) => Ok(target),
        None => current.checked_sub(1).ok_or_else(|| {
            invalid("there is nothing to roll back: phase 0 starts no service".to_owned())
        }),
    }
}

/// What [`rollback`] would do. Looks at the state only.
///
/// # Errors
/// When the state cannot be read, or the target makes no sense.
pub fn rollback_preview(project: &Project, to_phase: Option<u8>) -> Result<Preview, Failure> {
    let prior = state::load(&project.layout).map_err(|error| report::state_failure(&error))?;
    let target = target(prior.as_ref(), to_phase)?;
    let started = prior
        .map(|prior| prior.services_started)
        .unwrap_or_default();
    let above = |name: &String| {
        let service = project.config.service(name);
        target == 0 || service.is_some_and(|service| service.phase > target)
    };
    Ok(Preview {
        to_phase: target,
        services: started.into_iter().rev().filter(above).collect(),
        deletes_data: target == 0,
        deletes_credentials: target == 0,
    })
}

/// Undoes every phase above the target.
pub async fn rollback(
    project: &Project,
    options: &RollbackOptions,
    events: Arc<dyn EventSink>,
    cancel: Cancel,
) -> Summary {
    let wanted = Wanted {
        kind: RunKind::Rollback,
        dry_run: options.dry_run,
        resume: true,
    };
    let begun = Instant::now();
    let session = match Session::open(project, wanted, Arc::clone(&events), &cancel).await {
        Ok(session) => session,
        Err(failure) => return not_opened(project, wanted, &events, begun, failure),
    };
    let target = target(session.prior.as_ref(), options.to_phase);
    session.announce();
    let target = match target {
        Ok(target) => target,
        Err(failure) => return session.refuse_with(failure, INVALID_TARGET).await,
    };
    session.stage.edit(|state| state.rollback_to = Some(target));
    let run = session.stage.run.clone();
    let ask = Ask {
        run: &run,
        dry_run: options.dry_run,
        phases: &|phase| phase > target,
        skip: &[],
    };
    let prepared = async {
        let planned = planner::plan(project, &session.scene, &ask).await?;
        let crew = session.crew(&planned).await?;
        Ok((planned, crew))
    };
    let (planned, crew) = tokio::select! {
        prepared = prepared => match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return session.refuse(failure).await,
        },
        _ = cancel.beyond(Urgency::None) => {
            let failure = report::interrupted(RunKind::Rollback, &cancel.reason());
            return session.refuse(failure).await;
        }
    };
    session.observe(&planned, &crew);
    session.learn(&planned, true, false);
    let work = Work::backward(&planned.plan, Some(target), &|_| true).within(
        &project.config,
        None,
        session.stage.begun,
        RUN,
    );
    let ran = dispatch(&session.stage, &crew, &work, &cancel).await;
    let mut further = Vec::new();
    let mut emptied = false;
    if ran.ending == Ending::Succeeded {
        if options.dry_run {
            tell_dry(&session, target, options.keep_data);
        } else {
            match complete(&session, target, options.keep_data).await {
                Ok(()) => emptied = target == 0 && !options.keep_data,
                Err(failure) => further.push(failure),
            }
        }
    }
    let summary = session.finish(&work, ran, further, &cancel).await;
    if emptied {
        project.vault().forget();
    }
    summary
}

fn tell_dry(session: &Session<'_>, target: u8, keep_data: bool) {
    if target == 0 && !keep_data {
        session.notice("the data and the credentials would be deleted");
    }
}

/// What remains to be done once every step was undone.
async fn complete(session: &Session<'_>, target: u8, keep_data: bool) -> Result<(), Failure> {
    if target == 0 {
        let project = session.project;
        // A service that is not configured any more would go on with data that is about to go.
        let strays = removal::sweep(project).await?;
        if !strays.is_empty() {
            session.notice(format!("stopped what was left: {}", strays.join(", ")));
        }
        for said in removal::sweep_engine(project, !keep_data).await? {
            session.notice(said);
        }
        if keep_data {
            session.notice(removal::kept(project)?);
        } else {
            for said in removal::delete(project, true, true)? {
                session.notice(said);
            }
        }
        session.stage.edit(|state| {
            state.services_started.clear();
            state.services_healthy.clear();
        });
    }
    session.stage.edit(|state| state.current_phase = target);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: Status, current_phase: u8, rollback_to: Option<u8>) -> State {
        State {
            status,
            current_phase,
            rollback_to,
            ..State::new("dev", "process", "run")
        }
    }

    #[test]
    fn targets_are_chosen_and_refused() {
        use Status::{Completed, Failed, InProgress, RolledBack, RollingBack};
        for (prior, asked, expected) in [
            (state(Completed, 4, None), None, Some(3)),
            (state(Completed, 4, None), Some(0), Some(0)),
            (state(Completed, 4, None), Some(3), Some(3)),
            (state(Completed, 4, None), Some(4), None),
            (state(Failed, 2, None), None, Some(1)),
            (state(Failed, 2, None), Some(2), None),
            (state(Failed, 2, None), Some(3), None),
            (state(Failed, 0, None), None, None),
            (state(RollingBack, 3, Some(1)), None, Some(1)),
            (state(RollingBack, 1, Some(1)), None, Some(1)),
            (state(RollingBack, 1, Some(1)), Some(1), Some(1)),
            (state(RollingBack, 3, Some(1)), Some(0), Some(0)),
            (state(RolledBack, 1, None), Some(1), Some(1)),
            (state(RolledBack, 1, None), Some(2), None),
            (state(RolledBack, 1, None), None, Some(0)),
            (state(InProgress, 1, None), None, Some(0)),
        ] {
            let found = target(Some(&prior), asked);
            assert_eq!(
                found.ok(),
                expected,
                "{:?} in {} to {asked:?}",
                prior.status,
                prior.current_phase
            );
        }
        assert!(target(None, Some(1)).is_err());
        let mut anew = state(InProgress, 0, None);
        anew.completed_phases = vec![0, 1, 2, 3, 4];
        assert_eq!(target(Some(&anew), Some(2)).unwrap(), 2);
    }
}
