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
use crate::output::{GOOD, escape, paint};
use crate::project;

/// Runs the command.
pub(crate) fn run(app: &App, command: &ConfigCommand) -> Result<Exit, Ended> {
    match command {
        ConfigCommand::Show { format } => show(app, *format),
        ConfigCommand::Validate => validate(app),
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

fn load(app: &App) -> Result<Loaded, Ended> {
    let loaded = config::load(&project::source(app)?)
        .map_err(|error| chora_bootstrap::config_failure(&error))?;
    let file = match &loaded.config.credentials.storage_path {
        Some(path) => loaded.layout.project.join(path),
        None => loaded.layout.credentials(),
    };
    app.output.redaction().follow(file);
    Ok(loaded)
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
    let loaded = load(app)?;
    let text = config::render(&loaded.config);
    match format {
        ShowFormat::Yaml => {
            let origin = crate::output::one_line(&origin(&loaded));
            app.output.text(&format!("# {origin}\n{}", escape(&text)));
        }
        ShowFormat::Json => {
            let value: serde_json::Value = serde_yaml::from_str(&text)
                .context("failed to read the effective configuration back")?;
            let json = serde_json::to_string_pretty(&value)
                .context("failed to write the configuration as JSON")?;
            app.output.line(&escape(&json));
        }
    }
    Ok(Exit::DONE)
}

fn validate(app: &App) -> Result<Exit, Ended> {
    let loaded = load(app)?;
    let services = loaded.config.services.len();
    let environment = &loaded.config.environment;
    let origin = crate::output::one_line(&origin(&loaded));
    app.output.line(&format!(
        "{} the configuration is valid: environment {environment}, {services} services, from {origin}",
        paint(GOOD, "✓")
    ));
    Ok(Exit::DONE)
}
