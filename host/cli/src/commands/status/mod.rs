//! `chora status`: how each service is, asked live.

mod table;
mod watch;

use anyhow::Context;
use chora_bootstrap::{Project, StatusReport};

use crate::app::App;
use crate::args::{StatusArgs, StatusFormat};
use crate::exit::Exit;
use crate::failure::{Ended, unknown_service};
use crate::output::{document, escape};
use crate::project;

/// Runs the command.
pub(crate) async fn run(app: &App, args: &StatusArgs) -> Result<Exit, Ended> {
    let project = project::open(app).await?;
    let services = named(&project, &args.services)?;
    if args.watch {
        return watch::run(app, &project, args, &services).await;
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

fn written(app: &App, report: &StatusReport, format: StatusFormat) -> Result<String, Ended> {
    let text = match format {
        StatusFormat::Table => return Ok(table::table(report, &project::options(app))),
        StatusFormat::Json => return Ok(document(report, "the status")?),
        StatusFormat::Yaml => {
            serde_yaml::to_string(report).context("failed to write the status as YAML")?
        }
    };
    Ok(escape(&text).into_owned())
}
