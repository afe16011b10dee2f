//! The state after each event.

use chora_model::failure::{Code, Failure};

use super::*;
use crate::test_config::config;

fn facts() -> Facts {
    let config = config(&[("db", 1, &[]), ("web", 3, &["db"])]);
    let key = |text: &str| StepKey(text.to_owned());
    Facts {
        services: config
            .services
            .iter()
            .map(|service| (service.name.clone(), service.phase))
            .collect(),
        disturbing: [key("v/control")].into(),
        steps: [
            (key("c/start:db"), 1),
            (key("p/deploy:web"), 3),
            (key("v/control"), 4),
        ]
        .into(),
        backward: false,
        partial: false,
    }
}

fn fresh() -> State {
    State::new("dev", "process", "one")
}

fn take(state: &mut State, facts: &Facts, kinds: &[EventKind]) {
    for kind in kinds {
        reduce(state, facts, kind, Timestamp::UNIX_EPOCH);
    }
}

fn run_started(kind: RunKind, resumes: bool) -> EventKind {
    EventKind::RunStarted {
        run: "two".to_owned(),
        kind,
        environment: "dev".to_owned(),
        engine: "docker".to_owned(),
        dry_run: false,
        resumes: resumes.then(|| "one".to_owned()),
    }
}

fn step_started(key: &str) -> EventKind {
    EventKind::StepStarted {
        step: StepKey(key.to_owned()),
        phase: 1,
        title: "t".to_owned(),
        service: None,
    }
}

fn step_finished(key: &str, phase: u8, ending: Ending, change: Option<Change>) -> EventKind {
    EventKind::StepFinished {
        step: StepKey(key.to_owned()),
        phase,
        title: "t".to_owned(),
        ending,
        change,
        summary: String::new(),
        warnings: Vec::new(),
        duration_ms: 7,
        failure: None,
    }
}

fn phase_finished(phase: u8, ending: Ending) -> EventKind {
    EventKind::PhaseFinished {
        phase,
        ending,
        duration_ms: 1,
    }
}

fn healthy(service: &str) -> EventKind {
    EventKind::ServiceHealthy {
        service: service.to_owned(),
        step: None,
        waited_ms: 1,
        probes: 3,
        failed_probes: 0,
        confirm_us: 1,
    }
}

fn waited_in_vain(service: &str) -> EventKind {
    EventKind::ServiceNotHealthy {
        service: service.to_owned(),
        step: None,
        waited_ms: 1,
        probes: 1,
        failed_probes: 1,
        reason: "it ended".to_owned(),
    }
}

fn host_call(function: &str, target: &str, decision: &str) -> EventKind {
    EventKind::HostCall(HostCall {
        caller: "c/x".to_owned(),
        digest: String::new(),
        function: function.to_owned(),
        target: target.to_owned(),
        grant: None,
        decision: decision.to_owned(),
        needed: None,
        besides: Vec::new(),
        arguments: String::new(),
        bytes: 0,
        duration_us: 0,
    })
}

fn run_finished(kind: RunKind, ending: Ending, failures: Vec<Failure>) -> EventKind {
    EventKind::RunFinished(Box::new(Summary {
        run: "two".to_owned(),
        kind,
        environment: "dev".to_owned(),
        ending,
        exit_code: 0,
        dry_run: false,
        duration_ms: 1,
        changed: 0,
        unchanged: 0,
        skipped: 0,
        healthy: 0,
        services: 0,
        urls: Vec::new(),
        critical_path: Vec::new(),
        failures,
        journal_us: 0,
        journal: None,
    }))
}

#[test]
fn the_beginning_of_a_run_by_its_kind() {
    for (kind, resumes, status, run, retries) in [
        (RunKind::Bootstrap, false, Status::InProgress, "two", 0),
        (RunKind::Bootstrap, true, Status::InProgress, "two", 1),
        (RunKind::Rollback, true, Status::RollingBack, "two", 1),
        (RunKind::Reset, false, Status::RollingBack, "two", 0),
        (RunKind::Validate, false, Status::Completed, "one", 0),
    ] {
        let mut state = fresh();
        state.status = Status::Completed;
        take(&mut state, &facts(), &[run_started(kind, resumes)]);
        assert_eq!(
            (state.status, state.run.as_str(), state.retry_count),
            (status, run, retries),
            "{kind:?}"
        );
    }
}

