//! The dispatcher with executors made for the test: order, limits, stops, and what is kept when.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use chora_model::config::Config;
use chora_model::event::RunKind;
use chora_model::layout::Layout;
use chora_model::plan::{Change, Plan, Step};
use chora_model::state::{self, Progress, State};
use chora_plugin_host::{CredentialVault, Outcome};
use tokio::sync::Semaphore;

use super::*;
use crate::dispatch::crew::StepEnd;
use crate::dispatch::work::tests::{plan, step};
use crate::journal;
use crate::record::Facts;
use crate::stage::{Commit, Keeps};
use crate::test_config::config;

/// What the test's executor does with a step, by its id.
#[derive(Clone, Copy)]
enum Fate {
    Same,
    Changes,
    Fails,
    /// Waits until it is cut off.
    Hangs,
    /// Waits until the run is to stop.
    Waits,
    Panics,
}

struct Fake {
    config: Config,
    fates: BTreeMap<&'static str, Fate>,
    /// A permit for every step that has begun to hang.
    hanging: Semaphore,
    journal: std::path::PathBuf,
    /// Steps whose intent was not in the journal when they were done.
    unannounced: Mutex<Vec<String>>,
    stopped: CancellationToken,
}

#[async_trait]
impl Executor for Fake {
    fn config(&self) -> &Config {
        &self.config
    }

    async fn perform(&self, step: &Step, turn: &Turn) -> StepEnd {
        if let Some(intent) = &turn.intent {
            tokio::select! {
                () = intent.durable() => {}
                () = turn.cut.cancelled() => return StepEnd {
                    result: Err(None),
                    took: Duration::ZERO,
                },
            }
        }
        let begun = journal::read(&self.journal).unwrap().events.into_iter().any(|event| {
            matches!(event.kind, EventKind::StepStarted { step: begun, .. } if begun == step.key)
        });
        if !begun {
            let mut unannounced = self
                .unannounced
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            unannounced.push(step.id.clone());
        }
        let outcome = |change| {
            Ok(Outcome {
                change,
                summary: "done".to_owned(),
                warnings: Vec::new(),
            })
        };
        let failed = |code, message: &str| {
            let mut failure = Failure::new(code, message);
            failure.phase = Some(step.phase);
            Err(Some(Box::new(failure)))
        };
        let result = match self
            .fates
            .get(step.id.as_str())
            .copied()
            .unwrap_or(Fate::Same)
        {
            Fate::Same => outcome(Change::Unchanged),
            Fate::Changes => outcome(Change::Changed),
            Fate::Fails => failed(Code::CoreFailed, "it failed"),
            Fate::Panics => panic!("as it should"),
            Fate::Waits => {
                self.hanging.add_permits(1);
                tokio::select! {
                    () = self.stopped.cancelled() => Err(None),
                    () = turn.cut.cancelled() => failed(Code::TimedOut, "it was cut off"),
                }
            }
            Fate::Hangs => {
                self.hanging.add_permits(1);
                turn.cut.cancelled().await;
                match turn.why.get() {
                    Some(Why::Stopped) | None => Err(None),
                    Some(Why::PhaseOver(_) | Why::RunOver(_)) => failed(Code::TimedOut, "too slow"),
                }
            }
        };
        StepEnd {
            result,
            took: Duration::from_millis(1),
        }
    }

    fn stop(&self) {
        self.stopped.cancel();
    }

