//! Fixed runs in, text out: what a reader sees of the past.

use std::path::PathBuf;

use chora_bootstrap::history::{Damage, Digest, Record, Report, Standing};
use chora_model::event::{Ending, Event, EventKind, HostCall, RunKind, Summary};
use chora_model::failure::{Code, Failure};
use chora_model::plan::{Change, StepKey};
use jiff::{SignedDuration, Timestamp};

use super::{Told, list, report, show};

fn now() -> Timestamp {
    Timestamp::from_second(7_260).unwrap()
}

fn at(elapsed_ms: i64, kind: EventKind) -> Event {
    Event {
        at: Timestamp::UNIX_EPOCH + SignedDuration::from_millis(elapsed_ms),
        elapsed_ms: u64::try_from(elapsed_ms).unwrap(),
        kind,
    }
}

fn key() -> StepKey {
    StepKey::new("core-services", "start:db")
}

fn call(decision: &str) -> EventKind {
    EventKind::HostCall(HostCall {
        caller: key().0,
        digest: "d".to_owned(),
        function: "services.stop".to_owned(),
        target: "web".to_owned(),
        grant: None,
        decision: decision.to_owned(),
        needed: (decision == "denied").then(|| "services=web:stop".to_owned()),
        besides: Vec::new(),
        arguments: "a".to_owned(),
        bytes: 1_200,
        duration_us: 900,
    })
}

fn failure() -> Failure {
    let mut failure = Failure::new(Code::CoreFailed, "`db` \u{1b}[31mended");
    failure.phase = Some(1);
    failure.service = Some("db".to_owned());
    failure.log_tail = vec!["no \u{202e}space".to_owned()];
    failure.next("look with `chora logs db`")
}

/// A run that failed in its only step, or succeeded.
fn events(ending: Ending, took: u64) -> Vec<Event> {
    let failed = ending == Ending::Failed;
    vec![
        at(
            0,
            EventKind::RunStarted {
                run: "r".to_owned(),
                kind: RunKind::Bootstrap,
                environment: "dev".to_owned(),
                engine: "process".to_owned(),
                dry_run: false,
                resumes: failed.then(|| "019a0000-0000-7000-8000-000000000001".to_owned()),
            },
        ),
        at(
            1,
            EventKind::Notice {
                message: "going on \u{1b}[2Jfrom there".to_owned(),
            },
        ),
        at(
            10,
            EventKind::PhaseStarted {
                phase: 1,
                name: "Core Services".to_owned(),
                steps: 1,
                undo: false,
            },
        ),
        at(
            10,
            EventKind::StepStarted {
                step: key(),
                phase: 1,
                title: "Start db".to_owned(),
                service: Some("db".to_owned()),
            },
        ),
        at(20, call("allowed")),
        at(21, call("denied")),
        at(
            900,
            EventKind::ServiceNotHealthy {
                service: "db".to_owned(),
                step: Some(key()),
                waited_ms: 880,
                probes: 9,
                failed_probes: 9,
                reason: "it ended \u{9b}2J".to_owned(),
            },
        ),
        at(
            950,
            EventKind::StepFinished {
                step: key(),
                phase: 1,
                title: "Start db".to_owned(),
                ending,
                change: (!failed).then_some(Change::Changed),
                summary: "`db` ended".to_owned(),
                warnings: vec!["slow disk".to_owned()],
                duration_ms: took,
                failure: failed.then(|| Box::new(failure())),
            },
        ),
        at(
            960,
            EventKind::PhaseFinished {
                phase: 1,
                ending,
                duration_ms: 950,
            },
        ),
        at(
            1_000,
            EventKind::RunFinished(Box::new(Summary {
                run: "r".to_owned(),
                kind: RunKind::Bootstrap,
                environment: "dev".to_owned(),
                ending,
                exit_code: if failed { 2 } else { 0 },
                dry_run: false,
                duration_ms: 1_000,
                changed: usize::from(!failed),
                unchanged: 0,
                skipped: 0,
                healthy: 0,
                services: 1,
                urls: Vec::new(),
                critical_path: vec![(key(), took)],
                failures: if failed { vec![failure()] } else { Vec::new() },
                journal_us: 4_200,
                journal: None,
            })),
        ),
    ]
}

