//! Fixed events in, text out: what a reader sees of a run.

use chora_model::event::{
    Ending, Event, EventKind, HostCall, PluginCalled, PluginFunction, RunKind, Summary,
};
use chora_model::failure::{Code, Failure};
use chora_model::plan::{Change, StepKey};
use jiff::Timestamp;

use super::{Line, Story, json, report};

fn at(elapsed_ms: u64, kind: EventKind) -> Event {
    Event {
        at: Timestamp::UNIX_EPOCH,
        elapsed_ms,
        kind,
    }
}

fn started(id: &str, title: &str) -> EventKind {
    EventKind::StepStarted {
        step: StepKey::new("core-services", id),
        phase: 1,
        title: title.to_owned(),
        service: Some("manifest".to_owned()),
    }
}

fn finished(id: &str, title: &str, change: Change, summary: &str, duration_ms: u64) -> EventKind {
    EventKind::StepFinished {
        step: StepKey::new("core-services", id),
        phase: 1,
        title: title.to_owned(),
        ending: Ending::Succeeded,
        change: Some(change),
        summary: summary.to_owned(),
        warnings: Vec::new(),
        duration_ms,
        failure: None,
    }
}

fn failure() -> Failure {
    let mut failure = Failure::new(
        Code::CoreFailed,
        "`manifest` ended with exit code 1 after 120 ms\nit had \u{1b}[31mnot\u{1b}[0m answered once",
    );
    failure.phase = Some(1);
    failure.step = Some("core-services/start:manifest".to_owned());
    failure.service = Some("manifest".to_owned());
    failure.waiting = vec!["orchestrator".to_owned(), "gateway".to_owned()];
    failure.causes = vec!["the port 8500 is held by another process".to_owned()];
    failure.next_actions = vec![
        "look at the whole log with `chora logs manifest`".to_owned(),
        "run `chora bootstrap` again: it goes on from here".to_owned(),
    ];
    failure.log_tail = vec![
        "starting".to_owned(),
        "bind: \taddress in use\u{7}".to_owned(),
    ];
    failure.log_path = Some(".chora/logs/manifest.log".to_owned());
    failure.last_probe = Some("GET http://localhost:8500/health: connection refused".to_owned());
    failure.details = vec!["thread 'main' panicked\nat src/main.rs:1".to_owned()];
    failure
}

fn summary(ending: Ending) -> Summary {
    Summary {
        run: "0190".to_owned(),
        kind: RunKind::Bootstrap,
        environment: "dev".to_owned(),
        ending,
        exit_code: 0,
        dry_run: false,
        duration_ms: 3_456,
        changed: 2,
        unchanged: 1,
        skipped: 1,
        healthy: 2,
        services: 2,
        urls: vec![
            ("manifest".to_owned(), "http://localhost:8500".to_owned()),
            ("gateway".to_owned(), "http://localhost:8700".to_owned()),
        ],
        critical_path: vec![
            (StepKey::new("core-services", "start:manifest"), 120),
            (StepKey::new("core-services", "register"), 30),
        ],
        failures: Vec::new(),
        journal_us: 4_200,
        journal: Some(".chora/runs/0190.jsonl".to_owned()),
    }
}

fn beginning() -> Vec<Event> {
    let step = || StepKey::new("core-services", "start:manifest");
    vec![
        at(
            0,
            EventKind::RunStarted {
                run: "0190".to_owned(),
                kind: RunKind::Bootstrap,
                environment: "dev".to_owned(),
                engine: "process".to_owned(),
                dry_run: false,
                resumes: Some("018f".to_owned()),
            },
        ),
        at(
            0,
            EventKind::Notice {
                message: "the built-in default is used".to_owned(),
            },
        ),
        at(
            1,
            EventKind::PhaseStarted {
                phase: 1,
                name: "Core Services".to_owned(),
                steps: 4,
                undo: false,
            },
        ),
        at(1, started("start:manifest", "Start manifest")),
        at(
            2,
            EventKind::StepDoing {
                step: step(),
                what: "waiting for health".to_owned(),
            },
        ),
        at(
            3,
            EventKind::StepLog {
                step: step(),
                level: "info".to_owned(),
                message: "spawned".to_owned(),
            },
        ),
        at(
            3,
            EventKind::StepLog {
                step: step(),
                level: "warning".to_owned(),
                message: "slow \u{1b}[2Jdisk".to_owned(),
            },
        ),
        at(
            4,
            EventKind::HostCall(HostCall {
                caller: "core-services/start:manifest".to_owned(),
                digest: "ab".to_owned(),
                function: "services.start".to_owned(),
                target: "manifest".to_owned(),
                grant: Some("services=@phase:1:start".to_owned()),
                decision: "allowed".to_owned(),
                needed: None,
                besides: Vec::new(),
                arguments: "cd".to_owned(),
                bytes: 10,
                duration_us: 900,
            }),
        ),
        at(
            100,
            EventKind::ServiceHealthy {
                service: "manifest".to_owned(),
                step: Some(step()),
                waited_ms: 80,
                probes: 5,
                failed_probes: 2,
                confirm_us: 21_000,
            },
        ),
    ]
}

