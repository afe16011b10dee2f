//! A service's life: registered while it serves, deregistered before it stops, and no request lost.
#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

use std::time::Duration;

use chora_service_kit::{
    CancellationToken, Description, Service, ServiceSettings,
    axum::{
        Json, Router,
        extract::State,
        http::{HeaderMap, Method, StatusCode, Uri},
        routing::get,
    },
    http_client,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

type Call = (Method, String, HeaderMap, Option<Value>);

/// A registry that reports each call and refuses what it is told to: the second heartbeat with the given status.
async fn registry(second_heartbeat: StatusCode) -> (String, UnboundedReceiver<Call>) {
    let (sender, calls) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let beats = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let handler = move |State(sender): State<UnboundedSender<Call>>,
                        method: Method,
                        uri: Uri,
                        headers: HeaderMap,
                        body: Option<Json<Value>>| {
        let beats = std::sync::Arc::clone(&beats);
        async move {
            let heartbeat = uri.path().ends_with("/heartbeat");
            let status = match (&method, heartbeat) {
                (&Method::POST, _) => StatusCode::CREATED,
                (_, true) if beats.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 => {
                    second_heartbeat
                }
                _ => StatusCode::NO_CONTENT,
            };
            let _ = sender.send((
                method,
                uri.path().to_owned(),
                headers,
                body.map(|Json(body)| body),
            ));
            (status, Json(json!({"heartbeat_interval": 0.02})))
        }
    };
    let router = Router::new().fallback(handler).with_state(sender);
    tokio::spawn(async move { chora_service_kit::axum::serve(listener, router).await });
    (url, calls)
}

fn settings(manifest: &str) -> ServiceSettings {
    ServiceSettings::from_variables(
        "greeter",
        0,
        [
            ("MANIFEST_URL", manifest),
            ("API_KEY_GREETER", "key-greeter"),
            ("SERVICE_VERSION", "2.1.0"),
        ],
    )
    .unwrap()
}

#[tokio::test]
async fn a_service_registers_beats_registers_again_and_deregisters() {
    for forgotten in [StatusCode::NOT_FOUND, StatusCode::GONE] {
        let (url, mut calls) = registry(forgotten).await;
        let about = Description {
            description: "greets".to_owned(),
            ..Description::default()
        };
        let bound = Service::new(settings(&url))
            .describe(about)
            .bind()
            .await
            .unwrap();
        let port = bound.local_addr().port();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(bound.serve(stop.clone()));
        let own = format!("/v1/services/greeter/127.0.0.1-{port}");

        let (method, path, headers, body) = calls.recv().await.unwrap();
        assert_eq!((method, path.as_str()), (Method::POST, "/v1/services"));
        assert_eq!(headers["authorization"], "Bearer key-greeter");
        let body = body.unwrap();
        assert_eq!(
            (&body["name"], &body["version"]),
            (&json!("greeter"), &json!("2.1.0"))
        );
        assert_eq!(
            body["interfaces"][0]["url"],
            format!("http://127.0.0.1:{port}")
        );
        for expected in ["heartbeat", "heartbeat", "register", "heartbeat"] {
            let (method, path, ..) = calls.recv().await.unwrap();
            match expected {
                "register" => assert_eq!((method, path.as_str()), (Method::POST, "/v1/services")),
                _ => assert_eq!((method, path), (Method::PUT, format!("{own}/heartbeat"))),
            }
        }
        stop.cancel();
        serving.await.unwrap().unwrap();
        let mut last = None;
        while let Ok((method, path, ..)) = calls.try_recv() {
            last = Some((method, path));
        }
        assert_eq!(last, Some((Method::DELETE, own)));
    }
}

#[tokio::test]
async fn a_registry_that_comes_late_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let bound = Service::new(settings(&format!("http://{address}")))
        .bind()
        .await
        .unwrap();
    let health = format!("http://{}/health", bound.local_addr());
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    tokio::spawn(bound.serve(stop));
    let client = http_client(Duration::from_secs(10)).unwrap();
    let early: Value = client
        .get(&health)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&early["status"], &early["registered"]),
        (&json!("healthy"), &json!(false))
    );

    let listener = TcpListener::bind(address).await.unwrap();
    let router = Router::new().fallback(|| async { Json(json!({"heartbeat_interval": 10})) });
    tokio::spawn(async move { chora_service_kit::axum::serve(listener, router).await });
    loop {
        let now: Value = client
            .get(&health)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        if now["registered"] == json!(true) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_service_stops() {
    let (entered, mut entering) = unbounded_channel();
    let release = CancellationToken::new();
    let held = release.clone();
    let slow = get(move || {
        let (entered, held) = (entered.clone(), held.clone());
        async move {
            let _ = entered.send(());
            held.cancelled().await;
            "done"
        }
    });
    let settings = ServiceSettings::from_variables("greeter", 0, [("PORT", "0")]).unwrap();
    let bound = Service::new(settings)
        .routes(Router::new().route("/slow", slow))
        .bind()
        .await
        .unwrap();
    let url = format!("http://{}/slow", bound.local_addr());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(bound.serve(stop.clone()));
    let client = http_client(Duration::from_secs(10)).unwrap();
    let request = tokio::spawn(client.get(&url).send());
    entering.recv().await.unwrap();
    stop.cancel();
    // Refused from now on, which shows that the shutdown has begun.
    while http_client(Duration::from_secs(10))
        .unwrap()
        .get(&url)
        .timeout(Duration::from_millis(200))
        .send()
        .await
        .err()
        .is_none_or(|error| !error.is_connect())
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    release.cancel();
    assert_eq!(
        request.await.unwrap().unwrap().text().await.unwrap(),
        "done"
    );
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failing_check_makes_the_service_unhealthy() {
    let settings = ServiceSettings::from_variables("greeter", 0, [("PORT", "0")]).unwrap();
    let service = Service::new(settings)
        .check("good", || async { Ok(()) })
        .check("disk", || async { Err("full".to_owned()) });
    let bound = service.bind().await.unwrap();
    let url = format!("http://{}/health", bound.local_addr());
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    tokio::spawn(bound.serve(stop));
    let response = http_client(Duration::from_secs(10))
        .unwrap()
        .get(url)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], "unhealthy");
    assert_eq!(
        body["checks"],
        json!({"good": {"status": "healthy"}, "disk": {"status": "unhealthy", "message": "full"}})
    );
}

#[tokio::test]
async fn a_service_that_cannot_prove_itself_does_not_start() {
    let settings = ServiceSettings::from_variables(
        "text-tools",
        0,
        [("PORT", "0"), ("MANIFEST_URL", "http://127.0.0.1:1")],
    )
    .unwrap();
    let message = Service::new(settings)
        .bind()
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(message.contains("API_KEY_TEXT_TOOLS"), "{message}");
}
