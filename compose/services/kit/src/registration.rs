//! Being known to the registry: registers, sends heartbeats, registers again when forgotten, deregisters at the end.
//!
//! A registry that is away never hurts the service: everything here is retried for as long as the service lives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{Secret, ServeError, ServiceSettings, SettingsError, http_client_for, sign_token};

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// A registry that is down must not hold up the end of a service.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(1500);

/// What a service says about itself in the registry.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// At most 500 characters.
    pub description: String,
    /// Names of the services that it needs.
    pub dependencies: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
}

enum Credential {
    ApiKey(Secret),
    Signed(Secret),
}

/// A service's standing with the registry.
pub struct Registration {
    client: reqwest::Client,
    base: String,
    name: String,
    id: String,
    body: Value,
    credential: Credential,
    registered: Arc<AtomicBool>,
}

#[derive(Deserialize)]
struct Accepted {
    heartbeat_interval: f64,
}

#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("no answer: {0}")]
    Transport(#[from] reqwest::Error),
    #[error("cannot sign a token: {0}")]
    Token(#[from] crate::TokenError),
    #[error("{status}: {text}")]
    Status { status: StatusCode, text: String },
}

impl Registration {
    /// Prepares the registration of a service that answers on `port`; `None` where no `MANIFEST_URL` is given.
    pub fn new(
        settings: &ServiceSettings,
        port: u16,
        description: &Description,
    ) -> Result<Option<Self>, ServeError> {
        let Some(url) = &settings.manifest_url else {
            return Ok(None);
        };
        // The key goes first: it says who calls, and can do no more than that service may.
        let credential = match (&settings.api_key, &settings.jwt_secret) {
            (Some(key), _) => Credential::ApiKey(key.clone()),
            (None, Some(secret)) => Credential::Signed(secret.clone()),
            (None, None) => {
                return Err(SettingsError::Missing {
                    name: format!("API_KEY_{}", settings.service.to_uppercase().replace('-', "_")),
                    why: "with `MANIFEST_URL` given, the service registers itself and needs its API key (or `JWT_SECRET`); set it, or unset `MANIFEST_URL`",
                }
                .into());
            }
        };
        let host =
            if settings.advertise_host.contains(':') && !settings.advertise_host.starts_with('[') {
                format!("[{}]", settings.advertise_host)
            } else {
                settings.advertise_host.clone()
            };
        // Made of the address, so that a service that was killed is replaced by its successor and not left beside it.
        let id = settings.instance_id.clone().unwrap_or_else(|| {
            let place = format!(
                "{}-{port}",
                settings.advertise_host.trim_matches(['[', ']'])
            );
            place
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                        c
                    } else {
                        '-'
                    }
                })
                .collect()
        });
        let body = json!({
            "id": id,
            "name": settings.service,
            "version": settings.version.to_string(),
            "interfaces": [{"type": "http", "url": format!("http://{host}:{port}"), "health": "/health"}],
            "metadata": {
                "description": description.description,
                "dependencies": description.dependencies,
                "tags": description.tags,
                "environment": settings.environment,
            },
        });
        Ok(Some(Self {
            client: http_client_for(url, CALL_TIMEOUT)?,
            base: url.as_str().trim_end_matches('/').to_owned(),
            name: settings.service.clone(),
            id,
            body,
            credential,
            registered: Arc::default(),
        }))
    }

    /// Whether the last word of the registry was that it knows us.
    pub fn registered(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.registered)
    }

    /// Keeps the service registered until `stop`, then deregisters it.
    pub async fn run(self, stop: CancellationToken) {
        // Dropping a call that is under way is safe: whether it reached the registry or not, what follows is the farewell.
        stop.run_until_cancelled(self.keep()).await;
        self.registered.store(false, Ordering::Relaxed);
        match tokio::time::timeout(FAREWELL_TIMEOUT, self.call(Method::DELETE, "", None)).await {
            Ok(Ok(_)) => tracing::info!(service = self.name, "deregistered"),
            Ok(Err(error)) => {
                tracing::warn!(service = self.name, error = %error, "could not deregister; the registry will notice the missing heartbeats")
            }
            Err(_) => tracing::warn!(
                service = self.name,
                "could not deregister in time; the registry will notice the missing heartbeats"
            ),
        }
    }

    async fn keep(&self) {
        loop {
            let interval = self.register().await;
            self.registered.store(true, Ordering::Relaxed);
            tracing::info!(
                service = self.name,
                id = self.id,
                interval_seconds = interval.as_secs_f64(),
                "registered"
            );
            self.beat(interval).await;
            self.registered.store(false, Ordering::Relaxed);
        }
    }

    /// Tries until the registry accepts; gives the interval that it asks for.
    async fn register(&self) -> Duration {
        let mut wait = FIRST_RETRY;
        loop {
            match self
                .call(Method::POST, "/v1/services", Some(&self.body))
                .await
            {
                Ok(text) => {
                    let seconds = serde_json::from_str::<Accepted>(&text)
                        .map_or(10.0, |accepted| accepted.heartbeat_interval);
                    return Duration::try_from_secs_f64(seconds.clamp(0.01, 3600.0))
                        .unwrap_or(Duration::from_secs(10));
                }
                Err(error @ CallError::Status { .. }) => {
                    tracing::warn!(service = self.name, error = %error, "the registry refuses the registration")
                }
                Err(error) => {
                    tracing::debug!(service = self.name, error = %error, "the registry is not there yet")
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_RETRY);
        }
    }

    /// Sends heartbeats until the registry says that it does not know us.
    async fn beat(&self, interval: Duration) {
        let mut wait = interval;
        loop {
            tokio::time::sleep(wait).await;
            wait = interval;
            match self.call(Method::PUT, "heartbeat", None).await {
                Ok(_) => {}
                Err(CallError::Status {
                    status: status @ (StatusCode::NOT_FOUND | StatusCode::GONE),
                    ..
                }) => {
                    tracing::info!(
                        service = self.name,
                        status = status.as_u16(),
                        "the registry has forgotten us; registering again"
                    );
                    return;
                }
                Err(error) => {
                    tracing::warn!(service = self.name, error = %error, "a heartbeat failed");
                    // Sooner than the next one is due: a registry that comes back holds us for unknown until then.
                    wait = interval.min(LAST_RETRY / 4);
                }
            }
        }
    }

    async fn call(
        &self,
        method: Method,
        action: &str,
        body: Option<&Value>,
    ) -> Result<String, CallError> {
        let url = match action {
            "" => format!("{}/v1/services/{}/{}", self.base, self.name, self.id),
            path if path.starts_with('/') => format!("{}{path}", self.base),
            verb => format!("{}/v1/services/{}/{}/{verb}", self.base, self.name, self.id),
        };
        let token = match &self.credential {
            Credential::ApiKey(key) => key.expose().to_owned(),
            Credential::Signed(secret) => sign_token(secret, &self.name)?,
        };
        let mut request = self.client.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        if status.is_success() {
            return Ok(text);
        }
        let text = text.chars().filter(|c| !c.is_control()).take(300).collect();
        Err(CallError::Status { status, text })
    }
}
