//! What every reference service shares: settings from the environment, logs, health, metrics, JSON errors, bearer tokens, registration with the manifest, and a shutdown that loses
//! no request.
//!
//! A service describes itself with [`Service::new`], hands over its routes, and gets a [`BoundService`] that knows its address before it serves. Called by the crates beside this
//! one (`manifest`, `gateway`, `analyzer`, `orchestrator`); it must not know any of them.
//!
//! ```no_run
//! # async fn example() -> Result<(), chora_service_kit::ServeError> {
//! use chora_service_kit::{Service, ServiceSettings, axum::{Router, routing::get}};
//!
//! let settings = ServiceSettings::from_env("greeter", 8900)?;
//! chora_service_kit::init_logs(&settings.service)?;
//! Service::new(settings)
//!     .routes(Router::new().route("/hello", get(|| async { "hello" })))
//!     .bind()
//!     .await?
//!     .serve_until_signalled()
//!     .await
//! # }
//! ```

mod api_error;
mod auth;
mod check;
mod client;
mod error;
mod extract;
mod health;
mod logs;
mod metrics;
mod registration;
mod secret;
mod service;
mod settings;
mod token;

pub use api_error::ApiError;
pub use auth::{Caller, Keyring, KeyringError};
pub use axum;
pub use check::{CheckError, check, check_at};
pub use client::{http_client, http_client_for};
pub use error::ServeError;
pub use extract::{ApiJson, ApiPath, ApiQuery, BodyLimit};
pub use health::Checks;
pub use logs::init_logs;
pub use metrics::Metrics;
pub use registration::{Description, Registration};
pub use secret::Secret;
pub use service::{BoundService, Service};
pub use settings::{ServiceSettings, SettingsError, is_service_name};
pub use token::{TokenError, sign_token, verify_token};
pub use tokio_util::sync::CancellationToken;
