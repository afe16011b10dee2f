//! From events to digests and reports; `journals` goes on from there to files.

mod journals;

use chora_model::event::{Ending, Event, EventKind, HostCall, RunKind, Summary};
use chora_model::failure::{Code, Failure};
use chora_model::plan::{Change, StepKey};
use jiff::{SignedDuration, Timestamp};

use super::*;

fn at(elapsed_ms: u64, kind: EventKind) -> Event {
    at_after(Timestamp::UNIX_EPOCH, elapsed_ms, kind)
}

fn at_after(begun: Timestamp, elapsed_ms: u64, kind: EventKind) -> Event {
    let elapsed = SignedDuration::from_millis(i64::try_from(elapsed_ms).unwrap());
    Event {
        at: begun.checked_add(elapsed).unwrap(),
        elapsed_ms,
        kind,
    }
}

fn key(text: &str) -> StepKey {
    StepKey(text.to_owned())
}

fn run_started(kind: RunKind) -> EventKind {
    EventKind::RunStarted {
        run: "r".to_owned(),
        kind,
        environment: "dev".to_owned(),
        engine: "process".to_owned(),
        dry_run: false,
        resumes: Some("earlier".to_owned()),
    }
}

fn phase_started(phase: u8, undo: bool) -> EventKind {
    EventKind::PhaseStarted {
        phase,
        name: format!("phase {phase}"),
        steps: 2,
        undo,
    }
}

fn phase_finished(phase: u8, ending: Ending, duration_ms: u64) -> EventKind {
    EventKind::PhaseFinished {
        phase,
        ending,
        duration_ms,
    }
}

fn started(step: &str, phase: u8) -> EventKind {
    EventKind::StepStarted {
        step: key(step),
        phase,
        title: format!("Do {step}"),
        service: None,
    }
}

fn finished(step: &str, phase: u8, change: Change, duration_ms: u64) -> EventKind {
    EventKind::StepFinished {
        step: key(step),
        phase,
        title: format!("Do {step}"),
        ending: Ending::Succeeded,
        change: Some(change),
        summary: "done".to_owned(),
        warnings: Vec::new(),
        duration_ms,
        failure: None,
    }
}

fn failed(step: &str, phase: u8, duration_ms: u64) -> EventKind {
    EventKind::StepFinished {
        step: key(step),
        phase,
        title: format!("Do {step}"),
        ending: Ending::Failed,
        change: None,
        summary: "it broke".to_owned(),
        warnings: vec!["beware".to_owned()],
        duration_ms,
        failure: Some(Box::new(Failure::new(Code::CoreFailed, "it broke"))),
    }
}

fn call(caller: &str, function: &str, arguments: &str, duration_us: u64) -> HostCall {
    HostCall {
        caller: caller.to_owned(),
        digest: "d".to_owned(),
        function: function.to_owned(),
        target: "target".to_owned(),
        grant: Some("g".to_owned()),
        decision: "allowed".to_owned(),
        needed: None,
        besides: Vec::new(),
        arguments: arguments.to_owned(),
        bytes: 10,
        duration_us,
    }
}

fn denied(caller: &str) -> EventKind {
    EventKind::HostCall(HostCall {
        grant: None,
        decision: "denied".to_owned(),
        needed: Some("services=db:stop".to_owned()),
        ..call(caller, "services.stop", "x", 0)
    })
}

fn healthy(step: &str, failed_probes: u32) -> EventKind {
    EventKind::ServiceHealthy {
        service: "db".to_owned(),
        step: Some(key(step)),
        waited_ms: 80,
        probes: 3 + failed_probes,
        failed_probes,
        confirm_us: 20_500,
    }
}

fn run_finished(ending: Ending, duration_ms: u64, path: &[(&str, u64)]) -> EventKind {
    EventKind::RunFinished(Box::new(Summary {
        run: "r".to_owned(),
        kind: RunKind::Bootstrap,
        environment: "dev".to_owned(),
        ending,
        exit_code: u8::from(ending != Ending::Succeeded),
        dry_run: false,
        duration_ms,
        changed: 1,
        unchanged: 1,
        skipped: 0,
        healthy: 0,
        services: 0,
        urls: Vec::new(),
        critical_path: path.iter().map(|(step, took)| (key(step), *took)).collect(),
        failures: Vec::new(),
        journal_us: 700,
        journal: None,
    }))
}

