//! The benchmarks behind `cargo xtask bench`: the real binary, real components, real processes and containers, each figure as median and 95th percentile over several runs.
//!
//! Called as `chora-bench PATH-OF-CHORA [PART …]`; prints one line per figure. What is slow by itself on a busy machine is set against something that was measured in the same run.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

mod containers;
mod durability;
mod ecosystem;
mod figures;
mod interrupt;
mod plain;
mod plugin;
mod probe;
mod project;
mod registry;
mod resume;
mod usage;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// How often a whole bootstrap is measured.
const RUNS: usize = 20;
/// The word that makes this program the server that the registry is set against.
const PLAIN: &str = "plain-server";
/// What can be measured by itself.
const PARTS: [&str; 8] = [
    "commands",
    "journal",
    "resume",
    "interrupt",
    "plugin",
    "probe",
    "registry",
    "containers",
];

fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    let chora = words
        .next()
        .map(PathBuf::from)
        .context("failed to find out what to measure: the path of `chora` is the argument")?;
    let parts: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let runtime = tokio::runtime::Runtime::new().context("failed to start a runtime")?;
    if chora.as_os_str() == PLAIN {
        let port = parts.first().context("failed to find the port")?;
        return runtime.block_on(plain::serve(port.parse()?));
    }
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        bail!(
            "there is no part `{unknown}`; choose from {}",
            PARTS.join(", ")
        );
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("commands") {
        ecosystem::measure(&chora, RUNS)?;
    }
    if wanted("journal") {
        durability::measure(&chora, RUNS)?;
    }
    if wanted("resume") {
        resume::measure(&chora, RUNS)?;
    }
    if wanted("interrupt") {
        interrupt::measure(&chora, RUNS)?;
    }
    if wanted("plugin") {
        runtime.block_on(plugin::measure())?;
    }
    if wanted("probe") {
        runtime.block_on(probe::measure())?;
    }
    if wanted("registry") {
        runtime.block_on(registry::measure(&chora))?;
    }
    if wanted("containers") {
        runtime.block_on(containers::measure(&chora))?;
    }
    Ok(())
}
