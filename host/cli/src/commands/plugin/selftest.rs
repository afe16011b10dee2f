//! `chora plugin selftest`.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use chora_bootstrap::{Cancel, Urgency};
use chora_model::failure::{Code, Failure};
use chora_plugin_host::Limits;
use chora_selftest::{Attack, Kind, Options, Outcome};
use serde_json::json;

use crate::app::App;
use crate::args::PluginFormat;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{BAD, DIM, GOOD, WARN, document, human, one_line, paint};
use crate::render::report;
use crate::{project, signals};

/// Runs the command.
pub(super) async fn run(app: &App, format: PluginFormat) -> Result<Exit, Ended> {
    let cancel = Cancel::new();
    let output = Arc::clone(&app.output);
    let second = signals::catch(cancel.clone(), move |text| output.error(text))?;
    let asked = cancel.clone();
    let options = Options {
        program: std::env::current_exe().context("failed to find chora's own executable")?,
        cache: project::compile_cache(),
        limits: Limits::default(),
        is_stopped: Box::new(move || asked.urgency() > Urgency::None),
    };
    let is_table = format == PluginFormat::Table;
    if is_table {
        let heading = "Attacking this chora with hostile plugins";
        app.output.line(&format!("{heading}\n"));
    }
    let hear = |kind, attacks: &[Attack]| {
        // What was cut short says nothing of its kind.
        if is_table && cancel.urgency() == Urgency::None {
            app.output.text(&of_kind(kind, attacks, app.global.verbose));
        }
    };
    let began = Instant::now();
    let attacks = tokio::select! {
        attacks = chora_selftest::run(options, hear) => attacks.context("failed to prepare the attacks")?,
        Ok(()) = second => {
            let message = "interrupted twice; what the attacks were making may be left in the directory for temporary files";
            return Err(interrupted(message));
        }
    };
    if cancel.urgency() > Urgency::None {
        let message = format!(
            "interrupted by {}; nothing is left of the attacks",
            cancel.reason()
        );
        return Err(interrupted(&message));
    }
    let failure = failure(&attacks);
    let stopped = attacks
        .iter()
        .filter(|one| one.outcome.is_stopped())
        .count();
    match format {
        PluginFormat::Json => {
            let selftest = json!({
                "attacks": attacks,
                "stopped": stopped,
                "failure": failure,
            });
            let document = document(&selftest, "the attacks")?;
            app.output.text(&document);
        }
        PluginFormat::Table => match &failure {
            Some(failure) => app.output.error(&format!("\n{}", report(failure, None))),
            None => {
                app.output.line(&format!(
                    "\n{} all {stopped} attacks were stopped in {}",
                    paint(GOOD, "✓"),
                    human(began.elapsed())
                ));
            }
        },
    }
    Ok(match failure {
        None => Exit::DONE,
        Some(_) => Exit::FAILED,
    })
}

fn interrupted(message: &str) -> Ended {
    let failure = Failure::new(Code::UserInterrupted, message);
    failure.next("run the command again").into()
}

/// The lines of a kind, each with its end: how many were stopped, and those that were not. In detail, all of them.
fn of_kind(kind: Kind, attacks: &[Attack], in_detail: bool) -> String {
    let stopped = attacks
        .iter()
        .filter(|one| one.outcome.is_stopped())
        .count();
    let sign = if stopped == attacks.len() {
        paint(GOOD, "✓")
    } else {
        paint(BAD, "✗")
    };
    let count = format!("{stopped} of {} stopped", attacks.len());
    let mut lines = format!(
        "{sign} {:<10}  {count:<20}  {}\n",
        kind.name(),
        paint(DIM, kind.words())
    );
    for attack in attacks {
        let what = one_line(&attack.what);
        let (sign, how) = match &attack.outcome {
            Outcome::Stopped(_) if !in_detail => continue,
            Outcome::Stopped(how) => (paint(GOOD, "✓"), format!("stopped: {how}")),
            Outcome::GotThrough(how) => (paint(BAD, "✗"), format!("not stopped: {how}")),
            Outcome::Untried(why) => (paint(WARN, "!"), format!("could not be made: {why}")),
        };
        lines.push_str(&format!("    {sign} {what}\n      {}\n", shown(&how)));
    }
    lines
}

