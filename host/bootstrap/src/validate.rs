//! `chora validate`: the checks of the last phase, all of them, on what runs now.

use std::sync::Arc;

use chora_engine::RunState;
use chora_model::event::{EventSink, RunKind, Summary};
use chora_model::failure::{Code, Failure};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::cancel::{Cancel, Urgency};
use crate::dispatch::{RUN, Work, dispatch};
use crate::planner::{self, Ask};
use crate::project::Project;
use crate::report;
use crate::session::{Session, Wanted, not_opened};

/// The phase whose steps are the checks.
const VALIDATION: u8 = 4;
/// The exit code when there is nothing that could be checked.
const NOT_RUNNING: u8 = 2;

/// How to validate.
#[derive(Debug, Clone, Default)]
pub struct ValidateOptions {
    /// Checks to leave out: `discovery`, `routing`, `control`.
    pub skip: Vec<String>,
}

/// Runs the checks. Disturbing ones are run whatever was recorded; the state is left as it is.
pub async fn validate(
    project: &Project,
    options: &ValidateOptions,
    events: Arc<dyn EventSink>,
    cancel: Cancel,
) -> Summary {
    let wanted = Wanted {
        kind: RunKind::Validate,
        dry_run: false,
        resume: true,
    };
    let begun = Instant::now();
    let session = match Session::open(project, wanted, Arc::clone(&events), &cancel).await {
        Ok(session) => session,
        Err(failure) => return not_opened(project, wanted, &events, begun, failure),
    };
    session.announce();
    match not_running(project).await {
        Ok(missing) if missing.is_empty() => {}
        Ok(missing) => {
            let failure = Failure::new(
                Code::ValidationFailed,
                format!(
                    "there is nothing to validate while services do not run: {}",
                    missing.join(", ")
                ),
            )
            .next("start them with `chora bootstrap`");
            return session.refuse_with(failure, NOT_RUNNING).await;
        }
        Err(failure) => return session.refuse(failure).await,
    }
    let run = session.stage.run.clone();
    let ask = Ask {
        run: &run,
        dry_run: false,
        phases: &|phase| phase == VALIDATION,
        skip: &options.skip,
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
            let failure = report::interrupted(RunKind::Validate, &cancel.reason());
            return session.refuse(failure).await;
        }
    };
    session.observe(&planned, &crew);
    session.learn(&planned, false, false);
    let work = Work::forward(&planned.plan, &|_| false)
        .only_phases(ask.phases)
        .within(&project.config, None, session.stage.begun, RUN);
    let ran = dispatch(&session.stage, &crew, &work, &cancel).await;
    session.finish(&work, ran, Vec::new(), &cancel).await
}

/// The configured services that do not run; without any service that is itself something to tell.
async fn not_running(project: &Project) -> Result<Vec<String>, Failure> {
    if project.config.services.is_empty() {
        return Ok(vec!["none is configured".to_owned()]);
    }
    let engine = project.engine();
    let looked = project.config.services.iter().map(|service| async move {
        let status = engine.inspect(&service.name).await;
        status.map(|status| (status.state != RunState::Running).then(|| service.name.clone()))
    });
    let mut missing = Vec::new();
    for found in join_all(looked).await {
        missing.extend(found.map_err(|error| report::engine_failure(&error))?);
    }
    Ok(missing)
}
