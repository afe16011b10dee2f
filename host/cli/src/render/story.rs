//! What each event means in words. Pure: events in, lines out; the same for a terminal and for a file.

use std::collections::HashMap;

use chora_model::config::PHASES;
use chora_model::event::{Ending, Event, EventKind, PluginCalled, PluginFunction, RunKind};
use chora_model::plan::{Change, StepKey};

use super::{report, summary};
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, human_ms, human_us, one_line, paint};

/// Something to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// On standard output.
    Out(String),
    /// On standard error.
    Err(String),
}

/// A run as it is told.
pub(crate) struct Story {
    verbose: bool,
    // Options to repeat in the commands that are proposed, each with a blank before it.
    options: String,
    // Whether anything was looked at: a run that was refused knows nothing of the services.
    began: bool,
    titles: HashMap<StepKey, String>,
}

impl Story {
    /// A story that has not begun. `options` are those that chora was called with and that the commands it proposes need as well.
    pub(crate) fn new(verbose: bool, options: String) -> Self {
        Self {
            verbose,
            options,
            began: false,
            titles: HashMap::new(),
        }
    }

    /// Whether it tells of beginnings and details too.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// The lines of one event.
    pub(crate) fn tell(&mut self, event: &Event) -> Vec<Line> {
        match &event.kind {
            EventKind::RunStarted {
                run,
                kind,
                environment,
                engine,
                dry_run,
                resumes,
            } => {
                let mut lines = vec![out(beginning(*kind, environment, engine, *dry_run))];
                lines.extend(self.details(|| note(&format!("run {run}"))));
                if let Some(earlier) = resumes {
                    lines.extend(self.details(|| note(&format!("resumes run {earlier}"))));
                }
                lines
            }
            EventKind::Notice { message } => vec![out(note(message))],
            EventKind::PhaseStarted {
                phase, name, undo, ..
            } => {
                self.began = true;
                vec![out(format!("\n{}", heading(*phase, name, *undo)))]
            }
            EventKind::PhaseFinished {
                phase,
                ending,
                duration_ms,
            } => self.phase_end(*phase, *ending, *duration_ms),
            EventKind::StepStarted { step, title, .. } => {
                self.titles.insert(step.clone(), one_line(title));
                self.details(|| format!("  ⏳ {}", one_line(title)))
            }
            EventKind::StepDoing { step, what } => {
                self.details(|| detail(&format!("{}: {}", self.title(step), one_line(what))))
            }
            EventKind::StepLog {
                step,
                level,
                message,
            } => {
                let text = || format!("{}: {}", self.title(step), one_line(message));
                if level == "warning" {
                    vec![out(warning(&text()))]
                } else {
                    self.details(|| detail(&text()))
                }
            }
            EventKind::StepFinished {
                title,
                ending,
                change,
                summary,
                warnings,
                duration_ms,
                failure,
                ..
            } => {
                // The report at the end has the rest.
                let said = failure.as_ref().map_or(summary, |failure| &failure.message);
                let said = said.lines().next().unwrap_or_default();
                let mut lines = vec![out(step_end(title, *ending, *change, *duration_ms, said))];
                lines.extend(warnings.iter().map(|text| out(warning(&one_line(text)))));
                lines
            }
            EventKind::ServiceHealthy {
                service,
                waited_ms,
                probes,
                ..
            } => self.details(|| {
                detail(&format!(
                    "{} is healthy after {} and {probes} probes",
                    one_line(service),
                    human_ms(*waited_ms)
                ))
            }),
            EventKind::ServiceNotHealthy {
                service,
                waited_ms,
                probes,
                failed_probes,
                reason,
                ..
            } => self.details(|| {
                detail(&format!(
                    "{} is not healthy after {} and {probes} probes, {failed_probes} of them failed: {}",
                    one_line(service),
                    human_ms(*waited_ms),
                    one_line(reason)
                ))
            }),
            EventKind::HostCall(call) => self.details(|| {
                detail(&one_line(&format!(
                    "{} {} {} ({})",
                    call.caller, call.function, call.target, call.decision
                )))
            }),
            EventKind::PluginCalled(told) => self.details(|| detail(&called(told))),
            EventKind::RunFinished(run) => {
                let mut lines: Vec<Line> =
                    summary::lines(run, self.began, &self.titles, &self.options)
                        .into_iter()
                        .map(Line::Out)
                        .collect();
                let journal = run.journal.as_deref();
                lines.extend(
                    run.failures
                        .iter()
                        .map(|failure| Line::Err(format!("\n{}", report(failure, journal)))),
                );
                lines
            }
        }
    }

