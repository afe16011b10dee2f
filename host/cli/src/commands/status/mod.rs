//! `chora status`: how each service is, asked live.

mod table;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use chora_bootstrap::{Project, StatusReport};

use crate::app::App;
use crate::args::{StatusArgs, StatusFormat};
use crate::exit::Exit;
use crate::failure::{Ended, unknown_service};
use crate::output::escape;
use crate::project;

/// How often a watched status is asked for.
const INTERVAL: Duration = Duration::from_secs(1);

/// Moves to the upper left corner; what is below the new text is cleared after it.
const HOME: &str = "\u{1b}[H";
/// Clears what is left of the line, then the line end.
const END_OF_LINE: &str = "\u{1b}[K\n";
/// Clears everything below.
const CLEAR_BELOW: &str = "\u{1b}[J";
/// Clears the screen.
const CLEAR: &str = "\u{1b}[2J";

/// Runs the command.
pub(crate) async fn run(app: &App, args: &StatusArgs) -> Result<Exit, Ended> {
    let project = project::open(app).await?;
    let services = named(&project, &args.services)?;
    if args.watch {
        return watch(app, &project, args, &services).await;
    }
    let report = chora_bootstrap::status(&project, &services).await?;
    app.output.text(&written(app, &report, args.format)?);
    Ok(Exit(report.exit_code))
}

/// The services that were asked for; an unknown one is refused before anything is asked.
fn named(project: &Project, names: &[String]) -> Result<Vec<String>, Ended> {
    let names: Vec<String> = names
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let known = project
        .config
        .services
        .iter()
        .map(|service| service.name.as_str());
    match names
        .iter()
        .find(|name| project.config.service(name).is_none())
    {
        Some(unknown) => Err(unknown_service(unknown, known).into()),
        None => Ok(names),
    }
}

/// Goes on until a signal ends it, or nobody reads any more.
async fn watch(
    app: &App,
    project: &Project,
    args: &StatusArgs,
    services: &[String],
) -> Result<Exit, Ended> {
    let redraws = std::io::stdout().is_terminal() && args.format == StatusFormat::Table;
    let mut last = None;
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    if redraws {
        app.output.raw(CLEAR);
    }
    loop {
        ticks.tick().await;
        let report = chora_bootstrap::status(project, services).await?;
        let text = written(app, &report, args.format)?;
        let open = if redraws {
            // Line by line over the old text, so that nothing flickers.
            let text = app.output.for_out(&text).replace('\n', END_OF_LINE);
            app.output.raw(&format!("{HOME}{text}{CLEAR_BELOW}"))
        } else {
            let news = essence(&report);
            if last.as_ref() == Some(&news) {
                continue;
            }
            let first = last.replace(news).is_none();
            let separator = match args.format {
                StatusFormat::Table if !first => "\n",
                StatusFormat::Yaml if !first => "---\n",
                StatusFormat::Table | StatusFormat::Yaml | StatusFormat::Json => "",
            };
            app.output.text(&format!("{separator}{text}"))
        };
        if !open {
            return Ok(Exit(report.exit_code));
        }
    }
}

/// What makes a report news: everything but the time that passes.
fn essence(report: &StatusReport) -> serde_json::Value {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    let services = value
        .get_mut("services")
        .and_then(serde_json::Value::as_array_mut);
    for service in services.into_iter().flatten() {
        if let Some(service) = service.as_object_mut() {
            service.remove("uptime_seconds");
            service.remove("detail");
        }
    }
    value
}

fn written(app: &App, report: &StatusReport, format: StatusFormat) -> Result<String, Ended> {
    let text = match format {
        StatusFormat::Table => return Ok(table::table(report, &project::options(app))),
        StatusFormat::Json => {
            let json = serde_json::to_string_pretty(report)
                .context("failed to write the status as JSON")?;
            format!("{json}\n")
        }
        StatusFormat::Yaml => {
            serde_yaml::to_string(report).context("failed to write the status as YAML")?
        }
    };
    Ok(escape(&text).into_owned())
}
