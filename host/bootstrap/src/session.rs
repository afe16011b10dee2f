//! A run from its lock to its summary: what bootstrap, rollback, reset and validate have in common.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chora_engine::EngineError;
use chora_model::event::{Ending, EventKind, EventSink, RunKind, Summary, millis};
use chora_model::failure::{Code, Failure};
use chora_model::file;
use chora_model::lock::EnvironmentLock;
use chora_model::state::{self, State, StateError, Status};
use chora_plugin_host::{ObservedEvent, Scene};
use tokio::time::Instant;
use uuid::Uuid;

use crate::cancel::{Cancel, Urgency};
use crate::dispatch::{Crew, Ran, Work, critical_path};
use crate::health::HealthWaiter;
use crate::history::prune;
use crate::observe::{Observed, Observers, observed_failure};
use crate::planner::Planned;
use crate::project::Project;
use crate::record::Facts;
use crate::removal;
use crate::replay;
use crate::report;
use crate::stage::{Keeps, Stage};

/// How often a lock that is waited for is tried: the kernel has no wait for it that could be broken off.
const LOCK_POLL: Duration = Duration::from_millis(50);
/// How long the end of a run waits for what cut-off calls left to be cleared away.
const SETTLED: Duration = Duration::from_secs(5);

/// What kind of run is to be opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) kind: RunKind,
    pub(crate) dry_run: bool,
    /// Whether to go on from what was recorded.
    pub(crate) resume: bool,
}

impl Wanted {
    fn command(self) -> &'static str {
        match self.kind {
            RunKind::Bootstrap => "chora bootstrap",
            RunKind::Rollback => "chora rollback",
            RunKind::Reset => "chora reset",
            RunKind::Validate => "chora validate",
        }
    }
}

/// A run that has begun.
pub(crate) struct Session<'a> {
    pub(crate) project: &'a Project,
    pub(crate) wanted: Wanted,
    pub(crate) stage: Arc<Stage>,
    pub(crate) scene: Arc<Scene>,
    pub(crate) health: Arc<HealthWaiter>,
    /// The state that was found, with what the journal knew besides.
    pub(crate) prior: Option<State>,
    /// Why the state could not be read; only a reset goes on in spite of that.
    pub(crate) unreadable: Option<Failure>,
    resumes: Option<String>,
    /// Who is told what happens, from when there is a plan until the run's end.
    observers: Mutex<Option<Observers>>,
    // Held until the session ends; absent in a dry run, which changes nothing.
    lock: Option<EnvironmentLock>,
}

impl<'a> Session<'a> {
    /// Takes the lock, reads the state and begins. Nothing but the lock file is written.
    pub(crate) async fn open(
        project: &'a Project,
        wanted: Wanted,
        events: Arc<dyn EventSink>,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        let lock = if wanted.dry_run {
            None
        } else {
            let say = |message| events.emit(EventKind::Notice { message });
            let locking = lock(project, wanted.command(), &say);
            tokio::select! {
                taken = locking => Some(taken?),
                _ = cancel.beyond(Urgency::None) => {
                    return Err(report::interrupted(wanted.kind, &cancel.reason()));
                }
            }
        };
        if lock.is_some() && wanted.kind != RunKind::Reset {
            project.plugins().are_current()?;
        }
        let (found, unreadable) = match state::load(&project.layout) {
            Ok(found) => (found, None),
            // Reset is the way out of a state that nothing else can use.
            Err(error) if wanted.kind == RunKind::Reset && is_damage(&error) => {
                (None, Some(report::state_failure(&error)))
            }
            Err(error) => return Err(report::state_failure(&error)),
        };
        let prior = found.map(|state| replay::with_journal(&project.layout, state));
        if let Some(prior) = &prior {
            same_engine(project, prior)?;
        }
        usable(project, wanted.kind).await?;
        let run = Uuid::now_v7().to_string();
        let engine = project.engine().kind();
        let resumes = prior
            .as_ref()
            .filter(|prior| wanted.resume && ended_early(wanted.kind, prior.status))
            .map(|prior| prior.run.clone());
        let mut state = prior
            .clone()
            .unwrap_or_else(|| State::new(&project.layout.environment, engine, &run));
        if !wanted.resume {
            state.steps.clear();
            state.retry_count = 0;
        }
        let keeps = match wanted.kind {
            _ if wanted.dry_run => Keeps::NOTHING,
            RunKind::Validate => Keeps::JOURNAL,
            RunKind::Reset if prior.is_none() => Keeps::JOURNAL,
            RunKind::Bootstrap | RunKind::Rollback | RunKind::Reset => Keeps::ALL,
        };
        let vault = Arc::clone(project.vault());
        let stage = Stage::new(project.layout.clone(), vault, events, state, run, keeps);
        let stage = Arc::new(stage);
        let (scene, health) = project.scene(Arc::clone(&stage) as _);
        Ok(Self {
            project,
            wanted,
            stage,
            scene,
            health,
            prior,
            unreadable,
            resumes,
            observers: Mutex::new(None),
            lock,
        })
    }

