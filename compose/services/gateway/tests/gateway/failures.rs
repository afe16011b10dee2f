//! What the client is told when there is no answer to pass on.

use std::{net::SocketAddr, time::Duration};

use chora_service_kit::axum::Router;
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::scene::{Scene, named, nowhere};

const TTL: Duration = Duration::from_secs(60);

#[tokio::test]
async fn unknown_services_are_not_found_and_silent_ones_unavailable() {
    let mut scene = Scene::start(TTL).await;
    let address = scene.serve(named("a")).await;
    scene.know("ill", &[(address, "unhealthy"), (address, "unknown")]);
    assert_eq!(
        scene.error("/nobody/x").await,
        (404, "unknown_service".to_owned())
    );
    assert_eq!(scene.error("/ill/x").await, (503, "no_instance".to_owned()));
    let (status, _) = scene.get("").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn without_a_registry_what_is_remembered_still_serves() {
    let mut scene = Scene::start(Duration::ZERO).await;
    let address = scene.serve(named("a")).await;
    scene.know("kept", &[(address, "up")]);
    assert_eq!(scene.get("/kept").await.0, 200);
    scene.end_registry().await;
    assert_eq!(scene.get("/kept").await, (200, "a".to_owned()));
    assert_eq!(
        scene.error("/never-seen").await,
        (503, "registry_unavailable".to_owned())
    );
}

#[tokio::test]
async fn an_instance_that_refuses_is_a_bad_gateway() {
    let scene = Scene::start(TTL).await;
    scene.know("dead", &[(nowhere().await, "up")]);
    assert_eq!(
        scene.error("/dead/x").await,
        (502, "upstream_unreachable".to_owned())
    );
    let post = scene
        .client
        .post(format!("{}/dead/x", scene.url))
        .body("once")
        .send()
        .await
        .unwrap();
    assert_eq!(post.status(), 502);
}

#[tokio::test]
async fn an_instance_that_breaks_off_is_a_bad_gateway() {
    let scene = Scene::start(TTL).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    scene.know("rude", &[(listener.local_addr().unwrap(), "up")]);
    let hanging_up = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 64]).await;
        }
    });
    assert_eq!(
        scene.error("/rude/x").await,
        (502, "upstream_broken".to_owned())
    );
    hanging_up.abort();
}

#[tokio::test]
async fn an_instance_that_says_nothing_is_a_timeout() {
    let mut scene = Scene::start(TTL).await;
    let address = scene
        .serve(Router::new().fallback(std::future::pending::<()>))
        .await;
    scene.know("mute", &[(address, "up")]);
    assert_eq!(
        scene.error("/mute/x").await,
        (504, "upstream_timeout".to_owned())
    );
}

#[tokio::test]
async fn a_request_without_body_goes_on_to_the_next_instance() {
    let mut scene = Scene::start(TTL).await;
    let alive = scene.serve(named("alive")).await;
    let dead: SocketAddr = nowhere().await;
    scene.know("half", &[(dead, "up"), (alive, "up")]);
    for _ in 0..6 {
        assert_eq!(scene.get("/half").await, (200, "alive".to_owned()));
    }
}

#[tokio::test]
async fn an_instance_that_moved_is_found_again_before_its_time() {
    let mut scene = Scene::start(TTL).await;
    scene.know("moved", &[(nowhere().await, "up")]);
    assert_eq!(scene.get("/moved").await.0, 502);
    let address = scene.serve(named("here")).await;
    scene.know("moved", &[(address, "up")]);
    assert_eq!(scene.get("/moved").await, (200, "here".to_owned()));
}
