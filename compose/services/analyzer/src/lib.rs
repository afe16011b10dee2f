//! The sample capability: says how many words, sentences and so on a text has. Started by `chora serve analyzer` through [`run`].

mod api;
mod text;

use chora_service_kit::{
    BoundService, Description, ServeError, Service, ServiceSettings, init_logs,
};

pub use text::{Analysis, WordCount, analyze};

/// The most bytes of a request's body.
pub const BODY_LIMIT: usize = 1 << 20;

/// Runs the analyzer as the environment says, until SIGTERM or SIGINT.
pub async fn run() -> Result<(), ServeError> {
    let settings = ServiceSettings::from_env("analyzer", 8800)?;
    init_logs(&settings.service)?;
    bind(settings).await?.serve_until_signalled().await
}

/// Binds the address.
pub async fn bind(settings: ServiceSettings) -> Result<BoundService, ServeError> {
    let service = Service::new(settings)
        .body_limit(BODY_LIMIT)
        .describe(Description {
            description: "Counts the characters, words and sentences of a text".to_owned(),
            dependencies: Vec::new(),
            tags: vec!["capability".to_owned(), "text".to_owned()],
        });
    let routes = api::routes(service.metrics());
    service.routes(routes).bind().await
}
