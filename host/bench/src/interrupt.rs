//! What Ctrl-C costs: a run that waits for a service which never becomes healthy is interrupted; it says so, writes what it knows and ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::figures::report;
use crate::project::{Project, event};

/// What chora says to a first Ctrl-C.
const ACKNOWLEDGED: &str = "stopping";
/// The exit code of an interrupted run.
const INTERRUPTED: i32 = 6;

/// Prints how long an interrupted run takes to say so, and to end.
pub(crate) fn measure(chora: &Path, runs: usize) -> Result<()> {
    let (mut told, mut ended) = (vec![], vec![]);
    for _ in 0..runs {
        let (until_told, until_ended) = interrupt(chora)?;
        told.push(until_told);
        ended.push(until_ended);
    }
    report("Ctrl-C during a wait for health, to its answer", &mut told);
    report("  to the end of chora, with the state written", &mut ended);
    Ok(())
}

fn interrupt(chora: &Path) -> Result<(Duration, Duration)> {
    let project = Project::new(chora)?;
    project.configure(
        "services:\n  - {name: deaf, phase: 1, command: [sleep, \"1000\"], port: PORT, stop_grace: 0.1}\nengine: process\n",
    )?;
    let mut chora = project
        .command(&["bootstrap", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to run `chora`")?;
    let times = times(&mut chora);
    if times.is_err() {
        // It may have ended by itself; then that is what the error tells of.
        let _ = chora.kill();
    }
    let status = chora.wait().context("failed to wait for `chora`")?;
    let (began, told) = times?;
    let ended = began.elapsed();
    ensure!(
        status.code() == Some(INTERRUPTED),
        "the interrupted run ended with {status}"
    );
    Ok((told, ended))
}

/// When the signal was sent, and how long the answer took.
fn times(chora: &mut Child) -> Result<(Instant, Duration)> {
    let stdout = chora.stdout.take().context("failed to hear `chora`")?;
    let mut events = BufReader::new(stdout).lines();
    let is_started = |line: &str| {
        event(line).is_some_and(|event| {
            event.get("function").and_then(Value::as_str) == Some("services.start")
        })
    };
    while !is_started(&events.next().context("the run ended too early")??) {}
    let pid = i32::try_from(chora.id()).ok().and_then(Pid::from_raw);
    let stderr = chora.stderr.take().context("failed to hear `chora`")?;
    let began = Instant::now();
    kill_process(pid.context("failed to name `chora`")?, Signal::INT)
        .context("failed to interrupt `chora`")?;
    let mut said = BufReader::new(stderr).lines();
    while !said
        .next()
        .context("nothing was said")??
        .contains(ACKNOWLEDGED)
    {}
    let told = began.elapsed();
    // Whoever stops reading would slow the rest down.
    std::thread::spawn(move || said.for_each(drop));
    events.for_each(drop);
    Ok((began, told))
}
