//! Whole commands on a project without phase plugins, with an engine that only pretends.

mod engine;
mod waiting;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chora_model::config::{Config, PluginConfig};
use chora_model::event::{Ending, EventKind, EventSink, Summary};
use chora_model::failure::Code;
use chora_model::layout::Layout;
use chora_model::lock::EnvironmentLock;
use chora_model::state::{self, State, Status};

use crate::plugins::Plugins;
use crate::test_config::config;
use crate::*;
use engine::Pretended;

#[derive(Default)]
struct Heard(Mutex<Vec<EventKind>>);

impl EventSink for Heard {
    fn emit(&self, kind: EventKind) {
        self.0.lock().unwrap().push(kind);
    }
}

struct Place {
    project: Project,
    engine: Arc<Pretended>,
    heard: Arc<Heard>,
    directory: tempfile::TempDir,
}

fn place_of(config: Config) -> Place {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::new(directory.path(), "dev", true);
    let config = Arc::new(config);
    let plugins = Plugins::new(Arc::clone(&config), &layout, &[], None).unwrap();
    let engine = Arc::new(Pretended::default());
    Place {
        project: Project::of(config, layout, Arc::clone(&engine) as _, plugins),
        engine,
        heard: Arc::default(),
        directory,
    }
}

fn place() -> Place {
    place_of(config(&[("db", 1, &[])]))
}

fn options() -> BootstrapOptions {
    BootstrapOptions {
        resume: true,
        parallel: None,
        timeout: Duration::from_secs(60),
        skip_validation: false,
        dry_run: false,
        on_failure_rollback: false,
    }
}

impl Place {
    async fn bootstrap(&self, options: &BootstrapOptions) -> Summary {
        bootstrap(
            &self.project,
            options,
            Arc::clone(&self.heard) as _,
            Cancel::new(),
        )
        .await
    }

    async fn rollback(&self, to_phase: Option<u8>, keep_data: bool) -> Summary {
        let options = RollbackOptions {
            to_phase,
            keep_data,
            dry_run: false,
        };
        rollback(
            &self.project,
            &options,
            Arc::clone(&self.heard) as _,
            Cancel::new(),
        )
        .await
    }

    async fn reset(&self, volumes: bool, keep_credentials: bool) -> Summary {
        let options = ResetOptions {
            volumes,
            keep_credentials,
        };
        reset(
            &self.project,
            &options,
            Arc::clone(&self.heard) as _,
            Cancel::new(),
        )
        .await
    }

    fn state(&self) -> Option<State> {
        state::load(&self.project.layout).unwrap()
    }

    fn write_state(&self, change: impl FnOnce(&mut State)) {
        let mut state = State::new("dev", "pretended", "earlier");
        change(&mut state);
        state::save(&self.project.layout, &mut state).unwrap();
    }

    fn make_data(&self) {
        let layout = &self.project.layout;
        std::fs::create_dir_all(layout.service_data("db")).unwrap();
        self.project.vault().ensure().unwrap();
    }

    /// Whether there is data, and whether there are credentials.
    fn kept(&self) -> (bool, bool) {
        let layout = &self.project.layout;
        (layout.data().exists(), layout.credentials().exists())
    }
}

#[tokio::test]
async fn a_bootstrap_is_recorded_from_its_first_to_its_last_event() {
    let place = place();
    let summary = place.bootstrap(&options()).await;
    assert_eq!((summary.ending, summary.exit_code), (Ending::Succeeded, 0));
    let state = place.state().unwrap();
    assert_eq!(
        (state.status, state.completed_phases),
        (Status::Completed, vec![0, 1, 2, 3, 4])
    );
    let journal = journal::read(&place.project.layout.journal(&summary.run)).unwrap();
    assert!(matches!(
        journal.events.first().unwrap().kind,
        EventKind::RunStarted { .. }
    ));
    assert!(matches!(
        journal.events.last().unwrap().kind,
        EventKind::RunFinished(_)
    ));
    let heard = place.heard.0.lock().unwrap();
    assert_eq!(heard.len(), journal.events.len());
}

/// A project that keeps two journals and has an older one than those of this test.
fn place_that_prunes() -> (Place, std::path::PathBuf) {
    let mut config = config(&[("db", 1, &[])]);
    config.logging.keep_runs = 2;
    let place = place_of(config);
    let layout = &place.project.layout;
    std::fs::create_dir_all(layout.runs()).unwrap();
    let old = layout.journal("01900000-0000-7000-8000-000000000000");
    (place, old)
}

#[tokio::test]
async fn the_newest_journals_are_kept_and_older_ones_deleted_at_the_end_of_a_run() {
    let (place, old) = place_that_prunes();
    std::fs::write(&old, "").unwrap();
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(place.bootstrap(&options()).await.run);
        // Identifiers of the same millisecond are in no order.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let layout = &place.project.layout;
    let kept = |run: &String| layout.journal(run).exists();
    assert_eq!(
        runs.iter().map(kept).collect::<Vec<_>>(),
        [false, true, true]
    );
    assert!(!old.exists());

    std::fs::write(&old, "").unwrap();
    let dry = BootstrapOptions {
        dry_run: true,
        ..options()
    };
    place.bootstrap(&dry).await;
    assert!(old.exists(), "a dry run deletes nothing");
}

