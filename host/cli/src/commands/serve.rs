//! `chora serve`: one of the reference services, in the foreground.

use std::time::Duration;

use anyhow::{Context, Error};
use chora_engine::docker::image;
use chora_model::failure::{Code, Failure};
use chora_service_kit::ServiceSettings;
use tokio::runtime::Builder;

use crate::app::App;
use crate::args::Role;
use crate::exit::Exit;
use crate::failure::Ended;

/// How long a service may take to say that it is healthy; below the limit that the images set.
const CHECK_LIMIT: Duration = Duration::from_secs(3);

/// Asks the service that runs beside this command.
pub(crate) fn check(app: &App, role: Role) -> Result<Exit, Ended> {
    let role = image::Role::from(role);
    let settings = ServiceSettings::from_env(role.name(), role.port()).context("wrong settings")?;
    match chora_service_kit::check(&settings, CHECK_LIMIT) {
        Ok(()) => {
            app.output.line(&format!("{} is healthy", role.name()));
            Ok(Exit::DONE)
        }
        Err(error) => {
            // One line: the engine keeps it with the container's health.
            let error = Error::from(error);
            app.output
                .error(&format!("{} is not healthy: {error:#}", role.name()));
            Ok(Exit::FAILED)
        }
    }
}

impl From<Role> for image::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Manifest => Self::Manifest,
            Role::Orchestrator => Self::Orchestrator,
            Role::Gateway => Self::Gateway,
            Role::Analyzer => Self::Analyzer,
        }
    }
}

/// Runs the service until it is asked to end.
pub(crate) fn run(role: Role) -> Result<Exit, Ended> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let served = runtime.block_on(async {
        match role {
            Role::Manifest => chora_manifest::run().await.map_err(Error::from),
            Role::Orchestrator => chora_orchestrator::run().await.map_err(Error::from),
            Role::Gateway => chora_gateway::run().await.map_err(Error::from),
            Role::Analyzer => chora_analyzer::run().await.map_err(Error::from),
        }
    });
    match served {
        Ok(()) => Ok(Exit::DONE),
        // One line: it ends up in the service's log and in the report of whoever started it.
        Err(error) => Err(Failure::new(Code::IoError, format!("{error:#}")).into()),
    }
}
