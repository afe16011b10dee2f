//! The benchmarks behind `cargo xtask bench`: the real binary, real components, real processes, each figure as median and 95th percentile over several runs.
//!
//! Called as `chora-bench PATH-OF-CHORA`; prints one line per figure.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

mod ecosystem;
mod figures;
mod plugin;
mod registry;

use std::path::PathBuf;

use anyhow::{Context, Result};

/// How often a whole bootstrap is measured.
const RUNS: usize = 20;

fn main() -> Result<()> {
    let chora = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .context("failed to find out what to measure: the path of `chora` is the argument")?;
    ecosystem::measure(&chora, RUNS)?;
    let runtime = tokio::runtime::Runtime::new().context("failed to start a runtime")?;
    runtime.block_on(plugin::measure())?;
    runtime.block_on(registry::measure(&chora))
}