#[tokio::test]
async fn a_journal_that_the_state_refers_to_is_kept_whatever_its_age() {
    let (place, old) = place_that_prunes();
    std::fs::write(&old, "").unwrap();
    place.write_state(|state| {
        // After a kill, what an earlier run did would not count.
        state.status = Status::Completed;
        let record = state::StepRecord {
            progress: state::Progress::Done,
            run: "01900000-0000-7000-8000-000000000000".to_owned(),
            duration_ms: None,
        };
        state
            .steps
            .insert(chora_model::plan::StepKey::new("p", "a"), record);
    });
    for _ in 0..3 {
        assert_eq!(place.bootstrap(&options()).await.exit_code, 0);
    }
    assert!(old.exists());
}

#[tokio::test]
async fn a_journal_that_cannot_be_deleted_is_told_and_fails_no_run() {
    let (place, old) = place_that_prunes();
    std::fs::create_dir(&old).unwrap();
    for _ in 0..2 {
        assert_eq!(place.bootstrap(&options()).await.exit_code, 0);
    }
    let heard = place.heard.0.lock().unwrap();
    let told = heard.iter().any(
        |kind| matches!(kind, EventKind::Notice { message } if message.contains("01900000-0000")),
    );
    assert!(told, "{heard:?}");
    assert!(matches!(heard.last().unwrap(), EventKind::RunFinished(_)));
}

#[tokio::test]
async fn a_dry_run_leaves_no_file_behind() {
    let place = place();
    let dry = BootstrapOptions {
        dry_run: true,
        ..options()
    };
    assert_eq!(place.bootstrap(&dry).await.exit_code, 0);
    assert_eq!(
        std::fs::read_dir(place.directory.path()).unwrap().count(),
        0
    );
}

#[tokio::test]
async fn a_second_run_at_the_same_time_is_refused_and_names_the_first() {
    let place = place();
    let lock = place.project.layout.lock();
    let held = EnvironmentLock::acquire(&lock, "chora rollback").unwrap();
    let summary = place.bootstrap(&options()).await;
    assert_eq!(
        (summary.exit_code, summary.failures[0].code),
        (9, Code::Locked)
    );
    assert!(summary.failures[0].message.contains("chora rollback"));
    assert!(place.state().is_none());
    drop(held);
    assert_eq!(place.bootstrap(&options()).await.exit_code, 0);
}

#[tokio::test]
async fn a_killed_run_is_recognised_and_gone_on_with() {
    let place = place();
    place.write_state(|state| state.current_phase = 2);
    place.bootstrap(&options()).await;
    let heard = place.heard.0.lock().unwrap();
    let resumes = heard.iter().find_map(|kind| match kind {
        EventKind::RunStarted { resumes, .. } => resumes.clone(),
        _ => None,
    });
    assert_eq!(resumes.as_deref(), Some("earlier"));
}

#[tokio::test]
async fn without_resume_nothing_is_gone_on_with() {
    let place = place();
    place.write_state(|state| state.retry_count = 5);
    let anew = BootstrapOptions {
        resume: false,
        ..options()
    };
    place.bootstrap(&anew).await;
    let heard = place.heard.0.lock().unwrap();
    assert!(
        heard
            .iter()
            .any(|kind| matches!(kind, EventKind::RunStarted { resumes: None, .. }))
    );
}

#[tokio::test]
async fn another_engine_than_the_one_that_runs_the_services_is_refused() {
    let place = place();
    place.write_state(|state| {
        state.engine = "docker".to_owned();
        state.services_started = vec!["db".to_owned()];
    });
    let summary = place.bootstrap(&options()).await;
    assert_eq!(
        (summary.exit_code, summary.failures[0].code),
        (7, Code::ConfigError)
    );
    assert!(summary.failures[0].next_actions[0].contains("--engine docker"));
    assert_eq!(place.state().unwrap().run, "earlier");
}

#[tokio::test]
async fn a_corrupt_state_stops_everything_but_a_reset() {
    let place = place();
    let layout = &place.project.layout;
    std::fs::create_dir_all(&layout.home).unwrap();
    std::fs::write(layout.state(), "{\"schema_ver").unwrap();
    place.engine.run("stray");
    assert_eq!(place.bootstrap(&options()).await.exit_code, 8);
    assert_eq!(place.rollback(None, false).await.exit_code, 8);
    assert_eq!(
        std::fs::read_to_string(layout.state()).unwrap(),
        "{\"schema_ver"
    );
    let summary = place.reset(false, false).await;
    assert_eq!(summary.exit_code, 0, "{:?}", summary.failures);
    assert!(place.engine.running().is_empty());
    assert!(place.state().is_none());
    assert!(layout.journal(&summary.run).exists());
}

