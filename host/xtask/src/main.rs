//! `cargo xtask …`: what a developer and the CI run. One module per subcommand; it drives cargo, rustup and the built `chora`, and
//! shares no code with them but the search for the guests' toolchain.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for the terminal: everything that it says is said here"
)]

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod bootstrap;
mod ci;
mod docker;
mod documents;
mod packages;
mod reproducible;
mod setup;
mod test;
mod workspace;

use workspace::Workspace;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The entry to chora's development"
)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Get what building guests and running the tests needs: the wasm32-wasip2 target, packages of the system, a Docker Engine
    Setup,
    /// Build chora and run `chora bootstrap` in the current directory
    Bootstrap {
        /// Arguments of `chora bootstrap`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run every test of the workspace; the last line is the total
    Test {
        /// Arguments of `cargo test`; with `-p` only those packages are tested
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Print the figures that chora is judged by, from a release build
    Bench {
        /// What to measure, of `commands`, `journal`, `resume`, `interrupt`, `plugin`, `probe`, `registry` and `containers`; without one, everything
        parts: Vec<String>,
    },
    /// Build the plugins that chora carries here and in a copy of the sources elsewhere, and compare them
    Reproducible,
    /// Run every check of the CI: format, lints, documentation, documents, reproducible plugins, tests
    Ci,
}

fn main() -> ExitCode {
    match run(Xtask::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::load()?;
    match task {
        Task::Setup => {
            setup::run(&workspace)?;
            packages::ensure()?;
            docker::ensure(&workspace).map(|()| ExitCode::SUCCESS)
        }
        Task::Bootstrap { args } => bootstrap::run(&workspace, &args),
        Task::Test { args } => test::run(&workspace, &args),
        Task::Bench { parts } => bench::run(&workspace, &parts),
        Task::Reproducible => reproducible::check(&workspace).map(|()| ExitCode::SUCCESS),
        Task::Ci => ci::run(&workspace),
    }
}
