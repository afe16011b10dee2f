//! `cargo xtask bench`: the figures that chora is judged by, from a release build.

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::{Workspace, succeed};
use crate::{docker, setup};

/// The part that needs a Docker Engine.
const CONTAINERS: &str = "containers";

pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result<ExitCode> {
    setup::run(workspace)?;
    if parts.is_empty() || parts.iter().any(|part| part == CONTAINERS) {
        docker::ensure(workspace)?;
    }
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