    /// Tells that the run begins.
    pub(crate) fn announce(&self) {
        self.stage.emit(EventKind::RunStarted {
            run: self.stage.run.clone(),
            kind: self.wanted.kind,
            environment: self.project.layout.environment.clone(),
            engine: self.project.engine().kind().to_owned(),
            dry_run: self.wanted.dry_run,
            resumes: self.resumes.clone(),
        });
    }

    /// Tells something that belongs to no step.
    pub(crate) fn notice(&self, message: impl Into<String>) {
        let message = message.into();
        self.stage.emit(EventKind::Notice { message });
    }

    /// Those who do the steps of a plan.
    pub(crate) async fn crew(&self, planned: &Planned) -> Result<Arc<Crew>, Failure> {
        let host = self.project.plugins().host().await;
        Ok(Arc::new(Crew {
            host: host.map_err(|error| report::load_failure(&error))?.clone(),
            plugins: planned.plugins.clone(),
            scene: Arc::clone(&self.scene),
            health: Arc::clone(&self.health),
            run: self.stage.run.clone(),
            dry_run: self.wanted.dry_run,
        }))
    }

    /// Lets the observers be told what happens from now on.
    pub(crate) fn observe(&self, planned: &Planned, crew: &Crew) {
        let observed = Observed {
            host: &crew.host,
            scene: &self.scene,
            stage: &self.stage,
            kind: self.wanted.kind,
            environment: &self.project.layout.environment,
            dry_run: self.wanted.dry_run,
        };
        let observers = Observers::start(&planned.observers, &observed);
        *self.observers() = Some(observers);
    }

    fn observers(&self) -> MutexGuard<'_, Option<Observers>> {
        self.observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the observers how the run ended, and answers what required ones failed at.
    async fn observed(&self, summary: &Summary, cancel: &Cancel) -> Vec<Failure> {
        let Some(observers) = self.observers().take() else {
            return Vec::new();
        };
        let duration = self.stage.begun.elapsed();
        let last = if summary.ending == Ending::Succeeded {
            ObservedEvent::RunCompleted {
                changed: summary.changed,
                unchanged: summary.unchanged,
                skipped: summary.skipped,
                duration,
            }
        } else {
            let mut failures = summary.failures.clone();
            self.stage.clean(&mut failures);
            ObservedEvent::RunFailed {
                interrupted: summary.ending == Ending::Interrupted,
                failures: failures.iter().map(observed_failure).collect(),
                duration,
            }
        };
        observers.end(&last, &self.stage, cancel).await
    }

    /// Tells the stage what the plan means.
    pub(crate) fn learn(&self, planned: &Planned, backward: bool, partial: bool) {
        self.stage.learn(Facts {
            backward,
            partial,
            ..Facts::of(&self.project.config, &planned.plan)
        });
    }

    /// Ends the run before it did anything; nothing of it is kept.
    pub(crate) async fn refuse(&self, failure: Failure) -> Summary {
        let ending = ending_of(&failure);
        let exit_code = report::exit_code(self.wanted.kind, ending, Some(&failure));
        self.refuse_with(failure, exit_code).await
    }

    /// The same with an exit code of the command's own.
    pub(crate) async fn refuse_with(&self, failure: Failure, exit_code: u8) -> Summary {
        self.stage.keep_nothing();
        let mut summary = self.summary(ending_of(&failure));
        summary.exit_code = exit_code;
        summary.failures = vec![failure];
        self.stage.finish(summary).await
    }

