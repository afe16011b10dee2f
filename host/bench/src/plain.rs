//! The server that the registry is set against, and that health checks ask: the same framework and the same answers, with nothing stored, looked up or checked.
//!
//! What the registry costs beyond it is the registry's own.

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{get, put};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const JSON: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

/// Serves until it is killed.
pub(crate) async fn serve(port: u16) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .context("failed to bind the port")?;
    let page = Bytes::from(page().to_string());
    let router = Router::new()
        .route(
            "/v1/services",
            get(move || async move { ([JSON], page) }).post(
                // The body is read, as whoever stores it must.
                |_: Bytes| async { (StatusCode::CREATED, [JSON], answer().to_string()) },
            ),
        )
        .route(
            "/v1/services/{name}/{id}/heartbeat",
            put(|| async { StatusCode::NO_CONTENT }),
        )
        .route(
            "/health",
            get(|| async { ([JSON], r#"{"service":"bench","status":"healthy"}"#) }),
        );
    axum::serve(listener, router)
        .await
        .context("failed to serve")
}

/// As large as the registry's page of a hundred.
fn page() -> Value {
    let services: Vec<Value> = (0..100)
        .map(|number| {
            json!({
                "id": format!("i{number}"), "name": "bench-0", "version": "1.0.0", "status": "up",
                "interfaces": [{"type": "http", "url": "http://localhost:1"}],
                "metadata": {"dependencies": [], "description": "a record", "environment": "dev", "tags": []},
                "registered_at": "2026-01-01T00:00:00.123456789Z",
                "last_heartbeat": "2026-01-01T00:00:00.123456789Z",
            })
        })
        .collect();
    json!({"services": services, "total": 100, "limit": 100, "offset": 0})
}

fn answer() -> Value {
    json!({
        "id": "i0", "name": "bench-0", "version": "1.0.0", "status": "up",
        "registered_at": "2026-01-01T00:00:00.123456789Z",
        "heartbeat_interval": 10, "heartbeat_timeout": 30,
    })
}
