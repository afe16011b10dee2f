//! The `chora` command: everything that a person or a script sees of chora.
//!
//! This file only runs the command line and turns its answer into the exit code of the process; nobody below it calls `exit`.

mod app;
mod args;
mod commands;
mod exit;
mod failure;
mod output;
mod project;
mod prompt;
mod render;
mod run;
mod signals;

fn main() -> std::process::ExitCode {
    chora_model::fault::begin();
    app::run(std::env::args_os()).into()
}
