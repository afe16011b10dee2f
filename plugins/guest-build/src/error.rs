//! What can go wrong between a list of guest packages and their components.

use std::path::PathBuf;

/// Why guests could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither the active toolchain nor the linked one has the target.
    #[error(
        "no Rust toolchain here builds for `wasm32-wasip2`\n\n\
         hint: run `rustup target add wasm32-wasip2`; where its download is refused, `cargo xtask setup` knows another way"
    )]
    NoToolchain,
    /// A program that the build needs could not be started.
    #[error("failed to run `{program}`")]
    Spawn {
        /// The program, as it was looked up on `PATH`.
        program: String,
        /// Why it did not start.
        #[source]
        source: std::io::Error,
    },
    /// Cargo ran, and refused or failed.
    #[error("the guests {} do not build:\n{stderr}", packages.join(", "))]
    Cargo {
        /// The packages of the batch.
        packages: Vec<String>,
        /// What cargo and the compiler said.
        stderr: String,
    },
    /// The package was built, and what came out is missing or no component.
    #[error(
        "package `{package}` built no component at `{}`\n\n\
         hint: a guest's Cargo.toml says `crate-type = [\"cdylib\"]` under `[lib]`",
        path.display()
    )]
    NotAComponent {
        /// The package.
        package: String,
        /// Where its component was expected.
        path: PathBuf,
    },
    /// Cargo could not tell the packages of the workspace.
    #[error("`cargo metadata` does not tell the packages of the workspace:\n{told}")]
    Metadata {
        /// What it said.
        told: String,
    },
    /// What only build scripts may call was called by something else.
    #[error("`{variable}` is not set; guests are compiled by a build script, which cargo runs")]
    NoBuildScript {
        /// What cargo sets for build scripts.
        variable: &'static str,
    },
    /// A file of the build could not be read or written.
    #[error("failed to use `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        |source| Error::Io { path, source }
    }
}
