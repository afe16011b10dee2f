//! The workspace as cargo describes it, and cargo itself, for every subcommand.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Where things are, and which packages are guests.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) guests: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Workspace {
    pub(crate) fn load() -> Result<Workspace> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("failed to run `cargo metadata`")?;
        if !output.status.success() {
            bail!(
                "`cargo metadata` failed:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout)
            .context("failed to understand the output of `cargo metadata`")?;
        let guests = chora_guest_build::guests(&metadata.workspace_root)?;
        Ok(Workspace {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            guests: guests.into_iter().map(|guest| guest.package).collect(),
        })
    }

    /// A cargo that works at the workspace's root.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(&self.root);
        cargo
    }

    /// Builds the program in the dev profile and returns where it is.
    pub(crate) fn build_chora(&self) -> Result<PathBuf> {
        // With the features that the whole workspace asks for, as the tests have them: else wasmtime is compiled twice.
        succeed(
            self.cargo()
                .args(["build", "--workspace", "--bin", "chora"]),
        )?;
        Ok(self
            .target
            .join("debug")
            .join(format!("chora{}", std::env::consts::EXE_SUFFIX)))
    }
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Runs `command` with the terminal as its own; that it fails is an error that shows the command.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("failed to run `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// The command as one would type it, without the directories of its program.
fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_owned();
    std::iter::once(name.as_os_str())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
