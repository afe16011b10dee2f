//! What goes through, and what of it is changed.

use std::time::Duration;

use chora_service_kit::axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, Method, Uri},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::scene::{Scene, named};

const TTL: Duration = Duration::from_secs(60);

/// Answers with what arrived.
fn echo() -> Router {
    Router::new().fallback(|method: Method, uri: Uri, headers: HeaderMap, body: String| async move {
        let headers: serde_json::Map<String, Value> = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
        Json(json!({"method": method.as_str(), "uri": uri.to_string(), "headers": headers, "body": body}))
    })
}

#[tokio::test]
async fn method_path_query_and_body_arrive_as_they_were_sent() {
    let mut scene = Scene::start(TTL).await;
    let address = scene.serve(echo()).await;
    scene.know("echo", &[(address, "up")]);
    for (path, arrives) in [
        ("/echo", "/"),
        ("/echo/", "/"),
        ("/echo?a=1", "/?a=1"),
        ("/echo/a/b%2Fc//d?x=%20&y", "/a/b%2Fc//d?x=%20&y"),
    ] {
        let (status, text) = scene.get(path).await;
        assert_eq!(
            (
                status,
                serde_json::from_str::<Value>(&text).unwrap()["uri"]
                    .as_str()
                    .unwrap()
            ),
            (200, arrives),
            "{path}"
        );
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let response = scene
            .client
            .request(method.clone(), format!("{}/echo/x", scene.url))
            .body("hello")
            .send()
            .await
            .unwrap();
        let seen: Value = response.json().await.unwrap();
        assert_eq!(
            (&seen["method"], &seen["body"]),
            (&json!(method.as_str()), &json!("hello"))
        );
    }
}

