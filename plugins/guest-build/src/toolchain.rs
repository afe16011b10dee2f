//! Which Rust toolchain builds guests: the active one where it has the target, else the one that chora's set-up links into rustup.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::Error;
use crate::environment::scrub;

/// The target of every guest.
pub const TARGET: &str = "wasm32-wasip2";

/// The name under which `.ci/wasm-toolchain.sh` links its toolchain.
const LINKED: &str = "chora-wasm";

/// A toolchain that builds for [`TARGET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The one that `cargo` and `rustc` on `PATH` stand for in the workspace.
    Active,
    /// rustup's toolchain `chora-wasm`, of machines that cannot download the target.
    Linked,
}

impl Toolchain {
    /// Looks for a toolchain with the target, as seen from `dir` (a `rust-toolchain.toml` there counts).
    ///
    /// Takes two short runs of `rustc` at most and changes nothing.
    ///
    /// # Errors
    /// [`Error::NoToolchain`] where there is none; its text says how to get one.
    pub fn find(dir: &Path) -> Result<Toolchain, Error> {
        [Toolchain::Active, Toolchain::Linked]
            .into_iter()
            .find(|toolchain| toolchain.has_target(dir))
            .ok_or(Error::NoToolchain)
    }

    /// A cargo of this toolchain that works in `dir`, free of the settings of a cargo around it.
    #[must_use]
    pub fn cargo(self, dir: &Path) -> Command {
        self.program("cargo", dir)
    }

    /// The directory of the compiler and its libraries.
    pub(crate) fn sysroot(self, dir: &Path) -> Result<PathBuf, Error> {
        let mut rustc = self.program("rustc", dir);
        rustc.args(["--print", "sysroot"]);
        let output = run(&mut rustc)?;
        Ok(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim(),
        ))
    }

    fn program(self, name: &str, dir: &Path) -> Command {
        let mut command = match self {
            // RUSTUP_TOOLCHAIN stays: it is how `cargo +nightly` hands down which toolchain is the active one.
            Toolchain::Active => Command::new(name),
            Toolchain::Linked => {
                let mut command = Command::new("rustup");
                command.args(["run", LINKED, name]);
                // The outer toolchain's libraries are not for this compiler.
                command
                    .env_remove("LD_LIBRARY_PATH")
                    .env_remove("RUSTUP_TOOLCHAIN");
                command
            }
        };
        command.current_dir(dir);
        scrub(&mut command);
        command
    }

    /// rustc prints the directory of a target that it knows, installed or not; the library in it is what counts.
    fn has_target(self, dir: &Path) -> bool {
        let mut rustc = self.program("rustc", dir);
        rustc.args(["--print", "target-libdir", "--target", TARGET]);
        let Ok(output) = rustc.output() else {
            return false;
        };
        let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        output.status.success()
            && std::fs::read_dir(libraries).is_ok_and(|entries| {
                entries
                    .flatten()
                    .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
            })
    }
}

/// Runs `command` to its end; that it fails is for the caller to judge.
pub(crate) fn run(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|source| Error::Spawn {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })
}
