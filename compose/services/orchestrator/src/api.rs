//! The routes. Everything that changes something needs a signed token.

use chora_engine::Started;
use chora_service_kit::axum::extract::State;
use chora_service_kit::axum::http::{HeaderMap, StatusCode};
use chora_service_kit::axum::routing::{get, post};
use chora_service_kit::axum::{Json, Router};
use chora_service_kit::{ApiError, ApiJson, ApiPath, Keyring, Metrics};
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;

use crate::deployment::{Deployment, Desired, View};
use crate::fleet::Fleet;

#[derive(Clone)]
struct Shared {
    fleet: Fleet,
    keyring: Keyring,
    deployments: Counter,
}

#[derive(Serialize)]
struct Listed {
    services: Vec<View>,
    total: usize,
}

#[derive(Serialize)]
struct Deployed {
    /// `started`, `replaced` or `unchanged`.
    result: &'static str,
    #[serde(flatten)]
    service: View,
}

pub(crate) fn routes(fleet: Fleet, keyring: Keyring, metrics: &Metrics) -> Router {
    let deployments = Counter::default();
    metrics.register(
        "orchestrator_deployments",
        "Deployments that started something",
        deployments.clone(),
    );
    Router::new()
        .route("/v1/deploy", post(deploy))
        .route("/v1/services", get(list))
        .route("/v1/services/{name}", get(show).delete(delete))
        .route("/v1/services/{name}/{verb}", post(change))
        .with_state(Shared {
            fleet,
            keyring,
            deployments,
        })
}

async fn deploy(
    State(shared): State<Shared>,
    headers: HeaderMap,
    ApiJson(deployment): ApiJson<Deployment>,
) -> Result<(StatusCode, Json<Deployed>), ApiError> {
    let caller = shared.keyring.authenticate_token(&headers)?;
    tracing::info!(caller, name = deployment.name, "deploy");
    let (started, service) = detached(async move { shared.deploy(deployment).await }).await?;
    let (status, result) = match started {
        Started::Started => (StatusCode::CREATED, "started"),
        Started::Replaced => (StatusCode::CREATED, "replaced"),
        Started::AlreadyRunning => (StatusCode::OK, "unchanged"),
    };
    Ok((status, Json(Deployed { result, service })))
}

async fn list(State(shared): State<Shared>) -> Result<Json<Listed>, ApiError> {
    let services = shared.fleet.list().await?;
    let total = services.len();
    Ok(Json(Listed { services, total }))
}

async fn show(
    State(shared): State<Shared>,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<View>, ApiError> {
    shared.fleet.get(&name).await.map(Json)
}

async fn change(
    State(shared): State<Shared>,
    headers: HeaderMap,
    ApiPath((name, verb)): ApiPath<(String, String)>,
) -> Result<Json<View>, ApiError> {
    let caller = shared.keyring.authenticate_token(&headers)?;
    tracing::info!(caller, name, verb, "change");
    let fleet = shared.fleet;
    let view = detached(async move {
        match verb.as_str() {
            "start" => fleet.set(&name, Desired::Running).await,
            "stop" => fleet.set(&name, Desired::Stopped).await,
            "restart" => fleet.restart(&name).await,
            _ => Err(ApiError::not_found(
                "unknown_verb",
                format!("`{verb}` is none of `start`, `stop` and `restart`"),
            )),
        }
    });
    view.await.map(Json)
}

async fn delete(
    State(shared): State<Shared>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    let caller = shared.keyring.authenticate_token(&headers)?;
    tracing::info!(caller, name, "delete");
    detached(async move { shared.fleet.delete(&name).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Shared {
    async fn deploy(&self, deployment: Deployment) -> Result<(Started, View), ApiError> {
        let deployed = self.fleet.deploy(deployment).await?;
        if deployed.0 != Started::AlreadyRunning {
            self.deployments.inc();
        }
        Ok(deployed)
    }
}

/// Lets a change go on to its end when the caller hangs up: half of one would be nobody's wish.
async fn detached<T: Send + 'static>(
    change: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::spawn(change).await {
        Ok(answer) => answer,
        Err(error) => Err(ApiError::unavailable("interrupted", error.to_string())),
    }
}