#[test]
fn the_end_of_a_run_by_kind_and_ending() {
    use Ending::{Failed, Interrupted, Skipped, Succeeded};
    use RunKind::{Bootstrap, Reset, Rollback, Validate};
    for (kind, ending, status) in [
        (Bootstrap, Succeeded, Status::Completed),
        (Bootstrap, Failed, Status::Failed),
        (Bootstrap, Skipped, Status::Failed),
        (Bootstrap, Interrupted, Status::Interrupted),
        (Rollback, Succeeded, Status::RolledBack),
        (Rollback, Failed, Status::RollingBack),
        (Rollback, Interrupted, Status::RollingBack),
        (Rollback, Skipped, Status::RollingBack),
        (Reset, Succeeded, Status::RolledBack),
        (Reset, Failed, Status::RollingBack),
        (Reset, Interrupted, Status::RollingBack),
        (Validate, Failed, Status::InProgress),
        (Validate, Succeeded, Status::InProgress),
    ] {
        let mut state = fresh();
        state.rollback_to = Some(1);
        state.retry_count = 3;
        take(
            &mut state,
            &facts(),
            &[run_finished(kind, ending, Vec::new())],
        );
        assert_eq!(state.status, status, "{kind:?} {ending:?}");
        let done = ending == Succeeded && kind != Validate;
        assert_eq!(state.retry_count == 0, done, "{kind:?} {ending:?}");
        let rolled = done && kind != Bootstrap;
        assert_eq!(state.rollback_to.is_none(), rolled, "{kind:?} {ending:?}");
    }
}

#[test]
fn the_last_failure_stays_until_a_success() {
    let mut state = fresh();
    let failure = Failure::new(Code::CoreFailed, "it broke");
    take(
        &mut state,
        &facts(),
        &[run_finished(
            RunKind::Bootstrap,
            Ending::Failed,
            vec![failure],
        )],
    );
    assert_eq!(state.last_error.as_deref(), Some("it broke"));
    take(
        &mut state,
        &facts(),
        &[run_finished(
            RunKind::Bootstrap,
            Ending::Succeeded,
            Vec::new(),
        )],
    );
    assert_eq!((state.last_error, state.last_failure), (None, None));
    assert_eq!(state.completed_at, Some(Timestamp::UNIX_EPOCH));
}

#[test]
fn a_step_is_begun_before_it_is_anything_else() {
    let key = StepKey("c/start:db".to_owned());
    for (ending, progress) in [
        (Ending::Succeeded, Progress::Done),
        (Ending::Failed, Progress::Failed),
        (Ending::Interrupted, Progress::Begun),
    ] {
        let mut state = fresh();
        take(&mut state, &facts(), &[step_started("c/start:db")]);
        assert_eq!(state.steps[&key].progress, Progress::Begun);
        take(
            &mut state,
            &facts(),
            &[step_finished("c/start:db", 1, ending, None)],
        );
        assert_eq!(state.steps[&key].progress, progress);
    }
    let mut state = fresh();
    take(
        &mut state,
        &facts(),
        &[step_finished("v/control", 4, Ending::Skipped, None)],
    );
    assert!(
        state.steps.is_empty(),
        "a step that was left out is as it was"
    );
}

#[test]
fn services_are_started_by_steps_by_the_ledger_and_by_health() {
    let done = Some(Change::Unchanged);
    for kind in [
        step_finished("c/start:db", 1, Ending::Succeeded, done),
        host_call("services.start", "db:start", "allowed"),
        healthy("db"),
    ] {
        let mut state = fresh();
        take(&mut state, &facts(), &[kind.clone(), kind]);
        assert_eq!(state.services_started, ["db"]);
    }
    let mut state = fresh();
    take(
        &mut state,
        &facts(),
        &[
            host_call("services.start", "db:start", "denied"),
            host_call("services.start", "db:start", "planned"),
        ],
    );
    assert!(state.services_started.is_empty());
}

