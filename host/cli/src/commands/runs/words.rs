//! How runs, endings and numbers are called in all three views.

use anstyle::Style;
use chora_bootstrap::history::{Calls, Damage, Digest, Record, Standing};
use chora_model::event::{Ending, RunKind};
use chora_model::failure::Failure;
use chora_model::plan::Change;
use jiff::Timestamp;

use crate::output::{BAD, DIM, GOOD, WARN, human, human_bytes, human_us, one_line};

/// What was done, in one word.
pub(in crate::commands) fn kind(kind: Option<RunKind>) -> &'static str {
    match kind {
        Some(RunKind::Bootstrap) => "bootstrap",
        Some(RunKind::Rollback) => "rollback",
        Some(RunKind::Reset) => "reset",
        Some(RunKind::Validate) => "validate",
        None => "unknown",
    }
}

/// How a run ended, and in which style that is said.
pub(super) fn standing(record: &Record) -> (Style, &'static str) {
    let ending = record.digest.as_ref().and_then(Digest::ending);
    match (&record.standing, ending) {
        (Standing::Running { .. }, _) => (WARN, "going on"),
        (Standing::Killed, _) => (BAD, "killed"),
        (Standing::Unknown { .. }, _) => (WARN, "no end"),
        (Standing::Unreadable { .. }, _) => (BAD, "unreadable"),
        (Standing::Ended, Some(ended)) => ending_of(ended),
        (Standing::Ended, None) => (WARN, "ended"),
    }
}

fn ending_of(ending: Ending) -> (Style, &'static str) {
    match ending {
        Ending::Succeeded => (GOOD, "succeeded"),
        Ending::Failed => (BAD, "failed"),
        Ending::Interrupted => (WARN, "interrupted"),
        Ending::Skipped => (DIM, "skipped"),
    }
}

/// What a step changed.
pub(super) fn change(change: Option<Change>) -> &'static str {
    match change {
        Some(Change::Changed) => "changed",
        Some(Change::Unchanged) => "unchanged",
        Some(Change::Planned) => "planned",
        None => "",
    }
}

/// How long a run took, or has gone on.
pub(super) fn duration(record: &Record, digest: &Digest, now: Timestamp) -> String {
    let known = std::time::Duration::from_millis(digest.duration_ms);
    let taken = match (&record.standing, digest.started_at) {
        // Nothing is written while a step waits.
        (Standing::Running { .. }, Some(begun)) => {
            std::time::Duration::try_from(now.duration_since(begun)).unwrap_or(known)
        }
        _ => known,
    };
    human(taken)
}

/// A moment to the second, and how long ago it was.
pub(in crate::commands) fn moment(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.strftime("%Y-%m-%dT%H:%M:%SZ");
    match std::time::Duration::try_from(now.duration_since(at)) {
        Ok(ago) => format!("{seconds} ({} ago)", coarse(ago)),
        // The clock was set back since.
        Err(_) => seconds.to_string(),
    }
}

/// The largest unit only.
fn coarse(ago: std::time::Duration) -> String {
    match ago.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Who failed, as short as it can be said.
pub(super) fn culprit(failure: &Failure) -> String {
    let who = failure
        .service
        .as_deref()
        .or(failure.step.as_deref())
        .or(failure.plugin.as_deref());
    match who {
        Some(who) => format!("{} ({})", one_line(who), failure.code),
        None => failure.code.to_string(),
    }
}

/// What is wrong with a journal, in one sentence.
pub(super) fn damage(damage: &Damage) -> String {
    let mut said = Vec::new();
    match damage.altered.as_slice() {
        [] => {}
        [line] => said.push(format!("line {line} was altered")),
        [first, rest @ ..] => {
            said.push(format!("line {first} and {} more were altered", rest.len()))
        }
    }
    match damage.missing {
        0 => {}
        1 => said.push("a line is missing".to_owned()),
        missing => said.push(format!("{missing} lines are missing")),
    }
    if damage.torn {
        said.push("the last line is cut off".to_owned());
    }
    format!("the journal is damaged: {}", said.join(", "))
}

/// Host calls, counted; nothing when there is none.
pub(super) fn calls(calls: &Calls) -> Option<String> {
    let counts = [
        (calls.allowed, "allowed"),
        (calls.planned, "planned"),
        (calls.denied, "denied"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    (!counts.is_empty()).then(|| {
        format!(
            "{}; {} in {}",
            counts.join(", "),
            human_bytes(calls.bytes),
            human_us(calls.duration_us)
        )
    })
}

/// A part of the whole in per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_said_in_one_sentence() {
        let said = |altered: &[usize], missing, torn| {
            damage(&Damage {
                altered: altered.to_vec(),
                missing,
                torn,
            })
        };
        assert_eq!(
            said(&[], 0, true),
            "the journal is damaged: the last line is cut off"
        );
        assert_eq!(
            said(&[3, 9, 12], 1, false),
            "the journal is damaged: line 3 and 2 more were altered, a line is missing"
        );
    }

    #[test]
    fn moments_are_told_with_their_age_unless_they_are_to_come() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(moment(at(0), at(59)), "1970-01-01T00:00:00Z (59 s ago)");
        assert_eq!(moment(at(0), at(7_300)), "1970-01-01T00:00:00Z (2 h ago)");
        assert_eq!(moment(at(60), at(0)), "1970-01-01T00:01:00Z");
    }
}
