//! `chora logs`: what a service wrote.

use std::sync::Arc;

use anyhow::Context;
use chora_engine::LogLines;
use futures_util::StreamExt;

use crate::app::App;
use crate::args::LogsArgs;
use crate::exit::Exit;
use crate::failure::{Ended, unknown_service};
use crate::output::{escape, reader_gone};
use crate::{project, signals};

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
        let lines = engine
            .log_follow(service, args.tail)
            .await
            .with_context(failed)?;
        let ended = async {
            tokio::select! {
                _signal = signals::first()? => {}
                () = reader_gone() => {}
            }
            Ok(Exit::DONE)
        };
        return tokio::select! {
            biased;
            ended = ended => ended,
            followed = follow(app, lines) => followed.with_context(failed).map_err(Ended::from),
        };
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

/// Prints each line as it comes, on a thread for it: a reader that stands still must not keep a signal from ending the command.
async fn follow(app: &App, mut lines: LogLines) -> anyhow::Result<Exit> {
    while let Some(line) = lines.next().await {
        let line = line?;
        let output = Arc::clone(&app.output);
        let printed = tokio::task::spawn_blocking(move || output.line(&escape(&line)));
        if !printed.await? {
            break;
        }
    }
    Ok(Exit::DONE)
}
