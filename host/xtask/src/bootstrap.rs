//! `cargo xtask bootstrap`: from a fresh clone to `chora bootstrap` in the directory where it was typed.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::setup;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, args: &[OsString]) -> Result<ExitCode> {
    setup::run(workspace)?;
    let mut chora = Command::new(workspace.build_chora()?);
    chora.arg("bootstrap").args(args);
    become_it(&mut chora)
}

/// In its place rather than around it: signals, the terminal and the exit code are then chora's own.
#[cfg(unix)]
fn become_it(chora: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;

    Err(chora.exec()).with_context(|| format!("failed to run `{}`", chora.get_program().display()))
}

#[cfg(not(unix))]
fn become_it(chora: &mut Command) -> Result<ExitCode> {
    let status = chora
        .status()
        .with_context(|| format!("failed to run `{}`", chora.get_program().display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