    /// Ends the run.
    pub(crate) async fn finish(
        &self,
        work: &Work,
        ran: Ran,
        mut further: Vec<Failure>,
        cancel: &Cancel,
    ) -> Summary {
        let ending = if ran.ending == Ending::Succeeded && !further.is_empty() {
            Ending::Failed
        } else {
            ran.ending
        };
        // A container whose step was cut off is being removed; what takes longer is left to the next run, or to a reset.
        if !self.scene.settled(SETTLED).await {
            self.notice("a container of a step that was cut off is still being removed".to_owned());
        }
        let mut summary = self.summary(ending);
        (summary.changed, summary.unchanged, summary.skipped) = ran.counts();
        summary.critical_path = critical_path(work, &ran.done);
        if ending == Ending::Interrupted {
            summary
                .failures
                .push(report::interrupted(self.wanted.kind, &cancel.reason()));
        }
        summary.failures.extend(ran.failures);
        summary.failures.append(&mut further);
        let unobserved = self.observed(&summary, cancel).await;
        if ending == Ending::Succeeded && !unobserved.is_empty() {
            summary.ending = Ending::Failed;
        }
        summary.failures.extend(unobserved);
        summary.exit_code =
            report::exit_code(self.wanted.kind, summary.ending, summary.failures.first());
        self.prune().await;
        summary.duration_ms = self.elapsed_ms();
        self.stage.finish(summary).await
    }

    /// Deletes journals that are too old to be kept. That it cannot is no fault of the run.
    async fn prune(&self) {
        if self.lock.is_none() {
            return;
        }
        let directory = self.project.layout.runs();
        let keep = self.project.config.logging.keep_runs;
        let state = self.stage.state();
        let steps = state.steps.into_values().map(|record| record.run);
        let spared: BTreeSet<String> = steps
            .chain([state.run, self.stage.run.clone()])
            .chain(self.resumes.clone())
            .collect();
        let pruned =
            tokio::task::spawn_blocking(move || prune::prune(&directory, keep, &spared)).await;
        let failed = match pruned {
            Ok(Ok(())) => return,
            Ok(Err(failed)) => failed,
            Err(error) => error.to_string(),
        };
        self.notice(format!("an old journal could not be deleted: {failed}"));
    }

    fn elapsed_ms(&self) -> u64 {
        millis(self.stage.begun.elapsed())
    }

    /// What is known of the run now.
    pub(crate) fn summary(&self, ending: Ending) -> Summary {
        let state = self.stage.state();
        let config = &self.project.config;
        let healthy = |name: &String| state.services_healthy.contains(name);
        let services = config.services.iter();
        let healthy: Vec<_> = services.filter(|service| healthy(&service.name)).collect();
        let urls = healthy.iter().filter_map(|service| {
            let url = service.origin()?.to_string();
            Some((service.name.clone(), url.trim_end_matches('/').to_owned()))
        });
        Summary {
            run: self.stage.run.clone(),
            kind: self.wanted.kind,
            environment: self.project.layout.environment.clone(),
            ending,
            exit_code: report::exit_code(self.wanted.kind, ending, None),
            dry_run: self.wanted.dry_run,
            duration_ms: self.elapsed_ms(),
            changed: 0,
            unchanged: 0,
            skipped: 0,
            healthy: healthy.len(),
            services: config.services.len(),
            urls: urls.collect(),
            critical_path: Vec::new(),
            failures: Vec::new(),
            journal_us: 0,
            journal: None,
        }
    }
}

fn ending_of(failure: &Failure) -> Ending {
    if failure.code == Code::UserInterrupted {
        Ending::Interrupted
    } else {
        Ending::Failed
    }
}

/// The summary of a run that could not even be opened, told as every run's.
pub(crate) fn not_opened(
    project: &Project,
    wanted: Wanted,
    events: &Arc<dyn EventSink>,
    begun: Instant,
    failure: Failure,
) -> Summary {
    let summary = Summary {
        run: Uuid::now_v7().to_string(),
        kind: wanted.kind,
        environment: project.layout.environment.clone(),
        ending: ending_of(&failure),
        exit_code: report::exit_code(wanted.kind, ending_of(&failure), Some(&failure)),
        dry_run: wanted.dry_run,
        duration_ms: millis(begun.elapsed()),
        changed: 0,
        unchanged: 0,
        skipped: 0,
        healthy: 0,
        services: project.config.services.len(),
        urls: Vec::new(),
        critical_path: Vec::new(),
        failures: vec![failure],
        journal_us: 0,
        journal: None,
    };
    events.emit(EventKind::RunStarted {
        run: summary.run.clone(),
        kind: wanted.kind,
        environment: summary.environment.clone(),
        engine: project.engine().kind().to_owned(),
        dry_run: wanted.dry_run,
        resumes: None,
    });
    events.emit(EventKind::RunFinished(Box::new(summary.clone())));
    summary
}