/// Two phases; in the first, two steps side by side.
fn whole() -> Vec<Event> {
    vec![
        at(0, run_started(RunKind::Bootstrap)),
        at(
            1,
            EventKind::HostCall(call("p", "services.definition-of", "x", 100)),
        ),
        at(10, phase_started(1, false)),
        at(10, started("p/a", 1)),
        at(10, started("p/b", 1)),
        at(
            15,
            EventKind::HostCall(call("p/a", "http.send", "q", 1_000)),
        ),
        at(20, EventKind::HostCall(call("h/db", "http.send", "q", 500))),
        at(21, EventKind::HostCall(call("h/db", "http.send", "q", 500))),
        at(
            30,
            EventKind::HostCall(call("p/a", "http.send", "q", 2_000)),
        ),
        at(31, denied("p/a")),
        at(32, healthy("p/b", 2)),
        at(50, finished("p/a", 1, Change::Changed, 38)),
        at(60, finished("p/b", 1, Change::Unchanged, 48)),
        at(61, phase_finished(1, Ending::Succeeded, 51)),
        at(61, phase_started(2, false)),
        at(62, started("p/c", 2)),
        at(90, finished("p/c", 2, Change::Unchanged, 25)),
        at(91, phase_finished(2, Ending::Succeeded, 30)),
        at(
            100,
            run_finished(Ending::Succeeded, 100, &[("p/b", 48), ("p/c", 25)]),
        ),
    ]
}

#[test]
fn a_whole_run_is_told_by_phases_and_steps_with_what_happened_in_them() {
    let digest = Digest::of(&whole()).unwrap();

    assert_eq!(digest.kind, Some(RunKind::Bootstrap));
    assert_eq!(digest.resumes.as_deref(), Some("earlier"));
    assert_eq!(digest.started_at, Some(Timestamp::UNIX_EPOCH));
    assert_eq!((digest.duration_ms, digest.changed()), (100, 1));
    let shape: Vec<(u8, Option<u64>, Vec<&str>)> = digest
        .phases
        .iter()
        .map(|phase| {
            let steps = phase.steps.iter().map(|step| step.step.0.as_str());
            (phase.phase, phase.duration_ms, steps.collect())
        })
        .collect();
    assert_eq!(
        shape,
        [
            (1, Some(51), vec!["p/a", "p/b"]),
            (2, Some(30), vec!["p/c"])
        ]
    );
    let first = &digest.phases[0].steps[0];
    assert_eq!(
        first.calls,
        Calls {
            allowed: 2,
            planned: 0,
            denied: 1,
            bytes: 30,
            duration_us: 3_000
        }
    );
    assert!(matches!(first.moments[0].said, Said::Denied(_)));
    assert!(matches!(
        digest.phases[0].steps[1].moments[0].said,
        Said::Waited(Waited { healthy: true, .. })
    ));
    assert_eq!(digest.other_calls.allowed, 3);
    assert!(digest.notices.is_empty());
}

#[test]
fn the_time_of_a_run_is_split_without_counting_any_of_it_twice() {
    let report = Report::of("r", &Digest::of(&whole()).unwrap(), []);

    // Steps were at work from 12 to 60 and from 65 to 90.
    assert_eq!(
        report.time,
        TimeSplit {
            preparing_ms: 10,
            in_steps_ms: 48 + 25,
            between_ms: 17,
            journal_us: Some(700)
        }
    );
}

#[test]
fn the_critical_path_is_the_runs_own_with_each_steps_share() {
    let report = Report::of("r", &Digest::of(&whole()).unwrap(), []);

    assert_eq!(report.path_source, PathSource::Run);
    let path: Vec<(&str, u64, f64)> = report
        .critical_path
        .iter()
        .map(|step| (step.title.as_str(), step.duration_ms, step.share))
        .collect();
    assert_eq!(path, [("Do p/b", 48, 0.48), ("Do p/c", 25, 0.25)]);
}