#[tokio::test]
async fn a_path_cannot_lead_to_another_service() {
    let mut scene = Scene::start(TTL).await;
    let address = scene.serve(echo()).await;
    scene.know("echo", &[(address, "up")]);
    let other = scene.serve(named("secret")).await;
    scene.know("other", &[(other, "up")]);
    // Written by hand, because a client would normalise it.
    for (path, arrives) in [
        ("/api/v1/echo/../other/x", "/../other/x"),
        ("/api/v1/echo/%2e%2e/other", "/%2e%2e/other"),
    ] {
        let answer = raw(
            &scene,
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert!(
            answer.contains(&format!(r#""uri":"{arrives}""#)),
            "{answer}"
        );
    }
    for path in [
        "/api/v1/%2e%2e/other",
        "/api/v1/../v1/other",
        "/api/v1/oth%65r/x",
        "/api/v1/Other/x",
    ] {
        let answer = raw(
            &scene,
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

async fn raw(scene: &Scene, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let authority = scene
        .url
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let mut stream = tokio::net::TcpStream::connect(authority).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn headers_of_the_connection_stay_and_those_of_the_client_go_on() {
    let mut scene = Scene::start(TTL).await;
    let address = scene.serve(echo()).await;
    scene.know("echo", &[(address, "up")]);
    let request = scene
        .client
        .get(format!("{}/echo/x", scene.url))
        .header("connection", "x-private")
        .header("x-private", "1");
    let request = request
        .header("te", "trailers")
        .header("proxy-authorization", "Basic x")
        .header("keep-alive", "timeout=5");
    let request = request
        .header("authorization", "Bearer mine")
        .header("x-forwarded-for", "10.1.2.3")
        .header("host", "public.example");
    let seen: Value = request.send().await.unwrap().json().await.unwrap();
    let headers = &seen["headers"];
    for name in [
        "x-private",
        "te",
        "proxy-authorization",
        "keep-alive",
        "connection",
    ] {
        assert!(headers[name].is_null(), "{name}: {headers}");
    }
    assert_eq!(headers["authorization"], "Bearer mine");
    assert_eq!(headers["host"], address.to_string());
    assert_eq!(headers["x-forwarded-for"], "10.1.2.3, 127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-host"], "public.example");
}

#[tokio::test]
async fn answers_lose_the_headers_of_their_connection_and_nothing_else() {
    let mut scene = Scene::start(TTL).await;
    let answer = || async {
        (
            axum_status(418),
            [
                ("connection", "x-inner"),
                ("x-inner", "1"),
                ("x-kept", "2"),
                ("keep-alive", "timeout=9"),
            ],
            "short",
        )
            .into_response()
    };
    let address = scene.serve(Router::new().fallback(answer)).await;
    scene.know("tea", &[(address, "up")]);
    let response = scene
        .client
        .get(format!("{}/tea", scene.url))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["x-kept"], "2");
    assert!(
        response.headers().get("x-inner").is_none()
            && response.headers().get("keep-alive").is_none()
    );
    assert_eq!(response.text().await.unwrap(), "short");
}

fn axum_status(code: u16) -> chora_service_kit::axum::http::StatusCode {
    chora_service_kit::axum::http::StatusCode::from_u16(code).unwrap()
}

#[tokio::test]
async fn requests_go_round_the_instances_that_are_up() {
    let mut scene = Scene::start(TTL).await;
    let (a, b, c) = (
        scene.serve(named("a")).await,
        scene.serve(named("b")).await,
        scene.serve(named("c")).await,
    );
    scene.know("ring", &[(a, "up"), (b, "up"), (c, "unhealthy")]);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(scene.get("/ring").await.1);
    }
    assert_eq!(seen, ["a", "b", "a", "b", "a", "b"]);
}

#[tokio::test]
async fn a_crowd_asks_the_registry_once() {
    let mut scene = Scene::start(TTL).await;
    let address = scene.serve(named("a")).await;
    scene.know("crowd", &[(address, "up")]);
    let requests = (0..50).map(|_| scene.get("/crowd"));
    for (status, text) in futures_util::future::join_all(requests).await {
        assert_eq!((status, text.as_str()), (200, "a"));
    }
    assert_eq!(scene.asked.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_streams_before_it_is_complete() {
    let mut scene = Scene::start(TTL).await;
    let (sender, receiver) = unbounded_channel::<&'static str>();
    let receiver = std::sync::Arc::new(tokio::sync::Mutex::new(receiver));
    let handler = move || {
        let receiver = std::sync::Arc::clone(&receiver);
        async move {
            let chunks = stream::unfold(receiver, |receiver| async move {
                let next = receiver.lock().await.recv().await?;
                Some((Ok::<_, std::io::Error>(Bytes::from(next)), receiver))
            });
            Response::new(Body::from_stream(chunks))
        }
    };
    let address = scene.serve(Router::new().fallback(handler)).await;
    scene.know("stream", &[(address, "up")]);
    sender.send("first").unwrap();
    let mut response = scene
        .client
        .get(format!("{}/stream", scene.url))
        .send()
        .await
        .unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
    // Sent only now: had the gateway waited for the end, nothing would have been read above.
    sender.send("second").unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "second");
    drop(sender);
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_request_streams_before_it_is_complete_and_may_take_longer_than_the_timeout() {
    let mut scene = Scene::start(TTL).await;
    let (arrived, mut arrivals) = unbounded_channel();
    let handler = move |request: Request| {
        let arrived = arrived.clone();
        async move {
            let mut chunks = request.into_body().into_data_stream();
            while let Some(chunk) = chunks.next().await {
                let _ = arrived.send(chunk.unwrap());
            }
            "taken"
        }
    };
    let address = scene.serve(Router::new().fallback(handler)).await;
    scene.know("upload", &[(address, "up")]);
    let (sender, receiver) = unbounded_channel::<Bytes>();
    let body = stream::unfold(receiver, |mut receiver| async move {
        Some((Ok::<_, std::io::Error>(receiver.recv().await?), receiver))
    });
    let request = tokio::spawn(
        scene
            .client
            .post(format!("{}/upload", scene.url))
            .body(reqwest::Body::wrap_stream(body))
            .send(),
    );
    // Four pieces, 0.2 s apart, against a timeout of 0.5 s.
    for piece in ["one", "two", "three", "four"] {
        sender.send(Bytes::from(piece)).unwrap();
        assert_eq!(arrivals.recv().await.unwrap(), piece);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(sender);
    assert_eq!(
        request.await.unwrap().unwrap().text().await.unwrap(),
        "taken"
    );
}
