//! `chora bootstrap`: every phase's steps, forward.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chora_model::event::{Ending, EventSink, RunKind, Summary};
use chora_model::failure::Failure;
use chora_model::plan::{Step, StepKey};
use chora_model::state::{Progress, State, Status};
use tokio::time::Instant;

use crate::cancel::{Cancel, Urgency};
use crate::compose;
use crate::dispatch::{Crew, Ran, Work, dispatch};
use crate::planner::{self, Ask, Planned};
use crate::project::Project;
use crate::report;
use crate::session::{Session, Wanted, not_opened};

/// The phase that `skip_validation` leaves out.
const VALIDATION: u8 = 4;

/// How a bootstrap is to be run.
#[derive(Debug, Clone)]
pub struct BootstrapOptions {
    /// Whether recorded progress counts: false runs disturbing checks again and begins to count attempts anew.
    pub resume: bool,
    /// The most steps at once; absent for a number that fits the machine.
    pub parallel: Option<usize>,
    /// How long the whole run may take.
    pub timeout: Duration,
    /// Whether to leave the last phase out.
    pub skip_validation: bool,
    /// Whether to change nothing and tell what would be.
    pub dry_run: bool,
    /// Whether to undo what this run changed when it fails.
    pub on_failure_rollback: bool,
}

/// Brings the environment up, or finds that it is.
pub async fn bootstrap(
    project: &Project,
    options: &BootstrapOptions,
    events: Arc<dyn EventSink>,
    cancel: Cancel,
) -> Summary {
    let wanted = Wanted {
        kind: RunKind::Bootstrap,
        dry_run: options.dry_run,
        resume: options.resume,
    };
    let begun = Instant::now();
    let session = match Session::open(project, wanted, Arc::clone(&events), &cancel).await {
        Ok(session) => session,
        Err(failure) => return not_opened(project, wanted, &events, begun, failure),
    };
    session.announce();
    tell_prior(&session, options);
    let engine = project.engine().as_ref();
    for warning in compose::warnings(engine, &project.config, &project.layout).await {
        session.notice(format!("warning: {warning}"));
    }
    let run = session.stage.run.clone();
    let ask = Ask {
        run: &run,
        dry_run: options.dry_run,
        phases: &|phase| phase != VALIDATION || !options.skip_validation,
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
            let failure = report::interrupted(RunKind::Bootstrap, &cancel.reason());
            return session.refuse(failure).await;
        }
    };
    session.observe(&planned, &crew);
    session.learn(&planned, false, false);
    let recorded = if options.resume {
        session.prior.as_ref()
    } else {
        None
    };
    let held = |step: &Step| step.disturbs && is_done(recorded, &step.key);
    let work = Work::forward(&planned.plan, &held)
        .only_phases(ask.phases)
        .within(
            &project.config,
            options.parallel,
            session.stage.begun,
            options.timeout,
        );
    let ran = dispatch(&session.stage, &crew, &work, &cancel).await;
    let further = if ran.ending == Ending::Failed && options.on_failure_rollback && !options.dry_run
    {
        undo(&session, &planned, &crew, &work, &ran, &cancel).await
    } else {
        Vec::new()
    };
    session.finish(&work, ran, further, &cancel).await
}

fn is_done(recorded: Option<&State>, key: &StepKey) -> bool {
    let record = recorded.and_then(|state| state.steps.get(key));
    record.is_some_and(|record| record.progress == Progress::Done)
}

fn tell_prior(session: &Session<'_>, options: &BootstrapOptions) {
    if options.skip_validation {
        session.notice("validation is left out");
    }
    let Some(prior) = &session.prior else {
        return;
    };
    let run = &prior.run;
    match prior.status {
        Status::InProgress if options.resume => {
            session.notice(format!(
                "run {run} ended without a word in phase {}; everything is looked at again",
                prior.current_phase
            ));
        }
        Status::Failed | Status::Interrupted if options.resume => {
            session.notice(format!(
                "going on from run {run}, which ended in phase {}",
                prior.current_phase
            ));
        }
        Status::RollingBack => {
            session.notice(format!(
                "the rollback of run {run} was not finished; going forward from what holds"
            ));
        }
        Status::InProgress
        | Status::Failed
        | Status::Interrupted
        | Status::Completed
        | Status::RolledBack => {}
    }
}

/// Undoes what this run changed, and answers what went wrong with that.
async fn undo(
    session: &Session<'_>,
    planned: &Planned,
    crew: &Arc<Crew>,
    work: &Work,
    ran: &Ran,
    cancel: &Cancel,
) -> Vec<Failure> {
    let ours = changed_by(work, ran, session.prior.as_ref());
    if ours.is_empty() {
        session.notice("this run has changed nothing, so there is nothing to roll back");
        return Vec::new();
    }
    session.notice("rolling back what this run changed");
    session.learn(planned, true, true);
    let steps = planned
        .plan
        .steps
        .iter()
        .filter(|step| ours.contains(&step.key));
    let phases: BTreeSet<u8> = steps.map(|step| step.phase).collect();
    let work = Work::backward(&planned.plan, None, &|step| ours.contains(&step.key))
        .only_phases(|phase| phases.contains(&phase))
        .within(
            &session.project.config,
            None,
            Instant::now(),
            crate::dispatch::RUN,
        );
    let back = dispatch(&session.stage, crew, &work, cancel).await;
    back.failures
}

/// The steps that changed something in this run, or may have: those that failed or were cut off, unless their service was there before.
fn changed_by(work: &Work, ran: &Ran, prior: Option<&State>) -> BTreeSet<StepKey> {
    let was_there = |step: &Step| {
        let service = step.service.as_ref();
        let started = prior.map(|prior| &prior.services_started);
        service
            .zip(started)
            .is_some_and(|(service, started)| started.contains(service))
    };
    let steps = ran.done.iter().filter_map(|done| {
        let step = work.steps.get(done.index)?;
        let changed = match done.ending {
            Ending::Succeeded => done.has_changed(),
            Ending::Failed | Ending::Interrupted => !was_there(step),
            Ending::Skipped => false,
        };
        changed.then(|| step.key.clone())
    });
    steps.collect()
}