#[test]
fn services_that_fail_stop_or_go_are_not_healthy() {
    for (kind, started) in [
        (waited_in_vain("db"), true),
        (step_finished("c/start:db", 1, Ending::Failed, None), true),
        (host_call("services.stop", "db:stop", "allowed"), true),
        (host_call("services.remove", "db:remove", "allowed"), false),
    ] {
        let mut state = fresh();
        take(&mut state, &facts(), &[healthy("db"), kind]);
        assert!(state.services_healthy.is_empty());
        assert_eq!(!state.services_started.is_empty(), started);
    }
}

#[test]
fn a_completed_phase_leaves_one_checkpoint_however_often() {
    let mut state = fresh();
    let completed = [
        healthy("db"),
        phase_finished(1, Ending::Succeeded),
        phase_finished(0, Ending::Succeeded),
        phase_finished(1, Ending::Succeeded),
    ];
    take(&mut state, &facts(), &completed);
    assert_eq!(state.completed_phases, [0, 1]);
    let phases: Vec<u8> = state
        .checkpoints
        .iter()
        .map(|checkpoint| checkpoint.phase)
        .collect();
    assert_eq!(phases, [0, 1]);
    assert!(state.checkpoints[1].health_status["db"]);
    take(&mut state, &facts(), &[phase_finished(2, Ending::Failed)]);
    assert_eq!(state.completed_phases, [0, 1]);
}

#[test]
fn a_change_makes_what_disturbing_checks_proved_worthless() {
    let mut state = fresh();
    let control = StepKey("v/control".to_owned());
    take(
        &mut state,
        &facts(),
        &[step_finished(
            "v/control",
            4,
            Ending::Succeeded,
            Some(Change::Changed),
        )],
    );
    assert!(
        state.steps.contains_key(&control),
        "its own change is no reason"
    );
    take(
        &mut state,
        &facts(),
        &[step_finished(
            "c/start:db",
            1,
            Ending::Succeeded,
            Some(Change::Unchanged),
        )],
    );
    assert!(state.steps.contains_key(&control));
    take(
        &mut state,
        &facts(),
        &[step_finished(
            "c/start:db",
            1,
            Ending::Succeeded,
            Some(Change::Changed),
        )],
    );
    assert!(!state.steps.contains_key(&control));
}

#[test]
fn going_backward_takes_away_step_by_step_and_phase_by_phase() {
    let mut state = fresh();
    let up = [
        step_finished("c/start:db", 1, Ending::Succeeded, Some(Change::Changed)),
        phase_finished(1, Ending::Succeeded),
        step_finished("p/deploy:web", 3, Ending::Succeeded, Some(Change::Changed)),
        healthy("web"),
        phase_finished(3, Ending::Succeeded),
    ];
    take(&mut state, &facts(), &up);
    state.current_phase = 3;
    let mut back = facts();
    back.backward = true;
    take(
        &mut state,
        &back,
        &[step_finished(
            "p/deploy:web",
            3,
            Ending::Succeeded,
            Some(Change::Changed),
        )],
    );
    assert_eq!(
        (
            state.services_started.as_slice(),
            state.completed_phases.as_slice()
        ),
        (&["db".to_owned()][..], &[1, 3][..])
    );
    take(&mut state, &back, &[phase_finished(3, Ending::Succeeded)]);
    assert_eq!(
        (state.completed_phases.as_slice(), state.current_phase),
        (&[1][..], 2)
    );
    assert_eq!(state.checkpoints.len(), 1);
    assert_eq!(state.steps.len(), 1);
}

#[test]
fn undoing_only_some_steps_leaves_the_others_on_record() {
    let mut state = fresh();
    take(
        &mut state,
        &facts(),
        &[
            healthy("db"),
            step_finished("c/start:db", 1, Ending::Succeeded, None),
            phase_finished(1, Ending::Succeeded),
        ],
    );
    let mut back = facts();
    back.backward = true;
    back.partial = true;
    take(&mut state, &back, &[phase_finished(1, Ending::Succeeded)]);
    assert!(state.completed_phases.is_empty());
    assert_eq!(state.services_started, ["db"]);
    assert_eq!(state.steps.len(), 1);
}
