//! What a crash costs: a run is killed in phase 2, and the next one goes on from there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::figures::report;
use crate::project::{Project, Ran, event};

/// The phase in which the first run is killed.
const PHASE: u64 = 2;

/// Prints how long the resumed run takes, and how much of that goes beyond the steps that were left to do.
pub(crate) fn measure(chora: &Path, runs: usize) -> Result<()> {
    Project::new(chora)?.run(&["bootstrap"])?;
    let (mut whole, mut beyond) = (vec![], vec![]);
    for _ in 0..runs {
        let project = Project::new(chora)?;
        kill_in_phase(&project)?;
        let ran = project.run(&["bootstrap", "--format", "json"])?;
        let resumed = ran.events().any(|event| {
            is(&event, "run_started") && event.get("resumes").is_some_and(|run| !run.is_null())
        });
        ensure!(
            resumed,
            "the run after the killed one did not go on from it"
        );
        beyond.push(ran.took.saturating_sub(remaining(&ran)));
        whole.push(ran.took);
    }
    report("resumed after a kill in phase 2", &mut whole);
    report("  beyond the remaining critical path", &mut beyond);
    Ok(())
}

/// Runs a bootstrap until a step of the phase has begun, and kills it there.
fn kill_in_phase(project: &Project<'_>) -> Result<()> {
    let mut chora = project
        .command(&["bootstrap", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("failed to run `chora`")?;
    let mut reached = false;
    if let Some(stdout) = chora.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("failed to read the events")?;
            reached = event(&line).is_some_and(|event| {
                is(&event, "step_started")
                    && event.get("phase").and_then(Value::as_u64) == Some(PHASE)
            });
            if reached {
                break;
            }
        }
    }
    // It may have ended by itself, which the check below tells.
    let _ = chora.kill();
    let status = chora.wait().context("failed to wait for `chora`")?;
    ensure!(
        reached && !status.success(),
        "the run to be killed ended before phase {PHASE}"
    );
    Ok(())
}

/// The part of the critical path that lies in the phase of the kill and after it.
fn remaining(ran: &Ran) -> Duration {
    let mut phases = BTreeMap::new();
    let mut path = Vec::new();
    for event in ran.events() {
        let step = event.get("step").and_then(Value::as_str);
        let phase = event.get("phase").and_then(Value::as_u64);
        if let (Some(step), Some(phase)) = (step, phase) {
            phases.insert(step.to_owned(), phase);
        }
        if let Some(steps) = event.get("critical_path").and_then(Value::as_array) {
            path.clone_from(steps);
        }
    }
    let left = path.iter().filter_map(|step| {
        let phase = phases.get(step.get(0)?.as_str()?)?;
        let millis = step.get(1)?.as_u64()?;
        (*phase >= PHASE).then_some(millis)
    });
    Duration::from_millis(left.sum())
}

fn is(event: &Value, name: &str) -> bool {
    event.get("event").and_then(Value::as_str) == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_left_to_do_counts_as_remaining() {
        let stdout = r#"{"event":"step_started","step":"a/start:x","phase":1}
{"event":"step_started","step":"b/start:y","phase":2}
{"event":"step_started","step":"c/check","phase":4}
{"event":"run_finished","critical_path":[["a/start:x",500],["b/start:y",30],["c/check",7]]}
"#;
        let ran = Ran {
            took: Duration::from_secs(1),
            stdout: stdout.to_owned(),
            stderr: String::new(),
        };
        assert_eq!(remaining(&ran), Duration::from_millis(37));
    }
}
