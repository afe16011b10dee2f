//! What it costs to have everything on the disk before it is acted on: the share of a run's time for which it waits until journal and state are durable.
//!
//! chora's own log tells how long each wait was; these runs are measured apart, so that the log costs the other figures nothing.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::figures::{ratio, report, report_shares};
use crate::project::{Project, Ran, timed};

/// What chora is told to log.
const LOG: (&str, &str) = (
    "CHORA_LOG",
    "off,chora_bootstrap::stage=debug,chora_plugin_host::intent=debug",
);
/// How the log names the length of a wait.
const WAITED: &str = "waited_us=";

/// The waits of several runs of one kind.
#[derive(Default)]
struct Waits {
    shares: Vec<f64>,
    waited: Vec<Duration>,
    each: Vec<Duration>,
}

/// Prints the shares.
pub(crate) fn measure(chora: &Path, runs: usize) -> Result<()> {
    Project::new(chora)?.run(&["bootstrap"])?;
    let (mut fresh, mut again) = (Waits::default(), Waits::default());
    for _ in 0..runs {
        let project = Project::new(chora)?;
        for waits in [&mut fresh, &mut again] {
            let ran = timed(project.command(&["bootstrap"]).env(LOG.0, LOG.1))?;
            waits.add(&ran)?;
        }
    }
    for (run, mut waits) in [
        ("from nothing to validated", fresh),
        ("that changes nothing", again),
    ] {
        let of_each = waits.each.len() / waits.shares.len().max(1);
        println!("journal and state of a run {run}: {of_each} waits");
        report_shares("  share of the run that waits for them", &mut waits.shares);
        report("  all waits of a run together", &mut waits.waited);
        report("  each wait", &mut waits.each);
    }
    Ok(())
}

impl Waits {
    fn add(&mut self, ran: &Ran) -> Result<()> {
        let waits = waits(&ran.stderr);
        ensure!(
            !waits.is_empty(),
            "the log tells of no wait:\n{}",
            ran.stderr
        );
        let waited = waits.iter().sum();
        self.shares.push(ratio(waited, ran.took));
        self.waited.push(waited);
        self.each.extend(waits);
        Ok(())
    }
}

/// The waits that a log tells of.
fn waits(log: &str) -> Vec<Duration> {
    let waited = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once(WAITED)?;
        let digits = rest.split_whitespace().next()?;
        Some(Duration::from_micros(digits.parse().ok()?))
    });
    waited.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_from_the_log() {
        let log = "2026-01-01T00:00:00Z DEBUG chora_bootstrap::stage: committed waited_us=1500 commit=Saved\n\
                   another line\n\
                   2026-01-01T00:00:00Z DEBUG chora_plugin_host::intent: the intent is durable waited_us=7\n";
        let expected = [1_500, 7].map(Duration::from_micros);
        assert_eq!(waits(log), expected);
    }
}
