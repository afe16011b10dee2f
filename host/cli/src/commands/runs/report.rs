//! `chora runs report`: what the time of one run was made of, and what was repeated or refused in it.

use chora_bootstrap::history::{PathSource, Report, SlowStep, Wait};
use chora_model::event::Ending;
use jiff::Timestamp;

use super::{Told, show, words};
use crate::output::{
    BAD, BOLD, Cell, Column, DIM, WARN, columns, human_bytes, human_ms, human_us, left, one_line,
    paint, right,
};

const PATH: [Column; 3] = [left("STEP"), right("DURATION"), right("SHARE")];
const SLOW: [Column; 7] = [
    left("STEP"),
    right("DURATION"),
    right("SHARE"),
    left("CHANGE"),
    right("MEDIAN"),
    right("RATIO"),
    right("RUNS"),
];
const WAITS: [Column; 6] = [
    left("SERVICE"),
    left("STEP"),
    right("WAITED"),
    right("PROBES"),
    right("FAILED"),
    right("LOST"),
];
const REPEATED: [Column; 4] = [left("STEP"), left("CALL"), right("TIMES"), right("LOST")];
const DENIED: [Column; 4] = [
    left("PLUGIN"),
    left("FUNCTION"),
    left("TARGET"),
    left("MISSING GRANT"),
];
const PLUGINS: [Column; 6] = [
    left("PLUGIN"),
    right("CALLS"),
    right("PLANNED"),
    right("DENIED"),
    right("BYTES"),
    right("TIME"),
];

/// From this many medians on a step is worth a second look.
const SLOW_RATIO: f64 = 2.0;
/// Milliseconds below which a ratio says more about the machine than about the step.
const SLOW_MS: u64 = 50;

/// The whole with its last line end.
pub(super) fn text(told: &Told<'_>, report: &Report, now: Timestamp) -> String {
    let mut lines = show::heading(told.record, told.digest, now);
    let mut section = |heading: &str, body: Vec<String>| {
        lines.push(String::new());
        lines.push(paint(BOLD, heading));
        lines.extend(
            body.iter()
                .map(|line| format!("  {line}").trim_end().to_owned()),
        );
    };
    section("Time", time(report));
    section(path_heading(report.path_source), path(report));
    section(
        "Slowest steps, against earlier runs that succeeded",
        slowest(report),
    );
    section("Retries", retries(report));
    section("Denied calls", denied(report));
    section("Host calls by plugin", plugins(report));
    lines.push(String::new());
    lines.join("\n")
}

fn nothing(text: &str) -> Vec<String> {
    vec![paint(DIM, text)]
}

fn time(report: &Report) -> Vec<String> {
    let time = &report.time;
    let whole = report.duration_ms;
    let part = |ms: u64, what: &str| {
        let share = (ms * 100).checked_div(whole).unwrap_or(0);
        format!("{:>9}  {share:>3} %  {what}", human_ms(ms))
    };
    let mut lines = vec![
        part(time.preparing_ms, "preparing: loading plugins, planning"),
        part(time.in_steps_ms, "in steps"),
        part(
            time.between_ms,
            "not in any step: scheduling, journal, closing",
        ),
    ];
    if let Some(journal_us) = time.journal_us {
        lines.push(format!(
            "of all this, making journal and state durable took {}",
            human_us(journal_us)
        ));
    }
    lines
}

fn path_heading(source: PathSource) -> &'static str {
    match source {
        PathSource::Run => "Critical path",
        PathSource::Times => "Critical path, by the times of the steps: the run told no end",
    }
}

fn path(report: &Report) -> Vec<String> {
    if report.critical_path.is_empty() {
        return nothing("no step was done");
    }
    let rows: Vec<[Cell; 3]> = report
        .critical_path
        .iter()
        .map(|step| {
            [
                one_line(&step.title).into(),
                human_ms(step.duration_ms).into(),
                words::percent(step.share).into(),
            ]
        })
        .collect();
    columns(&PATH, &rows)
}

fn slowest(report: &Report) -> Vec<String> {
    if report.slowest.is_empty() {
        return nothing("no step was done");
    }
    let rows: Vec<[Cell; 7]> = report.slowest.iter().map(slow_row).collect();
    columns(&SLOW, &rows)
}

