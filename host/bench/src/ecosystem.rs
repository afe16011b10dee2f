//! Whole commands on the reference services: from nothing to validated, again without a change, and `status`; each from the start of the process to its end.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::figures::{percentile, report, report_against};
use crate::project::{Project, timed};

/// Prints the figures of whole commands.
pub(crate) fn measure(chora: &Path, runs: usize) -> Result<()> {
    // Compiling the bundled components once is the price of an installation, not of a run.
    Project::new(chora)?.run(&["bootstrap"])?;
    let (mut nothing, mut version) = (vec![], vec![]);
    let (mut fresh, mut again, mut status, mut confirm) = (vec![], vec![], vec![], vec![]);
    let mut slowest_chain = String::new();
    for _ in 0..runs {
        // What starting any process costs here, and starting this one.
        nothing.push(timed(&mut Command::new("true"))?.took);
        version.push(timed(Command::new(chora).arg("--version"))?.took);
        let project = Project::new(chora)?;
        let ran = project.run(&["bootstrap", "--format", "json"])?;
        fresh.push(ran.took);
        for event in ran.events() {
            if let Some(micros) = event.get("confirm_us").and_then(Value::as_u64) {
                confirm.push(Duration::from_micros(micros));
            }
            if let Some(steps) = event.get("critical_path") {
                slowest_chain = critical_path(steps);
            }
        }
        again.push(project.run(&["bootstrap"])?.took);
        status.push(project.run(&["status"])?.took);
    }
    report("start and end of `true`", &mut nothing);
    report("start and end of `chora --version`", &mut version);
    let base = percentile(&version, 50);
    let than = "`chora --version`";
    report_against(
        "bootstrap from nothing to validated",
        &mut fresh,
        than,
        base,
    );
    println!("  critical path of the last: {slowest_chain}");
    report_against("bootstrap that changes nothing", &mut again, than, base);
    report_against("status", &mut status, than, base);
    report("first successful answer to declared healthy", &mut confirm);
    Ok(())
}

fn critical_path(steps: &Value) -> String {
    let steps = steps.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut sum = 0;
    let named: Vec<String> = steps
        .iter()
        .filter_map(|step| {
            let name = step.get(0)?.as_str()?;
            let millis = step.get(1)?.as_u64()?;
            sum += millis;
            Some(format!("{name} {millis} ms"))
        })
        .collect();
    format!("{sum} ms = {}", named.join(", "))
}
