//! One batched cargo call that turns guest packages into components in a directory of the caller's.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::toolchain::run;
use crate::watch::add_inputs;
use crate::{Error, TARGET, Toolchain};

/// The cargo profile of guests, in the workspace's Cargo.toml.
const PROFILE: &str = "guest";

/// How a component's bytes begin: the WebAssembly magic, then the component layer's version.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// A batch of guest packages to be built.
#[derive(Clone, Debug)]
pub struct GuestBuild {
    workspace: PathBuf,
    packages: Vec<String>,
}

/// What a build made, and of what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Built {
    /// Each package, in the order asked for, with its component in the output directory.
    pub components: Vec<(String, PathBuf)>,
    /// Every file and directory whose change makes the components stale: for `cargo::rerun-if-changed`.
    pub inputs: Vec<PathBuf>,
}

impl GuestBuild {
    /// Starts an empty batch in the workspace that `manifest_dir` is part of: a caller's own `CARGO_MANIFEST_DIR`.
    #[must_use]
    pub fn new(manifest_dir: impl Into<PathBuf>) -> GuestBuild {
        GuestBuild {
            workspace: workspace_of(manifest_dir.into()),
            packages: Vec::new(),
        }
    }

    /// Adds a package of the workspace by its name.
    #[must_use]
    pub fn package(mut self, name: impl Into<String>) -> GuestBuild {
        self.packages.push(name.into());
        self
    }

    /// Builds the batch and puts each component into `out_dir` as `<package>.wasm`.
    ///
    /// Intermediate results stay in `guests/` of the target directory that `out_dir` lies in, apart from the caller's own, so a
    /// cargo that waits for the caller's build script is never waited for in turn. With nothing changed it takes a fraction of a second.
    ///
    /// # Errors
    /// Every variant of [`Error`]; the first package that fails ends the batch.
    pub fn build(self, out_dir: impl AsRef<Path>) -> Result<Built, Error> {
        let out_dir = std::path::absolute(out_dir.as_ref()).map_err(Error::io(out_dir.as_ref()))?;
        std::fs::create_dir_all(&out_dir).map_err(Error::io(&out_dir))?;
        let target_dir = target_dir(&out_dir);
        self.compile(&target_dir)?;

        let artifacts = target_dir.join(TARGET).join(PROFILE);
        let mut inputs = self.inputs_of_the_workspace();
        let mut components = Vec::new();
        for package in self.packages {
            let artifact = artifacts.join(format!("{}.wasm", package.replace('-', "_")));
            let component = out_dir.join(format!("{package}.wasm"));
            place(&package, &artifact, &component)?;
            let dep_info = artifact.with_extension("d");
            let text = std::fs::read_to_string(&dep_info).map_err(Error::io(&dep_info))?;
            add_inputs(&text, &mut inputs);
            components.push((package, component));
        }
        Ok(Built {
            components,
            inputs: inputs.into_iter().collect(),
        })
    }

    fn compile(&self, target_dir: &Path) -> Result<(), Error> {
        let toolchain = Toolchain::find(&self.workspace)?;
        let mut cargo = toolchain.cargo(&self.workspace);
        cargo
            .args(["build", "--quiet", "--color=never", "--locked"])
            .args(["--target", TARGET, "--profile", PROFILE])
            .arg("--target-dir")
            .arg(target_dir)
            .env(
                "CARGO_ENCODED_RUSTFLAGS",
                self.flags(&toolchain.sysroot(&self.workspace)?),
            );
        for package in &self.packages {
            cargo.args(["--package", package]);
        }
        let output = run(&mut cargo)?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Cargo {
            packages: self.packages.clone(),
            stderr: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        })
    }

    /// Makes a component's bytes the same wherever the workspace, cargo's home and the toolchain are; the last prefix that fits counts.
    fn flags(&self, sysroot: &Path) -> OsString {
        let mut flags = OsString::new();
        let homes = [
            (Some(sysroot.to_owned()), "/rust"),
            (Some(self.workspace.clone()), "/chora"),
            (cargo_home(), "/cargo"),
        ];
        for (from, to) in homes {
            let Some(from) = from else { continue };
            if !flags.is_empty() {
                flags.push("\x1f");
            }
            flags.push("--remap-path-prefix=");
            flags.push(from);
            flags.push("=");
            flags.push(to);
        }
        flags
    }

    /// What no dep-info names: the manifests that choose versions and profiles, and WIT files that nobody reads yet.
    fn inputs_of_the_workspace(&self) -> BTreeSet<PathBuf> {
        ["Cargo.toml", "Cargo.lock", "wit"]
            .into_iter()
            .map(|name| self.workspace.join(name))
            .filter(|path| path.exists())
            .collect()
    }
}

/// The outermost package around `manifest_dir` that has a lock file is the workspace's root.
fn workspace_of(manifest_dir: PathBuf) -> PathBuf {
    manifest_dir
        .ancestors()
        .find(|directory| directory.join("Cargo.lock").is_file())
        .map_or_else(|| manifest_dir.clone(), Path::to_path_buf)
}

fn cargo_home() -> Option<PathBuf> {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    home("CARGO_HOME").or_else(|| home("HOME").map(|home| home.join(".cargo")))
}

/// `guests/` of the target directory around `out_dir`, which cargo marks with a tag: kept between builds, shared by all profiles.
fn target_dir(out_dir: &Path) -> PathBuf {
    out_dir
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").is_file())
        .unwrap_or(out_dir)
        .join("guests")
}

/// Puts the artifact where the caller wants it, at once or not at all, and leaves an equal file alone.
fn place(package: &str, artifact: &Path, component: &Path) -> Result<(), Error> {
    let not_a_component = || Error::NotAComponent {
        package: package.to_owned(),
        path: artifact.to_owned(),
    };
    if !artifact.is_file() {
        return Err(not_a_component());
    }
    let bytes = std::fs::read(artifact).map_err(Error::io(artifact))?;
    if !bytes.starts_with(&COMPONENT) {
        return Err(not_a_component());
    }
    if std::fs::read(component).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let directory = component.parent().unwrap_or(component);
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(Error::io(directory))?;
    file.write_all(&bytes).map_err(Error::io(component))?;
    file.persist(component)
        .map_err(|error| Error::io(component)(error.error))?;
    Ok(())
}
