//! `chora runs show`: the timeline of one run, and its failures in full as the run told them.

use chora_bootstrap::history::{
    Denied, Digest, Moment, PhaseDigest, Record, Said, Standing, StepDigest, Waited,
};
use chora_model::event::Ending;
use chora_model::plan::Change;
use jiff::Timestamp;

use super::{Told, words};
use crate::output::{
    BAD, BOLD, Cell, Column, DIM, GOOD, WARN, columns, human_ms, left, one_line, paint, right,
};
use crate::render;

const COLUMNS: [Column; 6] = [
    right("OFFSET"),
    left(""),
    left("STEP"),
    right("DURATION"),
    left("CHANGE"),
    left("WHAT"),
];

/// The whole with its last line end.
pub(super) fn text(told: &Told<'_>, now: Timestamp) -> String {
    let Told { record, digest } = told;
    let mut lines = heading(record, digest, now);
    lines.push(String::new());
    lines.extend(columns(&COLUMNS, &timeline(digest)));
    if let Some(calls) = words::calls(&digest.other_calls) {
        lines.push(String::new());
        lines.push(format!(
            "  {}: {calls}",
            paint(BOLD, "host calls of planning and of health checks")
        ));
    }
    let journal = record.journal.display().to_string();
    for failure in digest.failures() {
        lines.push(String::new());
        lines.push(render::report(failure, Some(&journal)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What every view of a run begins with.
pub(super) fn heading(record: &Record, digest: &Digest, now: Timestamp) -> Vec<String> {
    let or_unknown = |text: &Option<String>| text.as_deref().map_or("?".to_owned(), one_line);
    let mut lines = vec![format!(
        "{} {}: {} of {} with the {} engine",
        paint(BOLD, "Run"),
        one_line(&record.run),
        words::kind(digest.kind),
        paint(BOLD, or_unknown(&digest.environment)),
        or_unknown(&digest.engine),
    )];
    let mut fact = |name: &str, value: String| {
        lines.push(format!("  {}: {value}", paint(BOLD, name)));
    };
    if let Some(at) = digest.started_at {
        fact("started", words::moment(at, now));
    }
    let (style, standing) = words::standing(record);
    let took = words::duration(record, digest, now);
    let standing = paint(style, standing);
    let ended = match (&record.standing, &digest.summary) {
        (Standing::Ended, Some(summary)) => {
            format!("{standing} after {took}, exit code {}", summary.exit_code)
        }
        (Standing::Running { holder }, _) => {
            format!("{standing} for {took}, by {}", one_line(holder))
        }
        (Standing::Unknown { reason }, _) => {
            format!("{standing} after {took}: {}", one_line(reason))
        }
        (Standing::Killed | Standing::Ended | Standing::Unreadable { .. }, _) => {
            format!("{standing}; its last event is from {took} after its beginning")
        }
    };
    fact("ending", ended);
    if let Some(earlier) = &digest.resumes {
        fact("goes on from", one_line(earlier));
    }
    if let Some(damage) = &record.damage {
        fact("damage", paint(WARN, words::damage(damage)));
    }
    lines
}

/// Phases, steps and what belongs to none of them, by the time of their beginning.
fn timeline(digest: &Digest) -> Vec<[Cell; 6]> {
    let mut rows = Vec::new();
    let mut notices = digest.notices.iter().peekable();
    for phase in &digest.phases {
        let begun = phase.begun_ms.unwrap_or(0);
        while let Some(notice) = notices.next_if(|notice| notice.at_ms < begun) {
            rows.push(moment(notice));
        }
        rows.push(phase_row(phase));
        for step in &phase.steps {
            rows.push(step_row(step));
            rows.extend(step.moments.iter().map(moment));
            rows.extend(step.warnings.iter().map(|warning| {
                let text = format!("! {}", one_line(warning));
                aside(None, Cell::wide(WARN, text))
            }));
            rows.extend(words::calls(&step.calls).map(|calls| {
                let text = format!("host calls: {calls}");
                aside(None, Cell::wide(DIM, text))
            }));
        }
    }
    rows.extend(notices.map(moment));
    rows
}

fn phase_row(phase: &PhaseDigest) -> [Cell; 6] {
    let undo = if phase.undo { "Undo phase" } else { "Phase" };
    let ending = match phase.ending {
        None => Cell::styled(WARN, "no end"),
        Some(Ending::Succeeded) => Cell::from(""),
        Some(Ending::Failed) => Cell::styled(BAD, "failed"),
        Some(Ending::Interrupted) => Cell::styled(WARN, "interrupted"),
        Some(Ending::Skipped) => Cell::styled(DIM, "left out"),
    };
    [
        offset(phase.begun_ms),
        "".into(),
        Cell::styled(
            BOLD,
            format!("{undo} {}: {}", phase.phase, one_line(&phase.name)),
        ),
        phase.duration_ms.map_or_else(String::new, human_ms).into(),
        "".into(),
        ending,
    ]
}

fn step_row(step: &StepDigest) -> [Cell; 6] {
    let mark = match (step.ending, step.change) {
        (None, _) => Cell::styled(WARN, "⏳"),
        (Some(Ending::Succeeded), Some(Change::Planned)) => Cell::styled(WARN, "+"),
        (Some(Ending::Succeeded), _) => Cell::styled(GOOD, "✓"),
        (Some(Ending::Failed), _) => Cell::styled(BAD, "✗"),
        (Some(Ending::Interrupted), _) => Cell::styled(WARN, "✗"),
        (Some(Ending::Skipped), _) => Cell::styled(DIM, "-"),
    };
    let took = match step.ending {
        Some(Ending::Skipped) => "skipped".to_owned(),
        _ => step.duration_ms.map_or_else(String::new, human_ms),
    };
    let summary = match step.ending {
        None => "begun, and its end is not told".to_owned(),
        Some(_) => one_line(step.summary.lines().next().unwrap_or_default()),
    };
    [
        offset(step.begun_ms),
        mark,
        one_line(&step.title).into(),
        took.into(),
        words::change(step.change).into(),
        summary.into(),
    ]
}

fn moment(moment: &Moment) -> [Cell; 6] {
    let text = match &moment.said {
        Said::Notice { message } => Cell::wide(DIM, one_line(message)),
        Said::Doing { message } => Cell::wide(DIM, format!("doing: {}", one_line(message))),
        Said::Log { level, message } if level == "warning" => {
            Cell::wide(WARN, format!("! {}", one_line(message)))
        }
        Said::Log { level, message } => {
            Cell::wide(DIM, format!("{}: {}", one_line(level), one_line(message)))
        }
        Said::Waited(waited) => {
            let style = if waited.healthy { DIM } else { BAD };
            Cell::wide(style, self::waited(waited))
        }
        Said::Denied(denied) => Cell::wide(BAD, self::denied(denied)),
    };
    aside(Some(moment.at_ms), text)
}

/// What is told of a wait for health.
fn waited(waited: &Waited) -> String {
    let mut text = format!(
        "{} {} after {}, {} probes",
        one_line(&waited.service),
        if waited.healthy {
            "healthy"
        } else {
            "not healthy"
        },
        human_ms(waited.waited_ms),
        waited.probes
    );
    if waited.failed_probes > 0 {
        text.push_str(&format!(", {} of them failed", waited.failed_probes));
    }
    if let Some(reason) = &waited.reason {
        text.push_str(&format!(": {}", one_line(reason)));
    }
    text
}

fn denied(denied: &Denied) -> String {
    let call = format!("{} {}", denied.function, denied.target);
    let grant = match &denied.needed {
        Some(grant) => format!("needs the grant `{grant}`"),
        None => "no grant allows it there".to_owned(),
    };
    one_line(&format!("denied: {call}; {grant}"))
}

/// A line below a step: what happened in it, across the columns.
fn aside(at_ms: Option<u64>, text: Cell) -> [Cell; 6] {
    let at = at_ms.map_or_else(|| Cell::from(""), |at| Cell::styled(DIM, plus(at)));
    [at, "".into(), text, "".into(), "".into(), "".into()]
}

fn offset(begun_ms: Option<u64>) -> Cell {
    begun_ms.map_or_else(String::new, plus).into()
}

/// Offsets are compared with each other, so that seconds keep their milliseconds.
fn plus(at_ms: u64) -> String {
    match at_ms {
        1_000..60_000 => format!("+{}.{:03} s", at_ms / 1_000, at_ms % 1_000),
        _ => format!("+{}", human_ms(at_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::plus;

    #[test]
    fn offsets_keep_their_milliseconds_below_a_minute() {
        assert_eq!(plus(999), "+999 ms");
        assert_eq!(plus(1_005), "+1.005 s");
        assert_eq!(plus(60_000), "+1 min");
    }
}
