//! `chora plugin`: plugins that somebody else built, added to the project and looked after.

mod add;
mod audit;
mod consent;
mod inspect;
mod list;
mod progress;
mod remove;
mod selftest;
mod show;
mod update;
mod verify;

use crate::app::App;
use crate::args::PluginCommand;
use crate::exit::Exit;
use crate::failure::Ended;

/// Runs the command.
pub(crate) async fn run(app: &App, command: &PluginCommand) -> Result<Exit, Ended> {
    match command {
        PluginCommand::Add(args) => add::run(app, args).await,
        PluginCommand::List { format } => list::run(app, *format),
        PluginCommand::Inspect { name, format } => inspect::run(app, name, *format).await,
        PluginCommand::Remove { name, yes } => remove::run(app, name, *yes).await,
        PluginCommand::Update(args) => update::run(app, args).await,
        PluginCommand::Audit(args) => audit::run(app, args),
        PluginCommand::Selftest { format } => selftest::run(app, *format).await,
        PluginCommand::Verify { format } => verify::run(app, *format).await,
    }
}
