//! `chora logs`: what a service wrote.

use anyhow::Context;
use futures_util::StreamExt;

use crate::app::App;
use crate::args::LogsArgs;
use crate::exit::Exit;
use crate::failure::{Ended, unknown_service};
use crate::output::escape;
use crate::project;

/// Runs the command.
pub(crate) async fn run(app: &App, args: &LogsArgs) -> Result<Exit, Ended> {
    let project = project::open(app).await?;
    let engine = project.engine();
    let service = args.service.as_str();
    if project.config.service(service).is_none() {
        // What runs but is no longer configured can be looked at too.
        let running = engine
            .list()
            .await
            .context("failed to ask the engine for its services")?;
        if !running.iter().any(|(name, _)| name == service) {
            let names = project
                .config
                .services
                .iter()
                .map(|service| service.name.as_str());
            return Err(unknown_service(service, names).into());
        }
    }
    let failed = || format!("failed to read the log of `{service}`");
    if args.follow {
        let mut lines = engine
            .log_follow(service, args.tail)
            .await
            .with_context(failed)?;
        while let Some(line) = lines.next().await {
            let line = line.with_context(failed)?;
            if !app.output.line(&escape(&line)) {
                break;
            }
        }
        return Ok(Exit::DONE);
    }
    let lines = engine
        .log_tail(service, args.tail)
        .await
        .with_context(failed)?;
    if lines.is_empty() && args.tail > 0 {
        app.output
            .error(&format!("`{service}` has not logged anything yet"));
    }
    for line in lines {
        if !app.output.line(&escape(&line)) {
            break;
        }
    }
    Ok(Exit::DONE)
}
