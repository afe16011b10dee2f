//! The routes under `/v1/services`.
//!
//! Statuses, besides those that every service has: 200 update, 201 new, 204 heartbeat and deregistration (again: 204 too), 400 with the names of the fields, 401 without a known key
//! or token, 403 with the key of another service, 404 never registered or removed for its silence, 410 deregistered, 503 the storage takes no changes.

use std::sync::Arc;

use chora_service_kit::{
    ApiError, ApiJson, ApiPath, ApiQuery, Caller, Keyring, Metrics,
    axum::{
        Json, Router,
        extract::{FromRequestParts, State},
        http::{StatusCode, header, request::Parts},
        response::{IntoResponse, Response},
        routing::{get, put},
    },
};
use prometheus_client::metrics::counter::Counter;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    StorageError, Timing,
    directory::{Directory, Filter, Presence, Status},
    record, view,
    writer::Writer,
};

#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    own_name: String,
    directory: Arc<Directory>,
    writer: Writer,
    keyring: Keyring,
    timing: Timing,
    heartbeats: Counter,
}

impl App {
    pub(crate) fn new(
        own_name: String,
        directory: Arc<Directory>,
        writer: Writer,
        keyring: Keyring,
        timing: Timing,
        metrics: &Metrics,
    ) -> Self {
        let heartbeats = Counter::default();
        metrics.register(
            "manifest_heartbeats",
            "Heartbeats of instances that are known",
            heartbeats.clone(),
        );
        Self(Arc::new(Inner {
            own_name,
            directory,
            writer,
            keyring,
            timing,
            heartbeats,
        }))
    }

    fn permit(&self, caller: &Caller, name: &str) -> Result<(), ApiError> {
        if caller.may_write(name, &self.0.own_name) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "this API key belongs to another service than `{name}`"
        )))
    }
}

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/v1/services", get(list).post(register))
        .route("/v1/services/{name}", get(instances))
        .route("/v1/services/{name}/{id}", get(instance).delete(deregister))
        .route("/v1/services/{name}/{id}/heartbeat", put(heartbeat))
        .with_state(app)
}

/// Whoever sent a known key or token; comes before the body, so that a stranger's body is not read.
struct Known(Caller);

impl FromRequestParts<App> for Known {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        app.0.keyring.authenticate(&parts.headers).map(Known)
    }
}

async fn register(
    State(app): State<App>,
    Known(caller): Known,
    ApiJson(body): ApiJson<Value>,
) -> Result<Response, ApiError> {
    let record = record::parse(body, || Uuid::now_v7().to_string())?;
    app.permit(&caller, &record.name)?;
    let (name, id, version) = (
        record.name.clone(),
        record.id.clone(),
        record.version.clone(),
    );
    let registered = app
        .0
        .writer
        .register(record)
        .await
        .map_err(|error| no_storage(&error))?;
    let location = format!("/v1/services/{name}/{id}");
    if registered.new {
        tracing::info!(name, id, version, "registered");
    }
    let body = json!({
        "id": id,
        "name": name,
        "version": version,
        "status": Status::Up,
        "registered_at": registered.at,
        "heartbeat_interval": seconds(app.0.timing.heartbeat_interval),
        "heartbeat_timeout": seconds(app.0.timing.unhealthy_after),
    });
    let status = if registered.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, [(header::LOCATION, location)], Json(body)).into_response())
}

/// A whole number where it is one, as it is in every real setting.
fn seconds(duration: std::time::Duration) -> Value {
    if duration.subsec_nanos() == 0 {
        duration.as_secs().into()
    } else {
        duration.as_secs_f64().into()
    }
}

fn no_storage(error: &StorageError) -> ApiError {
    ApiError::unavailable(
        "storage_unavailable",
        format!("nothing was changed: {}", error.chain()),
    )
}

async fn heartbeat(
    State(app): State<App>,
    Known(caller): Known,
    ApiPath((name, id)): ApiPath<(String, String)>,
) -> Result<StatusCode, ApiError> {
    app.permit(&caller, &name)?;
    match app.0.directory.heartbeat(&name, &id) {
        Presence::Live => {
            app.0.heartbeats.inc();
            Ok(StatusCode::NO_CONTENT)
        }
        absence => Err(absent(&name, &id, absence)),
    }
}

async fn deregister(
    State(app): State<App>,
    Known(caller): Known,
    ApiPath((name, id)): ApiPath<(String, String)>,
) -> Result<StatusCode, ApiError> {
    app.permit(&caller, &name)?;
    let before = app
        .0
        .writer
        .deregister(name.clone(), id.clone())
        .await
        .map_err(|error| no_storage(&error))?;
    match before {
        Presence::Live => tracing::info!(name, id, "deregistered"),
        Presence::Deregistered => {}
        Presence::Unknown => return Err(absent(&name, &id, before)),
    }
    Ok(StatusCode::NO_CONTENT)
}

fn absent(name: &str, id: &str, presence: Presence) -> ApiError {
    match presence {
        Presence::Deregistered => ApiError::new(
            StatusCode::GONE,
            "deregistered",
            format!("`{name}/{id}` was deregistered; register again"),
        ),
        Presence::Live | Presence::Unknown => ApiError::not_found(
            "unknown_instance",
            format!("`{name}/{id}` is not registered"),
        ),
    }
}

async fn instance(
    State(app): State<App>,
    ApiPath((name, id)): ApiPath<(String, String)>,
) -> Result<Response, ApiError> {
    let sighting = app
        .0
        .directory
        .find(&name, &id)
        .map_err(|presence| absent(&name, &id, presence))?;
    let mut text = String::new();
    view::write(&sighting, &mut text);
    Ok(ready(text))
}

async fn instances(
    State(app): State<App>,
    ApiPath(name): ApiPath<String>,
) -> Result<Response, ApiError> {
    let sightings = app.0.directory.of(&name);
    if sightings.is_empty() {
        return Err(ApiError::not_found(
            "unknown_service",
            format!("no instance of `{name}` is registered"),
        ));
    }
    // A name that is registered has no character that JSON would escape.
    let mut text = format!("{{\"name\":\"{name}\",\"services\":");
    view::write_all(&sightings, &mut text);
    text.push_str(&format!(",\"total\":{}}}", sightings.len()));
    Ok(ready(text))
}

/// An answer whose JSON is there already.
fn ready(json: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    status: Option<Status>,
    tag: Option<String>,
    environment: Option<String>,
    dependency: Option<String>,
    #[serde(default = "default_limit")]
    limit: usize,
    #[serde(default)]
    offset: usize,
}

fn default_limit() -> usize {
    100
}

async fn list(
    State(app): State<App>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Response, ApiError> {
    if !(1..=1000).contains(&query.limit) {
        return Err(
            ApiError::bad_request("invalid_query", "`limit` must be from 1 to 1000")
                .with("fields", json!({"limit": "must be from 1 to 1000"})),
        );
    }
    let filter = Filter {
        status: query.status,
        tag: query.tag,
        environment: query.environment,
        dependency: query.dependency,
    };
    let (sightings, total) = app.0.directory.list(&filter, query.offset, query.limit);
    let mut text = String::from("{\"services\":");
    view::write_all(&sightings, &mut text);
    text.push_str(&format!(
        ",\"total\":{total},\"limit\":{},\"offset\":{}}}",
        query.limit, query.offset
    ));
    Ok(ready(text))
}
