//! The guest packages of a workspace, as cargo describes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::Error;
use crate::toolchain::run;

/// A package of the workspace that is a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its package.
    pub package: String,
    /// The directory of its `Cargo.toml`.
    pub directory: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// Every guest of the workspace around `dir`, by name: nothing else in it is a cdylib.
///
/// # Errors
/// Cargo does not run, or does not understand the workspace.
pub fn guests(dir: &Path) -> Result<Vec<Guest>, Error> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(dir);
    let output = run(&mut cargo)?;
    if !output.status.success() {
        return Err(Error::Metadata {
            told: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        });
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| Error::Metadata {
            told: error.to_string(),
        })?;
    let mut guests: Vec<Guest> = metadata
        .packages
        .into_iter()
        .filter(Package::is_guest)
        .map(|package| Guest {
            directory: package.directory(),
            package: package.name,
        })
        .collect();
    guests.sort_by(|one, other| one.package.cmp(&other.package));
    Ok(guests)
}

impl Package {
    fn is_guest(&self) -> bool {
        let mut kinds = self.targets.iter().flat_map(|target| &target.crate_types);
        kinds.any(|kind| kind == "cdylib")
    }

    fn directory(&self) -> PathBuf {
        let directory = self.manifest_path.parent();
        directory.unwrap_or(&self.manifest_path).to_owned()
    }
}
