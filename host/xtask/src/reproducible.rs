//! The plugins that chora carries come out the same wherever they are built: built here and in a copy of the sources elsewhere, and compared byte by byte.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use chora_guest_build::GuestBuild;

use crate::workspace::Workspace;

/// How the packages of the plugins that chora carries are called before their own name: those that do its work, and those of its selftest.
const CARRIED: [&str; 2] = ["chora-guest-", "chora-hostile-"];
/// Where the copy is; its name is of another length and has spaces, so that every path that gets into a component shows.
const ELSEWHERE: &str = "some where else";

/// What marks a target directory. Source: the Cache Directory Tagging Specification.
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

/// Fails with the names of those that differ.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let reproducible = workspace.target.join("reproducible");
    let (out_here, out_there) = (reproducible.join("here"), reproducible.join("there"));
    let here = build(workspace, &workspace.root, &out_here)?;
    let copy = out_there.join(ELSEWHERE);
    mirror(&workspace.root, &copy)?;
    // A target directory of its own: nothing that was built here is taken for it.
    let tag = out_there.join("CACHEDIR.TAG");
    std::fs::write(&tag, TAG).with_context(|| format!("failed to write `{}`", tag.display()))?;
    let there = build(workspace, &copy, &out_there)?;
    let mut differ = Vec::new();
    for ((package, here), (_, there)) in here.iter().zip(&there) {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))
        };
        if read(here)? != read(there)? {
            differ.push(package.as_str());
        }
    }
    if here.is_empty() {
        bail!("there is no plugin that chora carries");
    }
    if !differ.is_empty() {
        bail!(
            "built in another directory, these come out otherwise: {}; compare the components in `{}` and `{}`",
            differ.join(", "),
            out_here.display(),
            out_there.display()
        );
    }
    Ok(())
}

/// Builds the plugins that chora carries of the sources in `root`.
fn build(workspace: &Workspace, root: &Path, out: &Path) -> Result<Vec<(String, PathBuf)>> {
    let is_carried = |name: &&String| CARRIED.iter().any(|prefix| name.starts_with(prefix));
    let carried = workspace.guests.iter().filter(is_carried);
    let build = carried.fold(GuestBuild::new(root), GuestBuild::package);
    Ok(build.build(out)?.components)
}

/// Copies the sources that git knows or would take, with their times, and leaves what is there already just so.
fn mirror(root: &Path, copy: &Path) -> Result<()> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("failed to run `git ls-files`")?;
    if !listed.status.success() {
        bail!(
            "`git ls-files` failed:\n{}",
            String::from_utf8_lossy(&listed.stderr)
        );
    }
    if copy.exists() {
        std::fs::remove_dir_all(copy)
            .with_context(|| format!("failed to clear `{}`", copy.display()))?;
    }
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root.join(name), copy.join(name));
        // Deleted and not yet committed, or a link to elsewhere.
        if !from.is_file() {
            continue;
        }
        copy_with_time(&from, &to).with_context(|| format!("failed to copy `{name}`"))?;
    }
    Ok(())
}

fn copy_with_time(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to)?;
    let modified = std::fs::metadata(from)?.modified()?;
    std::fs::File::options()
        .write(true)
        .open(to)?
        .set_modified(modified)
}
