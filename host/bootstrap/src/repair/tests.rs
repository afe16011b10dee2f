//! What is made of journals and of what runs.

use chora_model::event::Summary;
use chora_model::state::Checkpoint;
use jiff::Timestamp;

use super::*;
use crate::test_config::config;

fn ecosystem() -> Config {
    config(&[("db", 1, &[]), ("api", 2, &["db"]), ("web", 3, &["api"])])
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn event(kind: EventKind) -> Event {
    Event {
        at: Timestamp::UNIX_EPOCH,
        elapsed_ms: 0,
        kind,
    }
}

fn started(kind: RunKind) -> Event {
    event(EventKind::RunStarted {
        run: format!("{kind:?}"),
        kind,
        environment: "dev".to_owned(),
        engine: "process".to_owned(),
        dry_run: false,
        resumes: None,
    })
}

fn healthy(service: &str) -> Event {
    event(EventKind::ServiceHealthy {
        service: service.to_owned(),
        step: None,
        waited_ms: 1,
        probes: 3,
        failed_probes: 0,
        confirm_us: 1,
    })
}

fn phase(phase: u8, undo: bool) -> [Event; 2] {
    [
        event(EventKind::PhaseStarted {
            phase,
            name: String::new(),
            steps: 1,
            undo,
        }),
        event(EventKind::PhaseFinished {
            phase,
            ending: Ending::Succeeded,
            duration_ms: 1,
        }),
    ]
}

fn finished(kind: RunKind, ending: Ending) -> Event {
    event(EventKind::RunFinished(Box::new(Summary {
        run: String::new(),
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
        services: 3,
        urls: Vec::new(),
        critical_path: Vec::new(),
        failures: Vec::new(),
        journal: None,
        journal_us: 0,
    })))
}

fn completed() -> Vec<Event> {
    let mut events = vec![started(RunKind::Bootstrap)];
    events.extend(["db", "api", "web"].map(healthy));
    events.extend((0..5).flat_map(|number| phase(number, false)));
    events.push(finished(RunKind::Bootstrap, Ending::Succeeded));
    events
}

fn retold(events: &[Event]) -> Option<State> {
    let facts = Facts::of(&ecosystem(), &Plan::default());
    retell(facts, "dev", events)
}

#[test]
fn a_completed_run_is_retold() {
    let state = retold(&completed()).unwrap();
    assert_eq!(state.status, Status::Completed);
    assert_eq!(state.completed_phases, [0, 1, 2, 3, 4]);
    assert_eq!(state.services_started, ["db", "api", "web"]);
    assert_eq!(state.checkpoints.len(), 5);
}

#[test]
fn a_killed_run_is_retold_up_to_where_it_came() {
    let mut events = completed();
    events.truncate(4);
    events.extend(phase(0, false));
    let state = retold(&events).unwrap();
    assert_eq!(state.status, Status::InProgress);
    assert_eq!(state.completed_phases, [0]);
}

#[test]
fn what_was_rolled_back_is_not_reached() {
    let mut events = completed();
    events.push(started(RunKind::Rollback));
    events.extend([4, 3, 2].into_iter().flat_map(|number| phase(number, true)));
    events.push(finished(RunKind::Rollback, Ending::Succeeded));
    let state = retold(&events).unwrap();
    assert_eq!(state.status, Status::RolledBack);
    assert_eq!(state.completed_phases, [0, 1]);
    assert_eq!(state.services_started, ["db"]);
}

#[test]
fn after_a_reset_the_story_begins_anew() {
    let mut events = completed();
    events.push(started(RunKind::Reset));
    events.push(finished(RunKind::Reset, Ending::Succeeded));
    assert_eq!(retold(&events), None);
    events.extend(completed());
    assert_eq!(retold(&events).unwrap().status, Status::Completed);
}

#[test]
fn what_runs_as_told_is_confirmed() {
    let told = retold(&completed()).unwrap();
    let confirmed = confirmed(&ecosystem(), told.clone(), &names(&["db", "api", "web"]));
    assert_eq!(differences(Some(&told), &confirmed), []);
}

#[test]
fn a_phase_whose_service_does_not_run_was_not_reached() {
    let told = retold(&completed()).unwrap();
    let found = confirmed(&ecosystem(), told.clone(), &names(&["db", "web", "stray"]));
    assert_eq!(found.status, Status::Interrupted);
    assert_eq!(found.completed_phases, [0, 1]);
    assert_eq!(found.current_phase, 1);
    assert_eq!(found.services_started, ["db", "web", "stray"]);
    assert_eq!(found.services_healthy, ["db", "web"]);
    let phases: Vec<u8> = found
        .checkpoints
        .iter()
        .map(|Checkpoint { phase, .. }| *phase)
        .collect();
    assert_eq!(phases, [0, 1]);
    assert!(found.last_error.clone().unwrap().contains("api"));
    let fields: Vec<&str> = differences(Some(&told), &found)
        .iter()
        .map(|difference| difference.field)
        .collect();
    assert_eq!(
        fields,
        [
            "status",
            "current_phase",
            "completed_phases",
            "services_started",
            "services_healthy",
            "last_error"
        ]
    );
    assert_eq!(differences(None, &found).len(), 6);
}
