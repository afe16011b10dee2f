//! `cargo xtask bench`: the figures that chora is judged by, from a release build.

use std::process::ExitCode;

use anyhow::Result;

use crate::setup;
use crate::workspace::{Workspace, succeed};

pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result<ExitCode> {
    setup::run(workspace)?;
    succeed(workspace.cargo().args([
        "build",
        "--locked",
        "--release",
        "--package",
        "chora",
        "--package",
        "chora-bench",
    ]))?;
    let release = workspace.target.join("release");
    let mut bench = std::process::Command::new(release.join("chora-bench"));
    succeed(bench.arg(release.join("chora")).args(parts))?;
    Ok(ExitCode::SUCCESS)
}