    /// Steps tell how they ended; a phase speaks only where there is more to say.
    fn phase_end(&self, phase: u8, ending: Ending, duration_ms: u64) -> Vec<Line> {
        match ending {
            Ending::Skipped => vec![out(format!(
                "  {}",
                paint(DIM, format_args!("- phase {phase} was left out"))
            ))],
            Ending::Succeeded | Ending::Failed | Ending::Interrupted => {
                self.details(|| detail(&format!("phase {phase} took {}", human_ms(duration_ms))))
            }
        }
    }

    fn title<'a>(&'a self, step: &'a StepKey) -> &'a str {
        self.titles
            .get(step)
            .map_or(step.0.as_str(), String::as_str)
    }

    fn details(&self, text: impl FnOnce() -> String) -> Vec<Line> {
        if self.verbose {
            vec![out(text())]
        } else {
            Vec::new()
        }
    }
}

fn out(text: String) -> Line {
    Line::Out(text)
}

fn beginning(kind: RunKind, environment: &str, engine: &str, dry_run: bool) -> String {
    let what = match kind {
        RunKind::Bootstrap => "Bootstrapping",
        RunKind::Rollback => "Rolling back",
        RunKind::Reset => "Resetting",
        RunKind::Validate => "Validating",
    };
    let environment = paint(BOLD, one_line(environment));
    let engine = one_line(engine);
    let only = if dry_run {
        ": a dry run, nothing is changed"
    } else {
        ""
    };
    format!("{what} {environment} with the {engine} engine{only}")
}

fn heading(phase: u8, name: &str, undo: bool) -> String {
    let name = one_line(name);
    let place = format!("({}/{PHASES})", u16::from(phase) + 1);
    let heading = if undo {
        format!("Undo phase {phase}: {name}")
    } else {
        format!("Phase {phase}: {name}")
    };
    format!("{} {}", paint(BOLD, heading), paint(DIM, place))
}

/// Something that belongs to no step.
fn note(text: &str) -> String {
    format!("  {}", paint(DIM, one_line(text)))
}

fn detail(text: &str) -> String {
    format!("    {}", paint(DIM, text))
}

/// A plugin's calls outside of steps.
fn called(told: &PluginCalled) -> String {
    let about = one_line(&told.about);
    let what = match (told.function, told.calls) {
        (PluginFunction::Plan, _) => format!("the plan of {about}"),
        (PluginFunction::Probe, 1) => format!("1 probe of {about}"),
        (PluginFunction::Probe, probes) => format!("{probes} probes of {about}"),
        (PluginFunction::Observe, _) => format!("`{about}`"),
    };
    let ended = match (told.calls, told.failed) {
        (_, 0) => String::new(),
        (1, _) => " and failed".to_owned(),
        (_, failed) => format!(", {failed} of them failed"),
    };
    let took = human_us(told.duration_us);
    format!("{} took {took} over {what}{ended}", one_line(&told.plugin))
}

fn warning(text: &str) -> String {
    format!("  {}", paint(WARN, format_args!("! {text}")))
}

fn step_end(
    title: &str,
    ending: Ending,
    change: Option<Change>,
    duration_ms: u64,
    said: &str,
) -> String {
    let mark = match (ending, change) {
        // Nothing has happened yet that a ✓ could stand for.
        (Ending::Succeeded, Some(Change::Planned)) => paint(WARN, "+"),
        (Ending::Succeeded, Some(Change::Changed | Change::Unchanged) | None) => paint(GOOD, "✓"),
        (Ending::Failed, _) => paint(BAD, "✗"),
        (Ending::Interrupted, _) => paint(WARN, "✗"),
        (Ending::Skipped, _) => paint(DIM, "-"),
    };
    let mut line = format!("  {mark} {}", one_line(title));
    let said = one_line(said);
    let state = match ending {
        Ending::Skipped => "skipped".to_owned(),
        Ending::Interrupted => format!("interrupted after {}", human_ms(duration_ms)),
        Ending::Succeeded | Ending::Failed => human_ms(duration_ms),
    };
    line.push_str(&format!("  {}", paint(DIM, state)));
    if !said.is_empty() {
        line.push_str("  ");
        line.push_str(&said);
    }
    line
}
