//! `cargo xtask setup`: a toolchain that builds guests, wherever chora is built. What is there is used; else rustup downloads the
//! target; where that is refused, `.ci/wasm-toolchain.sh` makes one from Debian's packages.

use std::process::Command;

use anyhow::{Context, Result};
use chora_guest_build::{TARGET, Toolchain};

use crate::workspace::{Workspace, succeed};

pub(crate) fn run(workspace: &Workspace) -> Result<Toolchain> {
    let root = &workspace.root;
    if let Ok(toolchain) = Toolchain::find(root) {
        say(toolchain);
        return Ok(toolchain);
    }
    if let Err(error) = succeed(
        Command::new("rustup")
            .args(["target", "add", TARGET])
            .current_dir(root),
    ) {
        eprintln!("{error:#}; going on with `.ci/wasm-toolchain.sh`");
        succeed(
            Command::new("bash")
                .arg(".ci/wasm-toolchain.sh")
                .current_dir(root),
        )
        .with_context(|| format!("failed to get the target `{TARGET}`"))?;
    }
    let toolchain = Toolchain::find(root)?;
    say(toolchain);
    Ok(toolchain)
}

fn say(toolchain: Toolchain) {
    let which = match toolchain {
        Toolchain::Active => "the active toolchain",
        Toolchain::Linked => "the toolchain `chora-wasm`",
    };
    eprintln!("guests are built for {TARGET} by {which}");
}