    fn lost(&self, step: &Step, error: &JoinError, _backward: bool) -> StepEnd {
        let mut failure = Failure::new(Code::IoError, error.to_string());
        failure.phase = Some(step.phase);
        StepEnd {
            result: Err(Some(Box::new(failure))),
            took: Duration::ZERO,
        }
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl EventSink for Heard {
    fn emit(&self, kind: EventKind) {
        let line = match kind {
            EventKind::PhaseStarted { phase, steps, .. } => format!("phase {phase} with {steps}"),
            EventKind::PhaseFinished { phase, ending, .. } => format!("phase {phase} {ending:?}"),
            EventKind::StepStarted { step, .. } => format!("begin {step}"),
            EventKind::StepFinished { step, ending, .. } => format!("end {step} {ending:?}"),
            other => format!("{other:?}"),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}

struct Scenery {
    layout: Layout,
    heard: Arc<Heard>,
    stage: Arc<Stage>,
    crew: Arc<Fake>,
    _directory: tempfile::TempDir,
}

impl Scenery {
    /// The state on the disk, once what is being saved is saved.
    async fn saved(&self) -> State {
        self.stage.commit(Commit::Saved).await.unwrap();
        state::load(&self.layout).unwrap().unwrap()
    }
}

fn scenery(plan: &Plan, fates: &[(&'static str, Fate)], keeps: Keeps) -> Scenery {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::new(directory.path(), "dev", true);
    let config = config(&[("a", 1, &[])]);
    let vault = CredentialVault::new(
        layout.credentials(),
        layout.data(),
        config.credentials.clone(),
        Vec::new(),
    );
    let heard = Arc::new(Heard::default());
    let state = State::new("dev", "process", "run");
    let stage = Stage::new(
        layout.clone(),
        Arc::new(vault),
        Arc::clone(&heard) as _,
        state,
        "run".to_owned(),
        keeps,
    );
    stage.learn(Facts::of(&config, plan));
    let crew = Fake {
        config,
        fates: fates.iter().copied().collect(),
        hanging: Semaphore::new(0),
        journal: layout.journal("run"),
        unannounced: Mutex::default(),
        stopped: CancellationToken::new(),
    };
    Scenery {
        layout,
        heard,
        stage: Arc::new(stage),
        crew: Arc::new(crew),
        _directory: directory,
    }
}

fn two_phases() -> Plan {
    plan(&[
        step("p/a", 1, &[]),
        step("p/b", 1, &["p/a"]),
        step("p/c", 2, &[]),
    ])
}

fn one_and_two(plan: &Plan) -> Work {
    Work::forward(plan, &|_| false).only_phases(|phase| phase == 1 || phase == 2)
}

#[tokio::test]
async fn a_run_tells_records_and_keeps_everything() {
    let plan = two_phases();
    let scene = scenery(&plan, &[("b", Fate::Changes)], Keeps::ALL);
    let ran = dispatch(
        &scene.stage,
        &scene.crew,
        &one_and_two(&plan),
        &Cancel::new(),
    )
    .await;
    assert_eq!(ran.ending, Ending::Succeeded);
    assert_eq!(ran.counts(), (1, 2, 0));
    let heard = scene.heard.0.lock().unwrap().join("\n");
    assert_eq!(
        heard,
        "phase 1 with 2\nbegin p/a\nend p/a Succeeded\nbegin p/b\nend p/b Succeeded\nphase 1 Succeeded\n\
         phase 2 with 1\nbegin p/c\nend p/c Succeeded\nphase 2 Succeeded"
    );
    assert!(scene.crew.unannounced.lock().unwrap().is_empty());
    let state = scene.saved().await;
    assert_eq!(state.completed_phases, [1, 2]);
    assert!(
        state
            .steps
            .values()
            .all(|record| record.progress == Progress::Done)
    );
    let journal = journal::read(&scene.layout.journal("run")).unwrap();
    assert_eq!((journal.events.len(), journal.torn), (10, false));
}

#[tokio::test]
async fn a_failure_is_reported_with_who_was_waiting_and_is_in_the_state() {
    let plan = two_phases();
    let scene = scenery(&plan, &[("a", Fate::Fails)], Keeps::ALL);
    let ran = dispatch(
        &scene.stage,
        &scene.crew,
        &one_and_two(&plan),
        &Cancel::new(),
    )
    .await;
    assert_eq!(ran.ending, Ending::Failed);
    assert_eq!(ran.failures[0].waiting, ["Do b"]);
    let state = scene.saved().await;
    assert_eq!(
        state.steps.values().next().unwrap().progress,
        Progress::Failed
    );
    assert!(state.completed_phases.is_empty());
}

#[tokio::test]
async fn a_panic_of_a_step_is_its_failure_and_not_the_end_of_chora() {
    let plan = two_phases();
    let scene = scenery(&plan, &[("a", Fate::Panics)], Keeps::ALL);
    let ran = dispatch(
        &scene.stage,
        &scene.crew,
        &one_and_two(&plan),
        &Cancel::new(),
    )
    .await;
    assert_eq!(ran.ending, Ending::Failed);
    assert!(
        ran.failures[0].message.contains("panic"),
        "{}",
        ran.failures[0].message
    );
}

#[tokio::test]
async fn the_phase_deadline_cuts_what_hangs() {
    let plan = two_phases();
    let scene = scenery(&plan, &[("a", Fate::Hangs)], Keeps::ALL);
    let mut work = one_and_two(&plan);
    work.limits[1] = Duration::from_millis(20);
    let ran = dispatch(&scene.stage, &scene.crew, &work, &Cancel::new()).await;
    assert_eq!(ran.ending, Ending::Failed);
    assert_eq!(ran.failures[0].code, Code::TimedOut);
}

#[tokio::test]
async fn the_run_deadline_cuts_what_hangs() {
    let plan = two_phases();
    let scene = scenery(&plan, &[("a", Fate::Hangs)], Keeps::ALL);
    let mut work = one_and_two(&plan);
    work.deadline = Instant::now() + Duration::from_millis(20);
    let ran = dispatch(&scene.stage, &scene.crew, &work, &Cancel::new()).await;
    assert_eq!(
        (ran.ending, ran.failures[0].code),
        (Ending::Failed, Code::TimedOut)
    );
}

#[tokio::test]
async fn a_deadline_that_fails_no_step_is_still_explained() {
    let plan = two_phases();
    let scene = scenery(&plan, &[], Keeps::ALL);
    let mut work = one_and_two(&plan);
    // Already over when the first step is waited for; that step succeeds nevertheless.
    work.deadline = Instant::now();
    let ran = dispatch(&scene.stage, &scene.crew, &work, &Cancel::new()).await;
    if ran.ending == Ending::Failed {
        assert_eq!(ran.failures[0].code, Code::TimedOut);
    } else {
        assert!(ran.failures.is_empty());
    }
}

#[tokio::test]
async fn cancelling_now_interrupts_and_leaves_the_step_unknown() {
    let plan = two_phases();
    let scene = scenery(&plan, &[("a", Fate::Hangs)], Keeps::ALL);
    let cancel = Cancel::new();
    let work = one_and_two(&plan);
    let cancelling = async {
        scene.crew.hanging.acquire().await.unwrap().forget();
        cancel.request(Urgency::Now, "SIGINT");
    };
    let (ran, ()) = tokio::join!(
        dispatch(&scene.stage, &scene.crew, &work, &cancel),
        cancelling
    );
    assert_eq!(ran.ending, Ending::Interrupted);
    assert!(ran.failures.is_empty());
    let state = scene.saved().await;
    assert_eq!(
        state.steps.values().next().unwrap().progress,
        Progress::Begun
    );
}

#[tokio::test]
async fn a_graceful_stop_is_the_end_of_steps_that_wait_before_anything_is_cut_off() {
    let plan = two_phases();
    let scene = scenery(&plan, &[("a", Fate::Waits)], Keeps::ALL);
    let cancel = Cancel::new();
    let work = one_and_two(&plan);
    let cancelling = async {
        scene.crew.hanging.acquire().await.unwrap().forget();
        cancel.request(Urgency::Graceful, "SIGINT");
    };
    let (ran, ()) = tokio::join!(
        dispatch(&scene.stage, &scene.crew, &work, &cancel),
        cancelling
    );
    assert_eq!(ran.ending, Ending::Interrupted);
    assert!(ran.failures.is_empty(), "{:?}", ran.failures);
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_done() {
    let plan = two_phases();
    let scene = scenery(&plan, &[], Keeps::ALL);
    std::fs::create_dir_all(scene.layout.home.parent().unwrap()).unwrap();
    std::fs::write(&scene.layout.home, "a file where a directory should be").unwrap();
    let ran = dispatch(
        &scene.stage,
        &scene.crew,
        &one_and_two(&plan),
        &Cancel::new(),
    )
    .await;
    assert_eq!(
        (ran.ending, ran.failures[0].code),
        (Ending::Failed, Code::IoError)
    );
    assert!(
        ran.done
            .iter()
            .all(|done| done.ending == Ending::Interrupted)
    );
    assert!(scene.crew.unannounced.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_state_names_its_run_before_any_step_acts_and_is_saved_behind_it() {
    let plan = two_phases();
    let scene = scenery(&plan, &[("a", Fate::Hangs)], Keeps::ALL);
    let cancel = Cancel::new();
    let work = one_and_two(&plan);
    let looking = async {
        scene.crew.hanging.acquire().await.unwrap().forget();
        let state = state::load(&scene.layout).unwrap().unwrap();
        cancel.request(Urgency::Now, "SIGINT");
        state
    };
    let (_, state) = tokio::join!(dispatch(&scene.stage, &scene.crew, &work, &cancel), looking);
    assert_eq!((state.run.as_str(), state.current_phase), ("run", 1));
}

#[tokio::test]
async fn a_state_that_cannot_be_saved_behind_the_run_is_told() {
    let scene = scenery(&plan(&[]), &[], Keeps::ALL);
    scene.saved().await;
    let state = scene.layout.state();
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir_all(state.join("in the way")).unwrap();
    scene.stage.commit_behind(Commit::Saving);
    let failure = scene.stage.not_kept().await;
    assert_eq!(failure.code, Code::IoError, "{failure:?}");
    std::fs::remove_dir_all(&state).unwrap();
    assert_eq!(scene.saved().await.run, "run");
}

/// Nothing would make it durable: that is for the next commit, and there may be none.
#[tokio::test]
async fn a_change_waits_for_no_commit_that_is_not_to_be_durable() {
    let scene = scenery(&plan(&[]), &[], Keeps::ALL);
    scene.stage.commit(Commit::Durable).await.unwrap();
    scene.stage.commit(Commit::Told).await.unwrap();
    scene.stage.intent().unwrap().durable().await;
}

#[tokio::test]
async fn a_dry_run_writes_nothing_at_all() {
    let plan = plan(&[]);
    let scene = scenery(&plan, &[], Keeps::NOTHING);
    let ran = dispatch(
        &scene.stage,
        &scene.crew,
        &Work::forward(&plan, &|_| false),
        &Cancel::new(),
    )
    .await;
    assert_eq!(ran.ending, Ending::Succeeded);
    let summary = chora_model::event::Summary {
        run: "run".to_owned(),
        kind: RunKind::Bootstrap,
        environment: "dev".to_owned(),
        ending: Ending::Succeeded,
        exit_code: 0,
        dry_run: true,
        duration_ms: 0,
        changed: 0,
        unchanged: 0,
        skipped: 0,
        healthy: 0,
        services: 0,
        urls: Vec::new(),
        critical_path: Vec::new(),
        failures: Vec::new(),
        journal_us: 0,
        journal: None,
    };
    let summary = scene.stage.finish(summary).await;
    assert_eq!(summary.journal, None);
    assert!(!Path::new(&scene.layout.home).exists());
}
