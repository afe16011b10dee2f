//! Registering and deregistering: every status that the API names.

use chora_manifest::Timing;
use reqwest::Method;
use serde_json::json;

use crate::server::{Server, body, record, settings, token};

#[tokio::test]
async fn a_registration_is_created_then_updated() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    let response = server.register("key-alpha", &record("alpha", "one")).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], "/v1/services/alpha/one");
    let first = body(response).await;
    assert_eq!(
        (
            &first["id"],
            &first["name"],
            &first["version"],
            &first["status"]
        ),
        (
            &json!("one"),
            &json!("alpha"),
            &json!("1.2.3"),
            &json!("up")
        )
    );
    assert_eq!(
        (&first["heartbeat_interval"], &first["heartbeat_timeout"]),
        (&json!(10), &json!(30))
    );

    let mut changed = record("alpha", "one");
    changed["version"] = json!("2.0.0");
    let response = server.register("key-alpha", &changed).await;
    assert_eq!(response.status(), 200);
    let second = body(response).await;
    assert_eq!(
        (&second["version"], &second["registered_at"]),
        (&json!("2.0.0"), &first["registered_at"])
    );
    assert_eq!(
        body(server.get("/v1/services/alpha").await).await["total"],
        1
    );
}

#[tokio::test]
async fn an_id_is_made_where_none_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    let mut anonymous = record("alpha", "");
    anonymous.as_object_mut().unwrap().remove("id");
    let response = server.register("key-alpha", &anonymous).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let id = body(response).await["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/v1/services/alpha/{id}"));
    assert_eq!(server.get(&location).await.status(), 200);
    server.register("key-alpha", &anonymous).await;
    assert_eq!(
        body(server.get("/v1/services/alpha").await).await["total"],
        2
    );
}

#[tokio::test]
async fn writers_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    let alpha = record("alpha", "one");
    let anonymous = server
        .request(Method::POST, "/v1/services")
        .json(&alpha)
        .send()
        .await
        .unwrap();
    assert_eq!(anonymous.headers()["www-authenticate"], "Bearer");
    assert_eq!(
        (
            anonymous.status().as_u16(),
            body(anonymous).await["error"].clone()
        ),
        (401, json!("unauthorized"))
    );
    for (credential, status) in [
        ("nonsense", 401),
        (crate::server::SECRET, 401),
        ("a.b.c", 401),
        ("key-beta", 403),
        ("key-alpha", 201),
        ("key-manifest", 200),
        (token().as_str(), 200),
    ] {
        assert_eq!(
            server.register(credential, &alpha).await.status(),
            status,
            "{credential}"
        );
    }
    assert_eq!(server.heartbeat("key-beta", "alpha", "one").await, 403);
    assert_eq!(server.heartbeat("nonsense", "alpha", "one").await, 401);
    assert_eq!(server.delete("key-beta", "alpha", "one").await, 403);
    assert_eq!(server.delete("nonsense", "alpha", "one").await, 401);
    assert_eq!(server.status("alpha", "one").await.as_deref(), Some("up"));
}

#[tokio::test]
async fn bad_bodies_are_refused_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    let response = server
        .register(
            "key-alpha",
            &json!({"name": "Alpha", "version": "1", "interfaces": []}),
        )
        .await;
    assert_eq!(response.status(), 400);
    let error = body(response).await;
    assert_eq!(error["error"], "invalid_record");
    for field in ["name", "version", "interfaces"] {
        assert!(error["fields"][field].is_string(), "{error}");
    }
    let post = |kind: &'static str, text: String| {
        server
            .request(Method::POST, "/v1/services")
            .bearer_auth("key-alpha")
            .header("content-type", kind)
            .body(text)
            .send()
    };
    for (kind, text, status, code) in [
        ("application/json", "{".to_owned(), 400, "invalid_json"),
        ("application/json", "[]".to_owned(), 400, "invalid_record"),
        ("text/plain", "{}".to_owned(), 415, "unsupported_media_type"),
        (
            "application/json",
            format!("\"{}\"", "x".repeat(70_000)),
            413,
            "payload_too_large",
        ),
    ] {
        let response = post(kind, text).await.unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                body(response).await["error"].as_str().unwrap()
            ),
            (status, code)
        );
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_json_errors() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    let patch = server
        .request(Method::PATCH, "/v1/services")
        .send()
        .await
        .unwrap();
    assert_eq!(patch.headers()["allow"], "GET,HEAD,POST");
    assert_eq!(
        (patch.status().as_u16(), body(patch).await["error"].clone()),
        (405, json!("method_not_allowed"))
    );
    let elsewhere = server.get("/v2/services").await;
    assert_eq!(
        (
            elsewhere.status().as_u16(),
            body(elsewhere).await["error"].clone()
        ),
        (404, json!("unknown_route"))
    );
}

#[tokio::test]
async fn a_deregistered_instance_is_gone_and_may_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    assert_eq!(server.heartbeat("key-alpha", "alpha", "one").await, 404);
    assert_eq!(server.delete("key-alpha", "alpha", "one").await, 404);
    assert_eq!(
        server
            .register("key-alpha", &record("alpha", "one"))
            .await
            .status(),
        201
    );
    assert_eq!(server.heartbeat("key-alpha", "alpha", "one").await, 204);
    assert_eq!(server.delete("key-alpha", "alpha", "one").await, 204);
    assert_eq!(server.delete("key-alpha", "alpha", "one").await, 204);
    assert_eq!(server.heartbeat("key-alpha", "alpha", "one").await, 410);
    assert_eq!(server.get("/v1/services/alpha").await.status(), 404);
    assert_eq!(
        server
            .register("key-alpha", &record("alpha", "one"))
            .await
            .status(),
        201
    );
    assert_eq!(server.heartbeat("key-alpha", "alpha", "one").await, 204);
}

#[tokio::test]
async fn simultaneous_registrations_all_arrive_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = std::sync::Arc::new(Server::start(folder.path(), Timing::default()).await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let server = std::sync::Arc::clone(&server);
        // Each id twice: one of the two is new, the other an update.
        tasks.spawn(async move {
            server
                .register("key-alpha", &record("alpha", &format!("i{}", n % 100)))
                .await
                .status()
                .as_u16()
        });
    }
    let statuses = tasks.join_all().await;
    assert_eq!(
        (
            statuses.iter().filter(|s| **s == 201).count(),
            statuses.iter().filter(|s| **s == 200).count()
        ),
        (100, 100)
    );
    assert_eq!(
        body(server.get("/v1/services/alpha").await).await["total"],
        100
    );
}

#[tokio::test]
async fn a_second_registry_on_the_same_port_is_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    let other = tempfile::tempdir().unwrap();
    let mut taken = settings(other.path(), Timing::default());
    taken.service.port = server.url.rsplit(':').next().unwrap().parse().unwrap();
    let message = chora_manifest::bind(taken).await.err().unwrap().to_string();
    assert!(
        message.contains("the port is taken") && message.contains("`PORT`"),
        "{message}"
    );
}

#[tokio::test]
async fn without_a_secret_the_registry_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut open = settings(folder.path(), Timing::default());
    open.service.jwt_secret = None;
    let message = chora_manifest::bind(open).await.err().unwrap().to_string();
    assert!(message.contains("JWT_SECRET"), "{message}");
}