/// Takes the environment's lock in the name of a command, and clears what a killed one left half done. Waits for another holder as long as the project allows, and says so once.
pub(crate) async fn lock(
    project: &Project,
    command: &'static str,
    say: &(dyn Fn(String) + Sync),
) -> Result<EnvironmentLock, Failure> {
    let begun = Instant::now();
    let mut is_first = true;
    loop {
        let mut failure = match try_lock(project, command).await {
            Err(failure) if failure.code == Code::Locked => failure,
            taken => return taken,
        };
        let left = project.lock_wait.saturating_sub(begun.elapsed());
        if left.is_zero() {
            if !project.lock_wait.is_zero() {
                failure.details.push(format!(
                    "waited for it for {:.0?}, as `--lock-wait` says",
                    project.lock_wait
                ));
            }
            return Err(failure);
        }
        if std::mem::take(&mut is_first) {
            say(format!("{}; waiting for it to end", failure.message));
        }
        tokio::time::sleep(LOCK_POLL.min(left)).await;
    }
}

/// The same for a command that is no run: it does not wait for the lock any longer once it is asked to stop.
pub(crate) async fn lock_unless(
    cancel: &Cancel,
    project: &Project,
    command: &'static str,
    say: &(dyn Fn(String) + Sync),
) -> Result<EnvironmentLock, Failure> {
    tokio::select! {
        taken = lock(project, command, say) => taken,
        _ = cancel.beyond(Urgency::None) => {
            let reason = cancel.reason();
            let message = format!("`{command}` was interrupted ({reason}) while it waited; nothing was changed");
            Err(Failure::new(Code::UserInterrupted, message))
        }
    }
}

async fn try_lock(project: &Project, command: &'static str) -> Result<EnvironmentLock, Failure> {
    let layout = project.layout.clone();
    let taken = tokio::task::spawn_blocking(move || {
        let lock = EnvironmentLock::acquire(&layout.lock(), command)
            .map_err(|error| report::lock_failure(&error))?;
        // What a killed run left half done may be cleared by the lock's holder only.
        file::remove_leftovers(&layout.home).map_err(|error| report::file_failure(&error))?;
        removal::clear_leftovers(&layout)?;
        Ok(lock)
    });
    taken.await.unwrap_or_else(|error| {
        let message = format!("taking the lock did not end: {error}");
        Err(Failure::new(Code::IoError, message))
    })
}

/// Refuses to begin with files that are damaged; only a reset goes on in spite of them. The credentials are read early also so that from here on no secret gets into an event.
async fn usable(project: &Project, kind: RunKind) -> Result<(), Failure> {
    let credentials = project.vault().current();
    if kind == RunKind::Reset {
        return Ok(());
    }
    credentials.map_err(|error| report::credential_failure(&error))?;
    match project.engine().list().await {
        Err(error @ EngineError::DamagedRecord { .. }) => Err(report::engine_failure(&error)),
        // An engine that does not answer is told by the step that needs it.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A state that cannot be used; not one that another chora could use.
fn is_damage(error: &StateError) -> bool {
    match error {
        StateError::Unreadable { .. }
        | StateError::Corrupt { .. }
        | StateError::Foreign { .. }
        | StateError::WrongEnvironment { .. } => true,
        StateError::NewerSchema { .. } | StateError::Encode(_) | StateError::Write(_) => false,
    }
}

fn ended_early(kind: RunKind, status: Status) -> bool {
    match (kind, status) {
        (RunKind::Bootstrap, Status::InProgress | Status::Failed | Status::Interrupted)
        | (RunKind::Rollback | RunKind::Reset, Status::RollingBack) => true,
        (
            RunKind::Bootstrap | RunKind::Rollback | RunKind::Reset | RunKind::Validate,
            Status::InProgress
            | Status::Completed
            | Status::Failed
            | Status::Interrupted
            | Status::RolledBack
            | Status::RollingBack,
        ) => false,
    }
}

fn same_engine(project: &Project, prior: &State) -> Result<(), Failure> {
    let engine = project.engine().kind();
    if prior.engine == engine || prior.services_started.is_empty() {
        return Ok(());
    }
    let before = &prior.engine;
    Err(Failure::new(
        Code::ConfigError,
        format!("the services of this environment run on the engine `{before}`, and `{engine}` was chosen"),
    )
    .next(format!("go on with `--engine {before}`"))
    .next(format!("or take them down first, with `chora reset --engine {before}`")))
}
