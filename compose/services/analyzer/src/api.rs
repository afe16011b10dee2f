//! `POST /analyze`.

use chora_service_kit::{
    ApiError, ApiJson, Metrics,
    axum::{Json, Router, extract::State, routing::post},
};
use prometheus_client::metrics::counter::Counter;
use serde::Deserialize;

use crate::{Analysis, analyze};

#[derive(Deserialize)]
struct Request {
    text: String,
}

pub(crate) fn routes(metrics: &Metrics) -> Router {
    let words = Counter::default();
    metrics.register(
        "analyzer_words",
        "Words of the texts that were analyzed",
        words.clone(),
    );
    Router::new()
        .route("/analyze", post(answer))
        .with_state(words)
}

async fn answer(
    State(words): State<Counter>,
    ApiJson(request): ApiJson<Request>,
) -> Result<Json<Analysis>, ApiError> {
    if request.text.trim().is_empty() {
        return Err(ApiError::bad_request(
            "empty_text",
            "`text` is empty; send a text with at least one character that is not white space",
        ));
    }
    let analysis = analyze(&request.text);
    words.inc_by(analysis.words as u64);
    Ok(Json(analysis))
}
