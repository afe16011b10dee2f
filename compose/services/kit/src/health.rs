//! `GET /health`: 200 while every check passes, 503 with what failed otherwise.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

type CheckFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Box<dyn Fn() -> CheckFuture + Send + Sync>;

/// A check that takes longer has failed: a probe must be answered before the prober gives up.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// What a service looks at to know that it is well. A service without checks is well as long as it answers.
#[derive(Default)]
pub struct Checks(Vec<(String, Check)>);

impl Checks {
    /// Adds a check; its error is the text that the health answer shows.
    pub fn add<F, R>(&mut self, name: &str, check: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.0
            .push((name.to_owned(), Box::new(move || Box::pin(check()))));
    }
}

pub(crate) struct Health {
    pub(crate) service: String,
    pub(crate) version: String,
    pub(crate) started: Instant,
    pub(crate) checks: Checks,
    /// `None` where the service has no registry to register with.
    pub(crate) registered: Option<Arc<AtomicBool>>,
}

impl Health {
    pub(crate) async fn answer(&self) -> Response {
        let mut results = Map::new();
        let mut healthy = true;
        for (name, check) in &self.checks.0 {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
            let failure = match result {
                Ok(Ok(())) => None,
                Ok(Err(message)) => Some(message),
                Err(_) => Some(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
            };
            healthy &= failure.is_none();
            let value = match failure {
                None => json!({"status": "healthy"}),
                Some(message) => json!({"status": "unhealthy", "message": message}),
            };
            results.insert(name.clone(), value);
        }
        let mut body = json!({
            "status": if healthy { "healthy" } else { "unhealthy" },
            "service": self.service,
            "version": self.version,
            "uptime_seconds": (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            "checks": Value::Object(results),
        });
        if let (Some(registered), Some(body)) = (&self.registered, body.as_object_mut()) {
            body.insert(
                "registered".to_owned(),
                registered.load(Ordering::Relaxed).into(),
            );
        }
        let status = if healthy {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (status, Json(body)).into_response()
    }
}
