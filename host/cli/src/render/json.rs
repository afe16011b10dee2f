//! A run as newline-delimited JSON. The last line is the summary: the event `run_finished`, whose fields are the summary's.

use std::sync::mpsc;

use chora_model::event::{Event, EventKind};

use super::report;
use crate::output::{Output, harmless};

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

/// One event with its line end.
pub(super) fn line(event: &Event) -> String {
    let Ok(json) = serde_json::to_string(event) else {
        // Events are plain data with text as keys; there is none that cannot be written.
        return String::new();
    };
    format!("{}\n", harmless(&json))
}
