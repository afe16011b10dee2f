//! The life of a service: bind, register, serve, deregister, drain.

use std::{
    future::IntoFuture,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    http::{Method, StatusCode, Uri},
    middleware::from_fn_with_state,
    routing::get,
    serve::ListenerExt,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    ApiError, BodyLimit, Checks, Description, Metrics, Registration, ServeError, ServiceSettings,
    health::Health, metrics::measure,
};

/// How long requests that are under way may take to end after the shutdown began.
const DRAIN: Duration = Duration::from_secs(5);

type Hook = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A service before it has an address.
pub struct Service {
    settings: ServiceSettings,
    metrics: Metrics,
    routes: Router,
    checks: Checks,
    description: Description,
    also_at: Vec<&'static str>,
    body_limit: usize,
    hooks: Vec<Hook>,
}

impl Service {
    /// A service with `GET /health` and `GET /metrics` and nothing else.
    pub fn new(settings: ServiceSettings) -> Self {
        let metrics = Metrics::new(&settings.service, &settings.version.to_string());
        Self {
            settings,
            metrics,
            routes: Router::new(),
            checks: Checks::default(),
            description: Description::default(),
            also_at: Vec::new(),
            body_limit: 1 << 20,
            hooks: Vec::new(),
        }
    }

    /// Where the service's own metrics are registered.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What it was told by its environment.
    pub fn settings(&self) -> &ServiceSettings {
        &self.settings
    }

    /// Adds routes. They need no fallbacks: unknown paths and methods are answered in the common shape.
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Adds a check to `GET /health`; see [`Checks::add`].
    pub fn check<F, R>(mut self, name: &str, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.add(name, check);
        self
    }

    /// What the registry is told.
    pub fn describe(mut self, description: Description) -> Self {
        self.description = description;
        self
    }

    /// Answers health and metrics under this prefix as well (`/v1`).
    pub fn also_at(mut self, prefix: &'static str) -> Self {
        self.also_at.push(prefix);
        self
    }

    /// The most bytes of a JSON body (1 MiB).
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Runs when the last request has been answered, or the time for that is over.
    pub fn on_stopped(mut self, hook: impl Future<Output = ()> + Send + 'static) -> Self {
        self.hooks.push(Box::pin(hook));
        self
    }

    /// Binds the address. From here on connections queue up; they are answered by [`BoundService::serve`].
    pub async fn bind(self) -> Result<BoundService, ServeError> {
        let settings = self.settings;
        let host = settings.host.trim_matches(['[', ']']);
        let bind_error = |source: io::Error| {
            let (service, address) = (
                settings.service.clone(),
                format!("{}:{}", settings.host, settings.port),
            );
            match source.kind() {
                io::ErrorKind::AddrInUse => ServeError::PortTaken {
                    service,
                    address,
                    source,
                },
                _ => ServeError::Bind {
                    service,
                    address,
                    source,
                },
            }
        };
        let listener = TcpListener::bind((host, settings.port))
            .await
            .map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let registration = Registration::new(&settings, address.port(), &self.description)?;
        let health = Arc::new(Health {
            service: settings.service.clone(),
            version: settings.version.to_string(),
            started: Instant::now(),
            checks: self.checks,
            registered: registration.as_ref().map(Registration::registered),
        });

        let mut router = self.routes;
        for prefix in std::iter::once("").chain(self.also_at) {
            let (health, metrics) = (Arc::clone(&health), self.metrics.clone());
            router = router
                .route(
                    &format!("{prefix}/health"),
                    get(move || async move { health.answer().await }),
                )
                .route(
                    &format!("{prefix}/metrics"),
                    get(move || async move { metrics.answer() }),
                );
        }
        let router = router
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(Extension(BodyLimit(self.body_limit)))
            .layer(from_fn_with_state(self.metrics, measure));
        Ok(BoundService {
            service: settings.service,
            listener,
            address,
            router,
            registration,
            hooks: self.hooks,
        })
    }
}

async fn unknown_route(uri: Uri) -> ApiError {
    ApiError::not_found(
        "unknown_route",
        format!("there is nothing at `{}`", uri.path()),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("`{}` does not answer {method}", uri.path()),
    )
}

/// A service that has its address.
pub struct BoundService {
    service: String,
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    registration: Option<Registration>,
    hooks: Vec<Hook>,
}

impl BoundService {
    /// Where it listens; with `PORT=0`, the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGTERM or SIGINT.
    pub async fn serve_until_signalled(self) -> Result<(), ServeError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
        let stop = CancellationToken::new();
        let serving = self.serve(stop.clone());
        tokio::pin!(serving);
        let name = tokio::select! {
            result = &mut serving => return result,
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "shutting down");
        stop.cancel();
        serving.await
    }

    /// Serves until `stop` is cancelled: then deregisters, stops accepting, and gives requests under way 5 s to end.
    pub async fn serve(self, stop: CancellationToken) -> Result<(), ServeError> {
        let service = self.service;
        let failed = |source| ServeError::Server {
            service: service.clone(),
            source,
        };
        let draining = CancellationToken::new();
        let listener = self.listener.tap_io(|stream| {
            // Without it small answers can wait 40 ms for the client's acknowledgement.
            let _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(
            listener,
            self.router
                .into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(draining.clone().cancelled_owned())
        .into_future();
        tokio::pin!(serving);
        tracing::info!(service, address = %self.address, "listening");

        // A set, because it ends its tasks when this future is dropped.
        let mut registering = JoinSet::new();
        if let Some(registration) = self.registration {
            registering.spawn(registration.run(stop.clone()));
        }
        let farewell = async {
            stop.cancelled().await;
            // Still serving: requests come in until the registry no longer sends them here.
            registering.join_next().await;
        };
        tokio::select! {
            result = &mut serving => return result.map_err(failed),
            () = farewell => {}
        }
        draining.cancel();
        match tokio::time::timeout(DRAIN, &mut serving).await {
            Ok(result) => result.map_err(failed)?,
            Err(_) => tracing::warn!(
                service,
                "requests were still under way after {} s and are cut off",
                DRAIN.as_secs()
            ),
        }
        for hook in self.hooks {
            hook.await;
        }
        tracing::info!(service, "stopped");
        Ok(())
    }
}
