//! `chora serve`: one of the reference services, in the foreground.

use anyhow::{Context, Error};
use chora_model::failure::{Code, Failure};
use tokio::runtime::Builder;

use crate::args::Role;
use crate::exit::Exit;
use crate::failure::Ended;

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