/// So much of how an attack ended is shown to a person; a program gets all of it.
const SHOWN: usize = 300;

fn shown(how: &str) -> String {
    let line = one_line(how);
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(&line)),
        None => line,
    }
}

/// What is wrong, if anything is.
fn failure(attacks: &[Attack]) -> Option<Failure> {
    let of = |is: fn(&Outcome) -> bool| -> Vec<String> {
        let those = attacks.iter().filter(|attack| is(&attack.outcome));
        those
            .map(|attack| format!("{}: {}", attack.kind.name(), attack.what))
            .collect()
    };
    let through = of(|outcome| matches!(outcome, Outcome::GotThrough(_)));
    let untried = of(|outcome| matches!(outcome, Outcome::Untried(_)));
    let all = attacks.len();
    let message = match (through.len(), untried.len()) {
        (0, 0) => return None,
        (0, untried) => {
            format!("{untried} of {all} attacks could not be made, so nothing is known of them")
        }
        (through, 0) => format!("{through} of {all} attacks were not stopped"),
        (through, untried) => {
            format!("{through} of {all} attacks were not stopped, and {untried} could not be made")
        }
    };
    let failure = Failure::new(Code::SelftestFailed, message);
    let mut failure = if through.is_empty() {
        failure
            .next("make what they say is missing available, and run `chora plugin selftest` again")
    } else {
        failure
            .next("until that is mended, run no plugin on this machine that you do not trust")
            .next("tell chora's authors what `chora plugin selftest --format json` says")
    };
    failure.details = through.into_iter().chain(untried).collect();
    Some(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attack(what: &str, outcome: Outcome) -> Attack {
        Attack {
            kind: Kind::Room,
            what: what.to_owned(),
            outcome,
        }
    }

    fn attacks() -> [Attack; 3] {
        [
            attack(
                "output without end",
                Outcome::Stopped("output is limited".to_owned()),
            ),
            attack(
                "unbounded memory",
                Outcome::GotThrough(format!("it was let through: {}", "\u{1b}[2Jx".repeat(100))),
            ),
            attack(
                "10000 calls",
                Outcome::Untried("failed to make a directory: no space".to_owned()),
            ),
        ]
    }

    #[test]
    fn what_was_not_stopped_is_told_at_once_and_what_was_only_in_detail() {
        let plain = |lines: String| anstream::adapter::strip_str(&lines).to_string();
        let brief = plain(of_kind(Kind::Room, &attacks(), false));
        assert!(
            brief.starts_with("✗ room        1 of 3 stopped        calls that"),
            "{brief}"
        );
        assert!(!brief.contains("output without end"), "{brief}");
        assert!(
            brief.contains("✗ unbounded memory\n      not stopped: it was let through: \\u{1b}"),
            "{brief}"
        );
        assert!(brief.lines().all(|line| line.len() < 400), "{brief}");
        assert!(
            brief.contains("! 10000 calls\n      could not be made: failed to make"),
            "{brief}"
        );
        let detailed = plain(of_kind(Kind::Room, &attacks(), true));
        assert!(
            detailed.contains("✓ output without end\n      stopped: output is limited"),
            "{detailed}"
        );
    }

    #[test]
    fn a_failure_says_what_to_do_for_its_kind() {
        let [good, through, untried] = attacks();
        assert_eq!(failure(std::slice::from_ref(&good)), None);
        let told = failure(&[good.clone(), untried.clone()]).unwrap();
        assert_eq!(
            told.message,
            "1 of 2 attacks could not be made, so nothing is known of them"
        );
        assert_eq!(told.next_actions.len(), 1);
        let told = failure(&[good, through, untried]).unwrap();
        assert_eq!(
            told.message,
            "1 of 3 attacks were not stopped, and 1 could not be made"
        );
        assert!(told.next_actions[0].contains("run no plugin"));
        assert_eq!(
            told.details,
            ["room: unbounded memory", "room: 10000 calls"]
        );
    }
}