fn slow_row(step: &SlowStep) -> [Cell; 7] {
    let change = match step.ending {
        Some(Ending::Succeeded) => Cell::from(words::change(step.change)),
        Some(Ending::Failed) => Cell::styled(BAD, "failed"),
        Some(Ending::Interrupted) => Cell::styled(WARN, "interrupted"),
        Some(Ending::Skipped) => Cell::styled(DIM, "skipped"),
        None => Cell::styled(WARN, "no end"),
    };
    let dash = || Cell::from("-");
    let [median, ratio, runs] = match step.usual {
        None => [dash(), dash(), dash()],
        Some(usual) => {
            let ratio = format!("{:.1} x", usual.ratio);
            let is_slow = usual.ratio >= SLOW_RATIO && step.duration_ms >= SLOW_MS;
            [
                human_ms(usual.median_ms).into(),
                if is_slow {
                    Cell::styled(WARN, ratio)
                } else {
                    ratio.into()
                },
                usual.runs.to_string().into(),
            ]
        }
    };
    [
        one_line(&step.title).into(),
        human_ms(step.duration_ms).into(),
        words::percent(step.share).into(),
        change,
        median,
        ratio,
        runs,
    ]
}

fn retries(report: &Report) -> Vec<String> {
    let retries = &report.retries;
    let mut lines = Vec::new();
    if let Some(earlier) = &retries.resumes {
        lines.push(format!("the run goes on from run {}", one_line(earlier)));
    }
    let repeated: Vec<&Wait> = retries
        .waits
        .iter()
        .filter(|wait| wait.waited.failed_probes > 0 || !wait.waited.healthy)
        .collect();
    if !repeated.is_empty() {
        let rows: Vec<[Cell; 6]> = repeated.iter().map(|wait| wait_row(wait)).collect();
        lines.extend(columns(&WAITS, &rows));
    }
    if !retries.repeated.is_empty() {
        let rows: Vec<[Cell; 4]> = retries
            .repeated
            .iter()
            .map(|call| {
                [
                    one_line(&call.step.0).into(),
                    one_line(&format!("{} {}", call.function, call.target)).into(),
                    call.times.to_string().into(),
                    human_ms(call.lost_ms).into(),
                ]
            })
            .collect();
        lines.extend(columns(&REPEATED, &rows));
    }
    if lines.is_empty() {
        return nothing("nothing had to be repeated");
    }
    lines
}

fn wait_row(wait: &Wait) -> [Cell; 6] {
    let waited = &wait.waited;
    let service = one_line(&waited.service);
    [
        if waited.healthy {
            service.into()
        } else {
            Cell::styled(BAD, service)
        },
        wait.step
            .as_ref()
            .map_or_else(|| "-".to_owned(), |step| one_line(&step.0))
            .into(),
        human_ms(waited.waited_ms).into(),
        waited.probes.to_string().into(),
        waited.failed_probes.to_string().into(),
        human_ms(wait.lost_ms).into(),
    ]
}

fn denied(report: &Report) -> Vec<String> {
    if report.denied.is_empty() {
        return nothing("none");
    }
    let rows: Vec<[Cell; 4]> = report
        .denied
        .iter()
        .map(|call| {
            let grant = call.needed.as_deref().map(one_line);
            [
                one_line(&call.plugin).into(),
                one_line(&call.function).into(),
                one_line(&call.target).into(),
                grant
                    .unwrap_or_else(|| "none: not allowed while planning".to_owned())
                    .into(),
            ]
        })
        .collect();
    columns(&DENIED, &rows)
}

fn plugins(report: &Report) -> Vec<String> {
    if report.plugins.is_empty() {
        return nothing("no plugin called the host");
    }
    let rows: Vec<[Cell; 6]> = report
        .plugins
        .iter()
        .map(|used| {
            [
                one_line(&used.plugin).into(),
                used.calls.total().to_string().into(),
                used.calls.planned.to_string().into(),
                used.calls.denied.to_string().into(),
                human_bytes(used.calls.bytes).into(),
                human_us(used.calls.duration_us).into(),
            ]
        })
        .collect();
    columns(&PLUGINS, &rows)
}