#[test]
fn without_an_end_the_critical_path_is_found_by_the_times_of_the_steps() {
    let mut events = whole();
    events.truncate(16);
    events.push(at(75, started("p/later", 2)));
    events.push(at(
        80,
        EventKind::Notice {
            message: "x".into(),
        },
    ));
    let digest = Digest::of(&events).unwrap();

    let report = Report::of("r", &digest, []);

    assert_eq!(report.path_source, PathSource::Times);
    // Two steps have not ended: both count until the last event, and the longer one is what was waited for.
    let path: Vec<(&str, u64)> = report
        .critical_path
        .iter()
        .map(|step| (step.step.0.as_str(), step.duration_ms))
        .collect();
    assert_eq!(path, [("p/b", 48), ("p/c", 18)]);
    assert_eq!(report.time.journal_us, None);
    assert_eq!(report.ending, None);
}

#[test]
fn steps_are_compared_with_earlier_successes_that_changed_as_much() {
    let earlier = |change, took, ending| {
        Digest::of(&[
            at(0, run_started(RunKind::Bootstrap)),
            at(1, phase_started(1, false)),
            at(1, started("p/a", 1)),
            at(50, finished("p/a", 1, change, took)),
            at(51, run_finished(ending, 51, &[])),
        ])
        .unwrap()
    };
    let other_kind = Digest::of(&[
        at(0, run_started(RunKind::Reset)),
        at(1, finished("p/a", 1, Change::Changed, 1_000)),
        at(51, run_finished(Ending::Succeeded, 51, &[])),
    ]);
    let past = vec![
        earlier(Change::Changed, 10, Ending::Succeeded),
        earlier(Change::Unchanged, 1, Ending::Succeeded),
        earlier(Change::Changed, 1_000, Ending::Failed),
        earlier(Change::Changed, 28, Ending::Succeeded),
        other_kind.unwrap(),
    ];
    let usual = |events: &[Event], step: &str| {
        let report = Report::of("r", &Digest::of(events).unwrap(), past.clone());
        let slow = report.slowest.iter().find(|slow| slow.step == key(step));
        slow.unwrap().usual
    };
    let expected = |median_ms, ratio, runs| {
        Some(Usual {
            median_ms,
            ratio,
            runs,
        })
    };
    assert_eq!(usual(&whole(), "p/a"), expected(19, 2.0, 2));
    assert_eq!(usual(&whole(), "p/b"), None);
    let unchanged = [
        at(0, run_started(RunKind::Bootstrap)),
        at(9, finished("p/a", 1, Change::Unchanged, 9)),
    ];
    assert_eq!(usual(&unchanged, "p/a"), expected(1, 9.0, 1));
    let broken = [
        at(0, run_started(RunKind::Bootstrap)),
        at(95, failed("p/a", 1, 95)),
    ];
    assert_eq!(usual(&broken, "p/a"), expected(19, 5.0, 2));
}

#[test]
fn the_slowest_steps_come_first_and_left_out_ones_not_at_all() {
    let mut events = whole();
    events.insert(
        3,
        at(
            10,
            EventKind::StepFinished {
                step: key("p/skipped"),
                phase: 1,
                title: "s".to_owned(),
                ending: Ending::Skipped,
                change: None,
                summary: String::new(),
                warnings: Vec::new(),
                duration_ms: 0,
                failure: None,
            },
        ),
    );
    let digest = Digest::of(&events).unwrap();
    let report = Report::of("r", &digest, []);
    let order: Vec<&str> = report
        .slowest
        .iter()
        .map(|step| step.step.0.as_str())
        .collect();
    assert_eq!(order, ["p/b", "p/a", "p/c"]);
    assert_eq!(digest.phases[0].steps.len(), 3);
}

