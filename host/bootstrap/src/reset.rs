//! `chora reset`: takes everything down and forgets the state. The way out of whatever an environment has got into, so it goes on where a rollback would stop.

use std::sync::Arc;

use chora_model::config::PHASES;
use chora_model::event::{Ending, EventSink, RunKind, Summary};
use chora_model::failure::Failure;
use chora_model::state;
use tokio::time::Instant;

use crate::cancel::{Cancel, Urgency};
use crate::dispatch::{Crew, RUN, Ran, Work, dispatch};
use crate::planner::{self, Ask, Planned};
use crate::project::Project;
use crate::removal;
use crate::report;
use crate::rollback::Preview;
use crate::session::{Session, Wanted, not_opened};

/// How to reset.
#[derive(Debug, Clone)]
pub struct ResetOptions {
    /// Whether to delete data and credentials too.
    pub volumes: bool,
    /// Whether to spare the credentials when `volumes` deletes the data.
    pub keep_credentials: bool,
}

/// What [`reset`] would do. Looks at state and configuration only, and does not mind a state that cannot be read.
///
/// # Errors
/// When a newer chora wrote the state.
pub fn reset_preview(project: &Project, options: &ResetOptions) -> Result<Preview, Failure> {
    let configured = project
        .config
        .services
        .iter()
        .map(|service| service.name.clone());
    let services: Vec<String> = match state::load(&project.layout) {
        Ok(Some(state)) => state.services_started,
        Ok(None) => Vec::new(),
        Err(state::StateError::NewerSchema { path, found }) => {
            let error = state::StateError::NewerSchema { path, found };
            return Err(report::state_failure(&error));
        }
        Err(_) => configured.collect(),
    };
    Ok(Preview {
        to_phase: 0,
        services: services.into_iter().rev().collect(),
        deletes_data: options.volumes,
        deletes_credentials: options.volumes && !options.keep_credentials,
    })
}

/// Takes everything of the environment down, whatever its state says, and removes the state. Journals are kept.
pub async fn reset(
    project: &Project,
    options: &ResetOptions,
    events: Arc<dyn EventSink>,
    cancel: Cancel,
) -> Summary {
    let wanted = Wanted {
        kind: RunKind::Reset,
        dry_run: false,
        resume: true,
    };
    let begun = Instant::now();
    let session = match Session::open(project, wanted, Arc::clone(&events), &cancel).await {
        Ok(session) => session,
        Err(failure) => return not_opened(project, wanted, &events, begun, failure),
    };
    session.announce();
    session.stage.edit(|state| state.rollback_to = Some(0));
    if let Some(failure) = &session.unreadable {
        session.notice(format!("going on without the state: {}", failure.message));
    }
    let prepared = tokio::select! {
        prepared = prepare(&session) => prepared,
        _ = cancel.beyond(Urgency::None) => {
            let failure = report::interrupted(RunKind::Reset, &cancel.reason());
            return session.refuse(failure).await;
        }
    };
    let (work, mut ran) = match prepared {
        Ok((planned, crew)) => {
            session.observe(&planned, &crew);
            session.learn(&planned, true, false);
            let work = Work::backward(&planned.plan, None, &|_| true).within(
                &project.config,
                None,
                session.stage.begun,
                RUN,
            );
            let mut ran = dispatch(&session.stage, &crew, &work, &cancel).await;
            if ran.ending == Ending::Failed {
                in_spite_of(&session, &planned, &crew, &mut ran, &cancel).await;
            }
            (work, ran)
        }
        // Plugins that cannot be asked must not keep anybody from taking down what runs.
        Err(failure) => {
            session.notice(format!("going on without the plugins: {}", failure.message));
            let work = Work::backward(&chora_model::plan::Plan::default(), None, &|_| true);
            (work, Ran::nothing())
        }
    };
    let mut further = Vec::new();
    if ran.ending != Ending::Interrupted {
        match complete(&session, options, &mut ran).await {
            Ok(()) => {}
            Err(failure) => further.push(failure),
        }
    }
    let summary = session.finish(&work, ran, further, &cancel).await;
    if options.volumes && !options.keep_credentials {
        project.vault().forget();
    }
    summary
}

async fn prepare(session: &Session<'_>) -> Result<(Planned, Arc<Crew>), Failure> {
    let ask = Ask {
        run: &session.stage.run,
        dry_run: false,
        phases: &|_| true,
        skip: &[],
    };
    let planned = planner::plan(session.project, &session.scene, &ask).await?;
    let crew = session.crew(&planned).await?;
    Ok((planned, crew))
}

/// A step could not be undone. What it kept from being undone is now undone phase by phase, with nothing running that could be in the way.
async fn in_spite_of(
    session: &Session<'_>,
    planned: &Planned,
    crew: &Arc<Crew>,
    ran: &mut Ran,
    cancel: &Cancel,
) {
    session.notice("a step could not be undone; going on with the others");
    if let Err(failure) = removal::sweep(session.project).await {
        session.notice(failure.message);
    }
    ran.failures.clear();
    for number in (0..PHASES).rev() {
        let work = Work::backward(&planned.plan, None, &|_| true)
            .only_phases(|phase| usize::from(phase) == number)
            .within(&session.project.config, None, Instant::now(), RUN);
        let again = dispatch(&session.stage, crew, &work, cancel).await;
        ran.failures.extend(again.failures);
        if again.ending == Ending::Interrupted {
            ran.ending = Ending::Interrupted;
            return;
        }
    }
}

/// Takes down what is left, deletes what is to be deleted, and forgets the state.
async fn complete(
    session: &Session<'_>,
    options: &ResetOptions,
    ran: &mut Ran,
) -> Result<(), Failure> {
    let project = session.project;
    let strays = removal::sweep(project).await?;
    if !strays.is_empty() {
        session.notice(format!("stopped what was left: {}", strays.join(", ")));
    }
    // A step that failed to take a service down has failed at nothing any more.
    let (moot, real): (Vec<Failure>, Vec<Failure>) = ran
        .failures
        .drain(..)
        .partition(|failure| failure.service.is_some());
    for failure in moot {
        session.notice(format!("made up for: {}", failure.message));
    }
    ran.failures = real;
    if !ran.failures.is_empty() {
        return Ok(());
    }
    for said in removal::sweep_engine(project, options.volumes).await? {
        session.notice(said);
    }
    ran.ending = Ending::Succeeded;
    for said in removal::delete(
        project,
        options.volumes,
        options.volumes && !options.keep_credentials,
    )? {
        session.notice(said);
    }
    if !options.volumes {
        session.notice(removal::kept(project)?);
    } else if options.keep_credentials {
        session.notice("the credentials were kept");
    }
    state::remove(&project.layout).map_err(|error| report::state_failure(&error))?;
    session.stage.keep_no_state();
    session.stage.edit(|state| {
        state.services_started.clear();
        state.services_healthy.clear();
    });
    Ok(())
}