fn record(number: u8, standing: Standing, events: &[Event]) -> Record {
    let run = format!("019a0000-0000-7000-8000-00000000000{number}");
    Record {
        journal: PathBuf::from(format!(".chora/runs/{run}.jsonl")),
        run,
        standing,
        damage: None,
        digest: Digest::of(events),
    }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn records() -> Vec<Record> {
    let failed = events(Ending::Failed, 900);
    let mut damaged = record(3, Standing::Ended, &failed);
    damaged.damage = Some(Damage {
        altered: vec![7],
        missing: 0,
        torn: false,
    });
    let holder = "`chora bootstrap` (pid 7 on host)".to_owned();
    let reason = "no line of its journal is whole".to_owned();
    vec![
        record(5, Standing::Running { holder }, &failed[..4]),
        record(4, Standing::Killed, &failed[..6]),
        damaged,
        record(2, Standing::Unreadable { reason }, &[]),
        record(1, Standing::Ended, &events(Ending::Succeeded, 900)),
    ]
}

#[test]
fn the_list_tells_how_each_run_stands() {
    let table = list::table(&records(), 7, 36, now(), " --environment dev");
    insta::assert_snapshot!(plain(&table));
}

#[test]
fn the_list_for_programs_has_every_run() {
    let listed = list::json("dev", &records(), 7, 36);
    let runs = listed["runs"].as_array().unwrap();
    let states: Vec<&str> = runs
        .iter()
        .map(|run| run["standing"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        ["running", "killed", "ended", "unreadable", "ended"]
    );
    assert_eq!(runs[2]["exit_code"], 2);
    assert_eq!(runs[2]["failed"]["service"], "db");
    assert_eq!(runs[2]["damage"]["altered"][0], 7);
    assert!(runs[1]["exit_code"].is_null());
}

#[test]
fn a_failed_run_is_shown_with_its_failure_in_full() {
    let records = records();
    let record = &records[2];
    let digest = record.digest.as_ref().unwrap();
    insta::assert_snapshot!(plain(&show::text(&Told { record, digest }, now())));
}

#[test]
fn a_killed_run_is_shown_as_far_as_it_went() {
    let records = records();
    let record = &records[1];
    let digest = record.digest.as_ref().unwrap();
    insta::assert_snapshot!(plain(&show::text(&Told { record, digest }, now())));
}

#[test]
fn a_report_compares_and_names_what_is_missing() {
    let records = records();
    let record = &records[2];
    let digest = record.digest.as_ref().unwrap();
    let earlier = [300, 310, 290].map(|took| Digest::of(&events(Ending::Succeeded, took)).unwrap());
    let report = Report::of(&record.run, digest, earlier);
    insta::assert_snapshot!(plain(&report::text(
        &Told { record, digest },
        &report,
        now()
    )));
}

/// Takes out colours and nothing else that a terminal obeys.
fn without_styles(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut rest = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let end = piece
            .trim_start_matches(|character: char| character.is_ascii_digit() || character == ';');
        match end.strip_prefix('m') {
            Some(end) => rest.push_str(end),
            None => rest.push_str(&format!("\u{1b}[{piece}")),
        }
    }
    rest
}

#[test]
fn nothing_that_is_shown_moves_the_cursor() {
    for record in records() {
        let Some(digest) = &record.digest else {
            continue;
        };
        let report = Report::of(&record.run, digest, []);
        let told = Told {
            record: &record,
            digest,
        };
        for text in [
            show::text(&told, now()),
            report::text(&told, &report, now()),
            list::table(std::slice::from_ref(&record), 1, 8, now(), ""),
        ] {
            let text = without_styles(&text);
            let moves = |character: char| {
                (character.is_control() && character != '\n') || character == '\u{202e}'
            };
            assert!(!text.contains(moves), "{text:?}");
        }
    }
}
