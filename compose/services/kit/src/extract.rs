//! Extractors whose rejections are [`ApiError`]s, so that no plain-text answer escapes.

use axum::{
    RequestPartsExt,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header, request::Parts},
};
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use crate::ApiError;

/// The most bytes of a JSON body that [`ApiJson`] takes; an extension of the request, 1 MiB where it is missing.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// Beyond the limit this much more is read and thrown away, so that a client that is still sending gets to see the 413 rather than a reset connection.
const DRAINED: usize = 8 << 20;

/// A JSON body: 415 for another media type, 413 past the [`BodyLimit`], 400 for what is not JSON or not the type.
#[derive(Debug)]
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the body as `Content-Type: application/json`",
            ));
        }
        let limit = request
            .extensions()
            .get::<BodyLimit>()
            .map_or(1 << 20, |limit| limit.0);
        let body = read(request, limit).await?;
        serde_json::from_slice(&body)
            .map(ApiJson)
            .map_err(|error| match error.classify() {
                serde_json::error::Category::Data => ApiError::bad_request(
                    "invalid_request",
                    format!("the body does not fit: {error}"),
                ),
                _ => ApiError::bad_request(
                    "invalid_json",
                    format!("the body is not valid JSON: {error}"),
                ),
            })
    }
}

fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else {
        return false;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read(request: Request, limit: usize) -> Result<BytesMut, ApiError> {
    let mut body = request.into_body();
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::bad_request("incomplete_body", format!("the body broke off: {error}"))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        seen += data.len();
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else if seen > limit + DRAINED {
            break;
        }
    }
    if seen > limit {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            format!("the body is larger than the limit of {limit} bytes"),
        )
        .with("limit", limit));
    }
    Ok(kept)
}

/// Parameters of the path; 400 where they do not fit.
#[derive(Debug)]
pub struct ApiPath<T>(pub T);

impl<T: DeserializeOwned + Send + 'static, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extract::<Path<T>>().await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::bad_request("invalid_path", rejection.body_text())),
        }
    }
}

/// Parameters of the query; 400 where they do not fit.
#[derive(Debug)]
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned + Send + 'static, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extract::<Query<T>>().await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::bad_request(
                "invalid_query",
                rejection.body_text(),
            )),
        }
    }
}
