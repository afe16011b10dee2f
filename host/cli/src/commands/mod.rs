//! The commands, one per file. Each returns its exit code or why it ended early; none prints but through [`Output`](crate::output::Output).

mod bootstrap;
mod completions;
mod config;
mod image;
mod logs;
mod plugin;
mod reset;
mod rollback;
mod runs;
mod serve;
mod state;
mod status;
mod validate;

use std::future::Future;

use anyhow::Context;
use tokio::runtime::Builder;

use crate::app::App;
use crate::args::{BootstrapCommand, Command};
use crate::exit::Exit;
use crate::failure::Ended;

/// Runs a command.
pub(crate) fn run(app: &App, command: Command) -> Result<Exit, Ended> {
    // The services log by themselves.
    if !matches!(command, Command::Serve(_)) {
        app.log();
    }
    match command {
        Command::Bootstrap(mut args) => match args.command.take() {
            None => wait(Workers::Many, bootstrap::run(app, &args)),
            Some(BootstrapCommand::Status(args)) => run(app, Command::Status(args)),
            Some(BootstrapCommand::Rollback(args)) => run(app, Command::Rollback(args)),
            Some(BootstrapCommand::Reset(args)) => run(app, Command::Reset(args)),
            Some(BootstrapCommand::Validate(args)) => run(app, Command::Validate(args)),
            Some(BootstrapCommand::Config(args)) => run(app, Command::Config(args)),
        },
        Command::Status(args) => wait(Workers::Many, status::run(app, &args)),
        Command::Rollback(args) => wait(Workers::Many, rollback::run(app, &args)),
        Command::Reset(args) => wait(Workers::Many, reset::run(app, &args)),
        Command::Validate(args) => wait(Workers::Many, validate::run(app, &args)),
        Command::Config(args) => config::run(app, &args.command),
        Command::State(args) => wait(Workers::One, state::run(app, &args)),
        Command::Logs(args) => wait(Workers::One, logs::run(app, &args)),
        Command::Plugin(args) => wait(Workers::Many, plugin::run(app, &args.command)),
        Command::Runs(args) => runs::run(app, &args.command),
        Command::Serve(args) if args.check => serve::check(app, args.role),
        Command::Serve(args) => serve::run(args.role),
        Command::Image(args) => wait(Workers::Many, image::run(app, &args.command)),
        Command::Completions(args) => Ok(completions::run(app, &args)),
    }
}

/// How many threads a command's work is worth.
#[derive(Clone, Copy)]
enum Workers {
    One,
    Many,
}

/// Runs asynchronous work to its end. What it leaves behind is not waited for: a second signal must end chora whatever hangs.
fn wait(workers: Workers, work: impl Future<Output = Result<Exit, Ended>>) -> Result<Exit, Ended> {
    let mut builder = match workers {
        Workers::One => Builder::new_current_thread(),
        Workers::Many => Builder::new_multi_thread(),
    };
    let runtime = builder
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let ended = runtime.block_on(work);
    runtime.shutdown_background();
    ended
}

/// What undoing will do, as lines below a sentence that ends in "will".
fn preview(services: &[String], deletes_data: bool, deletes_credentials: bool) -> String {
    let mut lines = String::from(":\n");
    if services.is_empty() {
        lines.push_str("  - stop no service\n");
    } else {
        lines.push_str(&format!("  - stop and remove {}\n", services.join(", ")));
    }
    let verb = |deletes: bool| if deletes { "delete" } else { "keep" };
    lines.push_str(&format!("  - {} the services' data\n", verb(deletes_data)));
    lines.push_str(&format!(
        "  - {} the credentials",
        verb(deletes_credentials)
    ));
    crate::output::escape(&lines).into_owned()
}
