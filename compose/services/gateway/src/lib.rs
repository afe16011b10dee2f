//! The way in: `ANY /api/v1/{service}/{path…}` goes to a live instance of the service, found through the registry.
//!
//! `discovery` knows who is alive, `proxy` passes requests on. Started by `chora serve gateway` through [`run`].

mod body;
mod discovery;
mod headers;
mod proxy;
mod settings;

use chora_service_kit::{BoundService, Description, ServeError, Service, init_logs};

pub use settings::GatewaySettings;

use crate::proxy::Gateway;

/// Runs the gateway as the environment says, until SIGTERM or SIGINT.
pub async fn run() -> Result<(), ServeError> {
    let settings = GatewaySettings::from_env()?;
    init_logs(&settings.service.service)?;
    bind(settings).await?.serve_until_signalled().await
}

/// Binds the address. The registry need not be there yet.
pub async fn bind(settings: GatewaySettings) -> Result<BoundService, ServeError> {
    let GatewaySettings {
        service,
        manifest_url,
        upstream_timeout,
        discovery_ttl,
    } = settings;
    let service = Service::new(service).describe(Description {
        description: "Passes requests on to live instances of services".to_owned(),
        dependencies: Vec::new(),
        tags: vec!["gateway".to_owned()],
    });
    let gateway = Gateway::new(
        &manifest_url,
        upstream_timeout,
        discovery_ttl,
        service.metrics(),
    );
    service.routes(proxy::routes(gateway)).bind().await
}
