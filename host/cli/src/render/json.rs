//! A run as newline-delimited JSON. The last line is the summary: the event `run_finished`, whose fields are the summary's.

use std::sync::mpsc;

use chora_model::event::{Event, EventKind};

use super::report;
use crate::output::Output;

/// Prints each event as one line. Failures are told on standard error too, for whoever looks at the log of a job.
pub(super) fn show(events: &mpsc::Receiver<Event>, output: &Output) {
    for event in events {
        output.text(&line(&event));
        if let EventKind::RunFinished(summary) = &event.kind {
            for failure in &summary.failures {
                output.error(&report(failure, summary.journal.as_deref()));
            }
            return;
        }
    }
}

/// One event with its line end. JSON writes out the common control characters; the rest is written out here, which stays JSON because they occur in strings only.
pub(super) fn line(event: &Event) -> String {
    let Ok(json) = serde_json::to_string(event) else {
        // Events are plain data with text as keys; there is none that cannot be written.
        return String::new();
    };
    let mut line = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        if needs_escape(character) {
            line.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

/// None of these is beyond the basic plane, so that four digits are enough.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
