//! `chora completions`: the completion script of a shell.

use clap::CommandFactory;

use crate::app::App;
use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;

/// Runs the command.
pub(crate) fn run(app: &App, args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "chora", &mut script);
    app.output.text(&String::from_utf8_lossy(&script));
    Exit::DONE
}
