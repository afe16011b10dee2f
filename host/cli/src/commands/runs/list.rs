//! `chora runs list`: one line for each run.

use chora_bootstrap::history::{Record, Standing};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::words;
use crate::output::{CODE, Cell, Column, DIM, columns, left, one_line, paint, right};

const COLUMNS: [Column; 8] = [
    left("RUN"),
    left("KIND"),
    left("STARTED"),
    right("DURATION"),
    left("ENDING"),
    right("EXIT"),
    right("CHANGED"),
    left("DETAIL"),
];

/// The table with its last line end. `all` is how many runs there are, `length` how many characters of an identifier tell them apart.
pub(super) fn table(
    records: &[Record],
    all: usize,
    length: usize,
    now: Timestamp,
    options: &str,
) -> String {
    let rows: Vec<_> = records
        .iter()
        .map(|record| row(record, length, now))
        .collect();
    let mut lines = columns(&COLUMNS, &rows);
    let older = all.saturating_sub(records.len());
    if older > 0 {
        let command = format!("`chora runs list --limit {all}{options}`");
        lines.push(String::new());
        lines.push(format!(
            "{} {}",
            paint(
                DIM,
                format_args!("{older} older ones are left out; see all with")
            ),
            paint(CODE, command)
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn row(record: &Record, length: usize, now: Timestamp) -> [Cell; 8] {
    let run: String = record.run.chars().take(length).collect();
    let (style, standing) = words::standing(record);
    let standing = Cell::styled(style, standing);
    let Some(digest) = &record.digest else {
        let dash = || Cell::from("-");
        return [
            one_line(&run).into(),
            dash(),
            dash(),
            dash(),
            standing,
            dash(),
            dash(),
            detail(record).into(),
        ];
    };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let exit = digest.summary.as_ref();
    [
        one_line(&run).into(),
        words::kind(digest.kind).into(),
        or_dash(digest.started_at.map(|at| words::moment(at, now))).into(),
        words::duration(record, digest, now).into(),
        standing,
        or_dash(exit.map(|summary| summary.exit_code.to_string())).into(),
        digest.changed().to_string().into(),
        detail(record).into(),
    ]
}

/// Who failed, who is at work, and what is wrong with the journal.
fn detail(record: &Record) -> String {
    let mut said = Vec::new();
    match &record.standing {
        Standing::Ended => {}
        Standing::Killed => said.push("it ended without a word".to_owned()),
        Standing::Running { holder } => said.push(one_line(holder)),
        Standing::Unknown { reason } | Standing::Unreadable { reason } => {
            said.push(one_line(reason));
        }
    }
    if let Some(digest) = &record.digest {
        said.extend(
            digest
                .failures()
                .first()
                .map(|failure| words::culprit(failure)),
        );
    }
    said.extend(record.damage.as_ref().map(words::damage));
    said.join("; ")
}

/// The same for programs: what the table has, and the failures' first sentences.
pub(super) fn json(environment: &str, records: &[Record], all: usize, length: usize) -> Value {
    let runs: Vec<Value> = records.iter().map(|record| entry(record, length)).collect();
    json!({ "environment": environment, "all": all, "runs": runs })
}

fn entry(record: &Record, length: usize) -> Value {
    let short: String = record.run.chars().take(length).collect();
    let digest = record.digest.as_ref();
    let failed = digest.and_then(|digest| {
        let failure = *digest.failures().first()?;
        Some(json!({
            "code": failure.code,
            "message": failure.message,
            "phase": failure.phase,
            "step": failure.step,
            "service": failure.service,
            "plugin": failure.plugin,
        }))
    });
    json!({
        "run": record.run,
        "short": short,
        "journal": record.journal,
        "standing": record.standing,
        "damage": record.damage,
        "kind": digest.and_then(|digest| digest.kind),
        "started_at": digest.and_then(|digest| digest.started_at),
        "duration_ms": digest.map(|digest| digest.duration_ms),
        "ending": digest.and_then(|digest| digest.ending()),
        "exit_code": digest.and_then(|digest| Some(digest.summary.as_ref()?.exit_code)),
        "changed": digest.map(|digest| digest.changed()),
        "resumes": digest.and_then(|digest| digest.resumes.clone()),
        "failed": failed,
    })
}
