//! A failure as a person reads it: what happened, why it may have, and what to do next.

use chora_model::config::PHASE_NAMES;
use chora_model::failure::Failure;

use crate::output::{BAD, BOLD, CODE, DIM, escape, one_line, paint};

/// The whole report, several lines without the last line end.
pub(crate) fn report(failure: &Failure, journal: Option<&str>) -> String {
    let mut report = Report { lines: Vec::new() };
    let message = escape(&failure.message);
    let mut sentences = message.lines();
    let first = sentences.next().unwrap_or_default();
    let code = paint(BAD, format_args!("error[{}]", failure.code));
    report.lines.push(format!("{code}: {}", paint(BOLD, first)));
    report
        .lines
        .extend(sentences.map(|line| format!("  {line}")));

    report.fact("where", whereabouts(failure).as_deref());
    report.fact("waiting", list(&failure.waiting).as_deref());
    report.bullets("likely causes", &failure.causes);
    report.numbers("next actions", &failure.next_actions);
    report.fact(
        "last probe",
        failure.last_probe.as_deref().map(one_line).as_deref(),
    );
    let log = match &failure.service {
        Some(service) => format!("last lines of the log of {}", one_line(service)),
        None => "last lines of the log".to_owned(),
    };
    report.quote(&log, &failure.log_tail);
    report.quote("details", &failure.details);
    report.fact(
        "full log",
        failure.log_path.as_deref().map(one_line).as_deref(),
    );
    report.fact("run journal", journal.map(one_line).as_deref());
    report.lines.join("\n")
}

fn list(names: &[String]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| one_line(name)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn whereabouts(failure: &Failure) -> Option<String> {
    let phase = failure.phase.map(|phase| {
        let name = PHASE_NAMES.get(usize::from(phase)).copied().unwrap_or("");
        format!("phase {phase} {name}").trim_end().to_owned()
    });
    let step = failure
        .step
        .as_deref()
        .map(|step| format!("step {}", one_line(step)));
    let plugin = match (&failure.step, failure.plugin.as_deref()) {
        // A step's key begins with its plugin.
        (Some(_), _) | (None, None) => None,
        (None, Some(plugin)) => Some(format!("plugin {}", one_line(plugin))),
    };
    let parts: Vec<String> = [phase, step, plugin].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

struct Report {
    lines: Vec<String>,
}

impl Report {
    fn fact(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.lines.push(format!("  {}: {value}", paint(BOLD, name)));
        }
    }

    fn bullets(&mut self, heading: &str, items: &[String]) {
        self.heading(heading, items);
        for item in items {
            self.lines.push(format!("    - {}", one_line(item)));
        }
    }

    fn numbers(&mut self, heading: &str, items: &[String]) {
        self.heading(heading, items);
        for (index, item) in items.iter().enumerate() {
            self.lines.push(format!(
                "    {}. {}",
                index + 1,
                highlighted(&one_line(item))
            ));
        }
    }

    fn quote(&mut self, heading: &str, lines: &[String]) {
        self.heading(heading, lines);
        for line in lines {
            let line = escape(line);
            for line in line.lines() {
                self.lines.push(format!("    {} {line}", paint(DIM, "|")));
            }
        }
    }

    fn heading(&mut self, heading: &str, items: &[String]) {
        if !items.is_empty() {
            self.lines.push(format!("  {}:", paint(BOLD, heading)));
        }
    }
}

/// What stands in backticks can be typed and is shown so.
pub(super) fn highlighted(text: &str) -> String {
    let pieces: Vec<&str> = text.split('`').collect();
    // An even number of pieces is an odd number of backticks: no pairs to speak of.
    if pieces.len().is_multiple_of(2) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for (index, piece) in pieces.into_iter().enumerate() {
        if index % 2 == 1 {
            shown.push_str(&paint(CODE, format_args!("`{piece}`")));
        } else {
            shown.push_str(piece);
        }
    }
    shown
}