#[tokio::test]
async fn what_deploys_others_is_taken_down_before_them() {
    let mut config = config(&[("app", 3, &[]), ("deployer", 2, &[])]);
    config.services[0].deploy_via = Some("deployer".to_owned());
    let place = place_of(config);
    for name in ["app", "deployer", "stray"] {
        place.engine.run(name);
    }
    assert_eq!(place.reset(false, false).await.exit_code, 0);
    assert_eq!(
        *place.engine.removed.lock().unwrap(),
        ["deployer", "app", "stray"]
    );
}

#[tokio::test]
async fn data_and_credentials_live_and_go_together() {
    for (volumes, keep_credentials, expected) in [
        (false, false, (true, true)),
        (true, false, (false, false)),
        (true, true, (false, true)),
    ] {
        let place = place();
        place.bootstrap(&options()).await;
        place.make_data();
        assert_eq!(place.reset(volumes, keep_credentials).await.exit_code, 0);
        assert_eq!(place.kept(), expected);
        assert_eq!(
            place.reset(volumes, keep_credentials).await.exit_code,
            0,
            "again"
        );
        assert!(place.state().is_none());
    }
    for (target, keep_data, expected) in [
        (0, false, (false, false)),
        (0, true, (true, true)),
        (1, false, (true, true)),
    ] {
        let place = place();
        place.bootstrap(&options()).await;
        place.make_data();
        let summary = place.rollback(Some(target), keep_data).await;
        assert_eq!(summary.exit_code, 0, "{:?}", summary.failures);
        assert_eq!(place.kept(), expected);
        let state = place.state().unwrap();
        assert_eq!(
            (state.status, state.current_phase),
            (Status::RolledBack, target)
        );
        assert_eq!(state.rollback_to, None);
        assert_eq!(
            place.rollback(Some(target), keep_data).await.exit_code,
            0,
            "again"
        );
    }
}

#[tokio::test]
async fn a_rollback_to_where_one_cannot_go_changes_nothing() {
    let place = place();
    assert_eq!(place.rollback(None, false).await.exit_code, 2);
    place.bootstrap(&options()).await;
    let before = place.state();
    assert_eq!(place.rollback(Some(4), false).await.exit_code, 2);
    assert_eq!(place.state(), before);
}

#[tokio::test]
async fn validation_needs_services_that_run() {
    let place = place();
    let skip = ValidateOptions::default();
    let heard = || Arc::clone(&place.heard) as Arc<dyn EventSink>;
    let summary = validate(&place.project, &skip, heard(), Cancel::new()).await;
    assert_eq!(summary.exit_code, 2);
    place.engine.run("db");
    let summary = validate(&place.project, &skip, heard(), Cancel::new()).await;
    assert_eq!(summary.exit_code, 0);
    assert!(place.state().is_none());
}

#[tokio::test]
async fn an_interruption_before_the_first_step_is_told_as_one() {
    let place = place();
    let cancel = Cancel::new();
    cancel.request(Urgency::Now, "SIGTERM");
    let heard = Arc::clone(&place.heard) as _;
    let summary = bootstrap(&place.project, &options(), heard, cancel).await;
    assert_eq!(
        (summary.ending, summary.exit_code),
        (Ending::Interrupted, 6)
    );
    assert_eq!(summary.failures[0].code, Code::UserInterrupted);
}

#[tokio::test]
async fn status_looks_at_what_runs_and_not_at_what_was_recorded() {
    let place = place();
    assert_eq!(status(&place.project, &[]).await.unwrap().exit_code, 2);
    place.bootstrap(&options()).await;
    let found = status(&place.project, &[]).await.unwrap();
    assert_eq!((found.exit_code, found.services[0].status), (1, "absent"));
    place.engine.run("db");
    let found = status(&place.project, &["db".to_owned()]).await.unwrap();
    assert_eq!((found.exit_code, found.overall), (0, Overall::Healthy));
    let unknown = status(&place.project, &["dc".to_owned()])
        .await
        .unwrap_err();
    assert_eq!(unknown.code, Code::ConfigError);
}

#[test]
fn plugins_that_are_not_there_are_found_before_anything_runs() {
    let plugin = |path: Option<&str>| PluginConfig {
        name: "mine".to_owned(),
        path: path.map(Into::into),
        placement: None,
        grants: Vec::new(),
        settings: serde_json::Map::new(),
        enabled: true,
        required: false,
    };
    let directory = tempfile::tempdir().unwrap();
    let open = |config: Config| {
        let layout = Layout::new(directory.path(), "dev", true);
        let opened = Plugins::new(Arc::new(config), &layout, &[], None);
        opened.err().unwrap()
    };
    let mut missing = config(&[]);
    missing.plugins = vec![plugin(Some("mine.wasm"))];
    assert!(
        open(missing)
            .message
            .contains("mine.wasm` of plugin `mine` does not exist")
    );
    let mut nameless = config(&[]);
    nameless.plugins = vec![plugin(None)];
    assert!(open(nameless).message.contains("no `path`"));
    let mut unknown = config(&[("db", 1, &[])]);
    unknown.services[0].health.plugin = Some("pgcheck".to_owned());
    let failure = open(unknown);
    assert_eq!(
        (failure.code, failure.service.as_deref()),
        (Code::ConfigError, Some("db"))
    );
}
