//! Whole commands on the reference services: from nothing to validated, again without a change, and `status`.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::figures::report;

/// A project directory that is reset when it is dropped.
struct Project<'a> {
    chora: &'a Path,
    directory: tempfile::TempDir,
}

impl<'a> Project<'a> {
    fn new(chora: &'a Path) -> Result<Self> {
        let directory = tempfile::tempdir().context("failed to make a directory")?;
        let home = directory.path().join(".chora");
        std::fs::create_dir(&home).context("failed to make `.chora`")?;
        let mut text = chora_model::config::DEFAULT.to_owned();
        for port in ["8500", "8600", "8700", "8800"] {
            text = text.replace(port, &free_port()?.to_string());
        }
        std::fs::write(home.join("bootstrap-config.yml"), text)
            .context("failed to write the configuration")?;
        Ok(Self { chora, directory })
    }

    fn run(&self, arguments: &[&str]) -> Result<(Duration, String)> {
        let began = Instant::now();
        let output = Command::new(self.chora)
            .arg("-C")
            .arg(self.directory.path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("failed to run `chora`")?;
        let took = began.elapsed();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "`chora {}` failed:\n{stdout}{stderr}",
            arguments.join(" ")
        );
        Ok((took, stdout))
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        // Nothing can be reported from here; a directory that is not reset is left to be looked at.
        let _ = self.run(&["reset", "--force", "--volumes"]);
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("failed to bind a port")?;
    Ok(listener
        .local_addr()
        .context("failed to read the port")?
        .port())
}

/// Prints the figures of whole commands.
pub(crate) fn measure(chora: &Path, runs: usize) -> Result<()> {
    // Compiling the bundled components once is the price of an installation, not of a run.
    Project::new(chora)?.run(&["bootstrap"])?;
    let (mut fresh, mut again, mut status, mut confirm) = (vec![], vec![], vec![], vec![]);
    let mut path = String::new();
    for _ in 0..runs {
        let project = Project::new(chora)?;
        let (took, events) = project.run(&["bootstrap", "--format", "json"])?;
        fresh.push(took);
        for event in events
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        {
            if let Some(micros) = event.get("confirm_us").and_then(Value::as_u64) {
                confirm.push(Duration::from_micros(micros));
            }
            if let Some(steps) = event.get("critical_path") {
                path = critical_path(steps);
            }
        }
        again.push(project.run(&["bootstrap"])?.0);
        status.push(project.run(&["status"])?.0);
    }
    report("bootstrap from nothing to validated", &mut fresh);
    println!("  critical path of the last: {path}");
    report("bootstrap that changes nothing", &mut again);
    report("status", &mut status);
    report("first successful answer to declared healthy", &mut confirm);
    Ok(())
}

fn critical_path(steps: &Value) -> String {
    let steps = steps.as_array().map(Vec::as_slice).unwrap_or_default();
    let named: Vec<String> = steps
        .iter()
        .filter_map(|step| {
            let name = step.get(0)?.as_str()?;
            let millis = step.get(1)?.as_u64()?;
            Some(format!("{name} {millis} ms"))
        })
        .collect();
    named.join(", ")
}
