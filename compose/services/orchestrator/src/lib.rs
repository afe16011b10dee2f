//! The orchestrator: deploys services over HTTP, keeps them running, and finds them again after its own restart. Started by `chora serve orchestrator` through [`run`].
//!
//! It runs them through the same engine as chora itself, in the same environment's directory, so `chora status`, `chora logs` and `chora reset` see what it deployed. Its own end
//! does not end what it deployed.

mod api;
mod deployment;
mod fleet;
mod keeper;
mod settings;
mod store;

use chora_service_kit::{
    BoundService, Description, Keyring, ServeError, Service, ServiceSettings, init_logs,
};

pub use deployment::{Deployment, Desired, State, View};
pub use settings::{OrchestratorError, Place, RunsOn};

/// Runs the orchestrator as the environment says, until SIGTERM or SIGINT.
pub async fn run() -> Result<(), OrchestratorError> {
    let settings = ServiceSettings::from_env("orchestrator", 8600).map_err(ServeError::from)?;
    init_logs(&settings.service)?;
    let place = Place::from_env(&settings)?;
    bind(settings, place).await?.serve_until_signalled().await?;
    Ok(())
}

/// Takes up what was deployed before, and binds the address.
pub async fn bind(
    settings: ServiceSettings,
    place: Place,
) -> Result<BoundService, OrchestratorError> {
    let keyring = Keyring::open(&settings)?;
    let fleet = fleet::Fleet::open(&settings, place).await?;
    let service = Service::new(settings).describe(Description {
        description: "Deploys services and keeps them running".to_owned(),
        dependencies: Vec::new(),
        tags: vec!["infrastructure".to_owned(), "orchestration".to_owned()],
    });
    let deployed = fleet.clone();
    let routes = api::routes(fleet, keyring, service.metrics());
    let bound = service.routes(routes).bind().await?;
    // Only who has the address takes up what was deployed: a second orchestrator would have failed by now.
    deployed.take_up().await;
    Ok(bound)
}
