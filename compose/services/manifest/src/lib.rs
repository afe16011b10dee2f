//! The registry of an ecosystem: who is there, where, and whether they still answer.
//!
//! Reads are served from memory (`directory`); every registration and deregistration is on disk before it is answered (`writer`, `storage`); heartbeats touch memory only,
//! which is why everything is `unknown` after a restart. Started by `chora serve manifest` through [`run`].

mod api;
mod directory;
mod record;
mod settings;
mod storage;
mod view;
mod writer;

use std::sync::Arc;

use chora_service_kit::{BoundService, Keyring, ServeError, Service, init_logs};

pub use settings::{ManifestSettings, StorageSettings, Timing};
pub use storage::StorageError;

use crate::{api::App, directory::Directory, writer::Writer};

/// Runs the registry as the environment says, until SIGTERM or SIGINT.
pub async fn run() -> Result<(), ServeError> {
    let settings = ManifestSettings::from_env()?;
    init_logs(&settings.service.service)?;
    bind(settings).await?.serve_until_signalled().await
}

/// Opens the storage, loads what it holds and binds the address.
pub async fn bind(mut settings: ManifestSettings) -> Result<BoundService, ServeError> {
    let own_name = settings.service.service.clone();
    let keyring = Keyring::open(&settings.service)?;
    // The registry is registered in itself from outside, once it answers; see `Directory` for who keeps it up.
    settings.service.manifest_url = None;

    let directory = Arc::new(Directory::new(own_name.clone(), settings.timing));
    let service = Service::new(settings.service);
    let writer = Writer::start(settings.storage, Arc::clone(&directory), service.metrics())
        .await
        .map_err(|error| ServeError::service(&own_name, error))?;
    let app = App::new(
        own_name,
        directory,
        writer.clone(),
        keyring,
        settings.timing,
        service.metrics(),
    );
    let checked = writer.clone();
    service
        .routes(api::routes(app))
        .also_at("/v1")
        .body_limit(64 << 10)
        .check("storage", move || {
            let writer = checked.clone();
            async move { writer.check().await.map_err(|error| error.chain()) }
        })
        .on_stopped(async move { writer.stop().await })
        .bind()
        .await
}
