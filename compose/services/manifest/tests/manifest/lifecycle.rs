//! What time and restarts do to a registration.

use std::time::Duration;

use chora_manifest::Timing;

use crate::server::{Server, record, settings};

/// Short enough to wait for, long enough not to be missed.
fn quick() -> Timing {
    Timing {
        heartbeat_interval: Duration::from_millis(100),
        unhealthy_after: Duration::from_millis(500),
        removed_after: Duration::from_millis(1500),
    }
}

/// Waits until the instance has the status; gives every other that was seen before.
async fn until(server: &Server, name: &str, id: &str, wanted: Option<&str>) -> Vec<Option<String>> {
    let mut seen = Vec::new();
    loop {
        let status = server.status(name, id).await;
        if status.as_deref() == wanted {
            return seen;
        }
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_silent_instance_becomes_unhealthy_and_is_then_removed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), quick()).await;
    server.register("key-alpha", &record("alpha", "one")).await;
    let seen = until(&server, "alpha", "one", None).await;
    assert_eq!(seen, [Some("up".to_owned()), Some("unhealthy".to_owned())]);
    assert_eq!(server.heartbeat("key-alpha", "alpha", "one").await, 404);
    server.end().await;
    let server = Server::start(folder.path(), Timing::default()).await;
    assert_eq!(
        server.status("alpha", "one").await,
        None,
        "it is gone from the disk as well"
    );
}

#[tokio::test]
async fn a_heartbeat_makes_an_unhealthy_instance_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(
        folder.path(),
        Timing {
            removed_after: Duration::from_secs(60),
            ..quick()
        },
    )
    .await;
    server.register("key-alpha", &record("alpha", "one")).await;
    until(&server, "alpha", "one", Some("unhealthy")).await;
    assert_eq!(server.heartbeat("key-alpha", "alpha", "one").await, 204);
    until(&server, "alpha", "one", Some("up")).await;
}

#[tokio::test]
async fn after_a_restart_all_is_unknown_until_heard_of() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    server.register("key-alpha", &record("alpha", "one")).await;
    server.register("key-beta", &record("beta", "gone")).await;
    server
        .register("key-manifest", &record("manifest", "self"))
        .await;
    assert_eq!(server.delete("key-beta", "beta", "gone").await, 204);
    server.end().await;

    let server = Server::start(folder.path(), Timing::default()).await;
    assert_eq!(
        server.status("alpha", "one").await.as_deref(),
        Some("unknown")
    );
    assert_eq!(
        server.status("manifest", "self").await.as_deref(),
        Some("up"),
        "it knows of itself"
    );
    assert_eq!(
        server.heartbeat("key-beta", "beta", "gone").await,
        410,
        "deregistration is remembered"
    );
    assert_eq!(server.heartbeat("key-alpha", "alpha", "one").await, 204);
    assert_eq!(server.status("alpha", "one").await.as_deref(), Some("up"));
    assert_eq!(
        server
            .register("key-alpha", &record("alpha", "one"))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn who_is_not_heard_of_after_a_restart_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    server.register("key-alpha", &record("alpha", "one")).await;
    server.end().await;
    let server = Server::start(folder.path(), quick()).await;
    assert_eq!(
        until(&server, "alpha", "one", None).await,
        [Some("unknown".to_owned())]
    );
}

#[tokio::test]
async fn the_registry_keeps_its_own_record_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), quick()).await;
    server
        .register("key-manifest", &record("manifest", "self"))
        .await;
    server.register("key-alpha", &record("alpha", "one")).await;
    until(&server, "alpha", "one", None).await;
    assert_eq!(
        server.status("manifest", "self").await.as_deref(),
        Some("up")
    );
}

#[tokio::test]
async fn a_database_that_is_not_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("manifest.db"),
        "this is not a database, but long enough to be taken for a damaged one",
    )
    .unwrap();
    let error = chora_manifest::bind(settings(folder.path(), Timing::default()))
        .await
        .err()
        .unwrap();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("manifest.db"), "{source}");
}