#[test]
fn retries_are_told_with_what_they_cost() {
    let mut events = whole();
    events.insert(
        11,
        at(
            33,
            EventKind::ServiceNotHealthy {
                service: "web".to_owned(),
                step: Some(key("p/a")),
                waited_ms: 500,
                probes: 9,
                failed_probes: 9,
                reason: "it ended".to_owned(),
            },
        ),
    );
    events.insert(12, at(34, healthy("p/b", 0)));
    let retries = Report::of("r", &Digest::of(&events).unwrap(), []).retries;

    assert_eq!(retries.resumes.as_deref(), Some("earlier"));
    let waits: Vec<(&str, bool, u64)> = retries
        .waits
        .iter()
        .map(|wait| {
            (
                wait.waited.service.as_str(),
                wait.waited.healthy,
                wait.lost_ms,
            )
        })
        .collect();
    // Waiting for `db` took 80 ms, and the answers that counted began 20 ms before its end.
    assert_eq!(
        waits,
        [("web", false, 500), ("db", true, 60), ("db", true, 0)]
    );
    // What the health check asks twice is no retry of a step.
    assert_eq!(
        retries.repeated,
        [Repeated {
            step: key("p/a"),
            function: "http.send".to_owned(),
            target: "target".to_owned(),
            times: 2,
            lost_ms: 15
        }]
    );
}

#[test]
fn denied_calls_name_plugin_function_target_and_the_missing_grant() {
    let report = Report::of("r", &Digest::of(&whole()).unwrap(), []);
    assert_eq!(
        report.denied,
        [Denied {
            plugin: "p".to_owned(),
            caller: "p/a".to_owned(),
            function: "services.stop".to_owned(),
            target: "target".to_owned(),
            needed: Some("services=db:stop".to_owned()),
        }]
    );
    let used: Vec<(&str, usize, usize, u64)> = report
        .plugins
        .iter()
        .map(|used| {
            (
                used.plugin.as_str(),
                used.calls.total(),
                used.calls.denied,
                used.calls.duration_us,
            )
        })
        .collect();
    assert_eq!(used, [("h", 2, 0, 1_000), ("p", 4, 1, 3_100)]);
}

#[test]
fn what_is_undone_after_a_failure_stands_beside_what_was_done() {
    let events = [
        at(0, run_started(RunKind::Bootstrap)),
        at(1, phase_started(1, false)),
        at(1, started("p/a", 1)),
        at(5, finished("p/a", 1, Change::Changed, 4)),
        at(5, started("p/b", 1)),
        at(9, failed("p/b", 1, 4)),
        at(9, phase_finished(1, Ending::Failed, 8)),
        at(10, phase_started(1, true)),
        at(10, started("p/a", 1)),
        at(12, finished("p/a", 1, Change::Changed, 2)),
        at(12, phase_finished(1, Ending::Succeeded, 2)),
    ];
    let digest = Digest::of(&events).unwrap();
    let phases: Vec<(bool, Option<Ending>, usize)> = digest
        .phases
        .iter()
        .map(|phase| (phase.undo, phase.ending, phase.steps.len()))
        .collect();
    assert_eq!(
        phases,
        [
            (false, Some(Ending::Failed), 2),
            (true, Some(Ending::Succeeded), 1)
        ]
    );
    assert_eq!(digest.failures()[0].message, "it broke");
    assert_eq!(digest.phases[0].steps[1].warnings, ["beware"]);
}

#[test]
fn any_part_of_a_run_makes_a_digest_and_a_report() {
    let events = whole();
    assert_eq!(Digest::of(&[]), None);
    for from in 0..events.len() {
        for to in from + 1..=events.len() {
            let digest = Digest::of(&events[from..to]).unwrap();
            assert_eq!(digest.started_at, Some(Timestamp::UNIX_EPOCH));
            let time = Report::of("r", &digest, []).time;
            assert_eq!(
                time.preparing_ms + time.in_steps_ms + time.between_ms,
                digest.duration_ms,
                "{from}..{to}"
            );
        }
    }
}