/// What a plugin was called for outside of steps.
fn called(plugin: &str, function: PluginFunction, about: &str, calls: u32, failed: u32) -> Event {
    let told = PluginCalled {
        plugin: plugin.to_owned(),
        function,
        about: about.to_owned(),
        calls,
        failed,
        duration_us: 7_000,
    };
    at(100, EventKind::PluginCalled(told))
}

#[test]
fn calls_outside_of_steps_are_details() {
    use PluginFunction::{Observe, Plan, Probe};
    let events = [
        called("courier", Plan, "phase 1", 1, 0),
        called("courier", Plan, "phase 1", 1, 1),
        called("pulse", Probe, "db", 1, 0),
        called("pulse", Probe, "db", 4, 3),
        called("herald\u{1b}", Observe, "run-started", 1, 0),
    ];
    let lines = [
        "out|     courier took 7 ms over the plan of phase 1",
        "out|     courier took 7 ms over the plan of phase 1 and failed",
        "out|     pulse took 7 ms over 1 probe of db",
        "out|     pulse took 7 ms over 4 probes of db, 3 of them failed",
        "out|     herald\\u{1b} took 7 ms over `run-started`",
    ];
    assert_eq!(told(true, &events).lines().collect::<Vec<_>>(), lines);
    assert_eq!(told(false, &events), "");
}

fn success() -> Vec<Event> {
    let mut events = beginning();
    events.extend([
        at(
            121,
            finished(
                "start:manifest",
                "Start manifest",
                Change::Changed,
                "healthy after 80 ms",
                120,
            ),
        ),
        at(122, started("register", "Register manifest")),
        at(
            150,
            finished("register", "Register manifest", Change::Unchanged, "", 30),
        ),
        at(
            150,
            EventKind::StepFinished {
                step: StepKey::new("core-services", "check"),
                phase: 1,
                title: "Check backend".to_owned(),
                ending: Ending::Skipped,
                change: None,
                summary: "holds since an earlier run".to_owned(),
                warnings: vec!["only 2 cores; 4 are recommended".to_owned()],
                duration_ms: 0,
                failure: None,
            },
        ),
        at(
            151,
            EventKind::PhaseFinished {
                phase: 1,
                ending: Ending::Succeeded,
                duration_ms: 150,
            },
        ),
        at(
            3_456,
            EventKind::RunFinished(Box::new(summary(Ending::Succeeded))),
        ),
    ]);
    events
}

fn fails() -> Vec<Event> {
    let mut events = beginning();
    events.push(at(
        110,
        EventKind::ServiceNotHealthy {
            service: "manifest".to_owned(),
            step: Some(StepKey::new("core-services", "start:manifest")),
            waited_ms: 10,
            probes: 2,
            failed_probes: 1,
            reason: "service `manifest` ended with exit code 1 after 10 ms".to_owned(),
        },
    ));
    let mut end = summary(Ending::Failed);
    end.exit_code = 2;
    end.healthy = 0;
    end.failures = vec![failure()];
    events.extend([
        at(
            121,
            EventKind::StepFinished {
                step: StepKey::new("core-services", "start:manifest"),
                phase: 1,
                title: "Start manifest".to_owned(),
                ending: Ending::Failed,
                change: None,
                summary: String::new(),
                warnings: Vec::new(),
                duration_ms: 120,
                failure: Some(Box::new(failure())),
            },
        ),
        at(
            122,
            EventKind::PhaseFinished {
                phase: 1,
                ending: Ending::Failed,
                duration_ms: 121,
            },
        ),
        at(123, EventKind::RunFinished(Box::new(end))),
    ]);
    events
}

