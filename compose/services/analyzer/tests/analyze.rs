//! The analyzer as its callers meet it: over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing helper fails the test"
)]

use std::time::Duration;

use chora_service_kit::{CancellationToken, ServiceSettings, http_client};
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// The server stops when the last value is dropped.
async fn start() -> (String, Client, impl Sized) {
    let settings = ServiceSettings::from_variables("analyzer", 0, [("PORT", "0")]).unwrap();
    let bound = chora_analyzer::bind(settings).await.unwrap();
    let url = format!("http://{}", bound.local_addr());
    let stop = CancellationToken::new();
    tokio::spawn(bound.serve(stop.clone()));
    (
        url,
        http_client(Duration::from_secs(30)).unwrap(),
        stop.drop_guard(),
    )
}

async fn error(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (
        status,
        body["error"].as_str().unwrap().to_owned(),
        body["message"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn a_text_is_analyzed() {
    let (url, client, _guard) = start().await;
    let response = client
        .post(format!("{url}/analyze"))
        .json(&json!({"text": "To be, or not to be."}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body,
        json!({
            "characters": 20, "words": 6, "sentences": 1, "unique_words": 4, "reading_time_seconds": 1.8,
            "most_frequent_words": [{"word": "be", "count": 2}, {"word": "to", "count": 2}, {"word": "not", "count": 1}, {"word": "or", "count": 1}],
        })
    );
}

#[tokio::test]
async fn bad_input_is_refused_with_a_reason() {
    let (url, client, _guard) = start().await;
    let post = |body: &'static str| {
        client
            .post(format!("{url}/analyze"))
            .header("content-type", "application/json")
            .body(body)
            .send()
    };
    for (body, code, words) in [
        ("not json", "invalid_json", "line 1"),
        ("", "invalid_json", "EOF"),
        ("{\"text\": \"a", "invalid_json", "EOF"),
        ("{}", "invalid_request", "`text`"),
        ("{\"text\": 5}", "invalid_request", "expected a string"),
        ("[]", "invalid_request", "Request"),
        ("{\"text\": \" \\n\"}", "empty_text", "`text`"),
    ] {
        let (status, found, message) = error(post(body).await.unwrap()).await;
        assert_eq!((status, found.as_str()), (400, code), "{body}: {message}");
        assert!(message.contains(words), "{body}: {message}");
    }
}

#[tokio::test]
async fn wrong_type_method_size_and_path_each_have_their_status() {
    let (url, client, _guard) = start().await;
    let analyze = format!("{url}/analyze");
    let plain = client
        .post(&analyze)
        .header("content-type", "text/plain")
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(error(plain).await.0, 415);
    let get = client.get(&analyze).send().await.unwrap();
    assert_eq!(get.headers()["allow"], "POST");
    assert_eq!(error(get).await.1, "method_not_allowed");
    let elsewhere = client.get(format!("{url}/analyse")).send().await.unwrap();
    assert_eq!(error(elsewhere).await.1, "unknown_route");
    let fits = "a ".repeat(chora_analyzer::BODY_LIMIT / 2 - 10);
    assert_eq!(
        client
            .post(&analyze)
            .json(&json!({"text": fits}))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    for size in [chora_analyzer::BODY_LIMIT, 5 * chora_analyzer::BODY_LIMIT] {
        let large = client
            .post(&analyze)
            .json(&json!({"text": "a".repeat(size)}))
            .send()
            .await
            .unwrap();
        assert_eq!(error(large).await.1, "payload_too_large");
    }
}

#[tokio::test]
async fn health_and_metrics_are_answered() {
    let (url, client, _guard) = start().await;
    let health: Value = client
        .get(format!("{url}/health"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&health["status"], &health["service"]),
        (&json!("healthy"), &json!("analyzer"))
    );
    assert!(
        client
            .post(format!("{url}/analyze"))
            .json(&json!({"text": "three small words"}))
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let metrics = client
        .get(format!("{url}/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains("chora_analyzer_words_total 3"),
        "{metrics}"
    );
    assert!(
        metrics.contains(
            r#"chora_http_requests_total{method="POST",route="/analyze",status="200"} 1"#
        ),
        "{metrics}"
    );
}
