//! `chora config`: the configuration, shown, checked and edited, and the credentials.

mod credentials;
mod edit;

use anyhow::Context;
use chora_model::config::{self, Loaded};

use crate::app::App;
use crate::args::{ConfigCommand, ShowFormat};
use crate::commands::{Workers, wait};
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{GOOD, WARN, document, escape, paint};
use crate::project;

/// Runs the command.
pub(crate) fn run(app: &App, command: &ConfigCommand) -> Result<Exit, Ended> {
    match command {
        ConfigCommand::Show { format } => show(app, *format),
        ConfigCommand::Validate => wait(Workers::One, validate(app)),
        ConfigCommand::Edit => edit::run(app),
        ConfigCommand::RotateCredentials {
            force,
            despite_data,
        } => wait(
            Workers::One,
            credentials::rotate(app, *force, *despite_data),
        ),
        ConfigCommand::ApplyCredentials { format } => {
            wait(Workers::Many, credentials::apply(app, *format))
        }
    }
}

/// Where it came from, for people.
fn origin(loaded: &Loaded) -> String {
    if loaded.builtin {
        return "the built-in default; there is no file".to_owned();
    }
    let files: Vec<String> = loaded
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    files.join(", then ")
}

fn show(app: &App, format: ShowFormat) -> Result<Exit, Ended> {
    let loaded = project::load(app)?;
    let text = config::render(&loaded.config);
    match format {
        ShowFormat::Yaml => {
            let origin = crate::output::one_line(&origin(&loaded));
            app.output.text(&format!("# {origin}\n{}", escape(&text)));
        }
        ShowFormat::Json => {
            let value: serde_json::Value = serde_yaml::from_str(&text)
                .context("failed to read the effective configuration back")?;
            app.output.text(&document(&value, "the configuration")?);
        }
    }
    Ok(Exit::DONE)
}

async fn validate(app: &App) -> Result<Exit, Ended> {
    let loaded = project::load(app)?;
    let exe = std::env::current_exe().context("failed to find chora's own executable")?;
    let engine = app.global.engine.map(Into::into);
    for warning in chora_bootstrap::check_compose(&loaded, engine, exe).await? {
        let warning = crate::output::one_line(&warning);
        app.output
            .line(&paint(WARN, format_args!("! {warning}")).to_string());
    }
    let services = loaded.config.services.len();
    let environment = &loaded.config.environment;
    let origin = crate::output::one_line(&origin(&loaded));
    app.output.line(&format!(
        "{} the configuration is valid: environment {environment}, {services} services, from {origin}",
        paint(GOOD, "✓")
    ));
    Ok(Exit::DONE)
}