fn told(verbose: bool, events: &[Event]) -> String {
    let mut story = Story::new(verbose, " --environment dev".to_owned());
    let mut text = String::new();
    for event in events {
        for line in story.tell(event) {
            let (stream, line) = match line {
                Line::Out(line) => ("out", line),
                Line::Err(line) => ("err", line),
            };
            for line in anstream::adapter::strip_str(&line).to_string().split('\n') {
                text.push_str(&format!("{stream}| {line}\n"));
            }
        }
    }
    text
}

#[test]
fn plain_lines_of_a_successful_run() {
    insta::assert_snapshot!(told(false, &success()));
}

#[test]
fn verbose_lines_tell_of_beginnings_and_details() {
    insta::assert_snapshot!(told(true, &success()));
}

#[test]
fn plain_lines_of_a_failed_run() {
    insta::assert_snapshot!(told(false, &fails()));
}

#[test]
fn verbose_lines_tell_of_a_wait_in_vain() {
    let text = told(true, &fails());
    assert!(
        text.contains("manifest is not healthy after 10 ms and 2 probes, 1 of them failed"),
        "{text}"
    );
}

#[test]
fn a_phase_that_is_undone_says_so_whatever_the_run_is_called() {
    let phase = EventKind::PhaseStarted {
        phase: 2,
        name: "Infrastructure Services".to_owned(),
        steps: 1,
        undo: true,
    };
    let text = told(false, &[at(0, phase)]);
    assert!(
        text.contains("Undo phase 2: Infrastructure Services"),
        "{text}"
    );
}

#[test]
fn a_dry_run_marks_what_would_be_done() {
    let mut end = summary(Ending::Succeeded);
    end.dry_run = true;
    let events = [
        at(
            0,
            EventKind::RunStarted {
                run: "0190".to_owned(),
                kind: RunKind::Bootstrap,
                environment: "dev".to_owned(),
                engine: "process".to_owned(),
                dry_run: true,
                resumes: None,
            },
        ),
        at(
            1,
            EventKind::PhaseStarted {
                phase: 1,
                name: "Core Services".to_owned(),
                steps: 1,
                undo: false,
            },
        ),
        at(
            2,
            finished(
                "start:manifest",
                "Start manifest",
                Change::Planned,
                "would be started",
                1,
            ),
        ),
        at(3, EventKind::RunFinished(Box::new(end))),
    ];
    insta::assert_snapshot!(told(false, &events));
}

#[test]
fn a_run_that_did_not_begin_says_nothing_of_services() {
    let mut end = summary(Ending::Failed);
    end.failures = vec![Failure::new(Code::Locked, "the environment is locked")];
    let text = told(false, &[at(3, EventKind::RunFinished(Box::new(end)))]);
    insta::assert_snapshot!(text, @r"
    out| 
    out| ✗ Bootstrap failed after 3.4 s
    err| 
    err| error[LOCKED]: the environment is locked
    err|   run journal: .chora/runs/0190.jsonl
    ");
}

#[test]
fn a_report_of_a_failure_without_style() {
    let text = report(&failure(), Some(".chora/runs/0190.jsonl"));
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
}

#[test]
fn each_json_line_is_an_event_and_the_last_one_the_summary() {
    let lines: Vec<String> = success().iter().map(json::line).collect();
    for (line, event) in lines.iter().zip(success()) {
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(serde_json::from_str::<Event>(line).unwrap(), event);
    }
    let last = lines.last().unwrap();
    assert_eq!(
        serde_json::from_str::<Summary>(last).unwrap(),
        summary(Ending::Succeeded)
    );
    insta::assert_snapshot!(lines.concat());
}

#[test]
fn json_lines_hold_no_control_characters() {
    let message = "\u{1b}[2J\u{9b}31m\u{202e}\u{7f}".to_owned();
    let line = json::line(&at(
        0,
        EventKind::Notice {
            message: message.clone(),
        },
    ));
    assert!(
        !line
            .trim_end_matches('\n')
            .chars()
            .any(|character| character.is_control() || character == '\u{202e}')
    );
    let read: Event = serde_json::from_str(&line).unwrap();
    assert_eq!(read.kind, EventKind::Notice { message });
}
