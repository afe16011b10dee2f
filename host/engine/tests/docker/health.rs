//! Health checks that the engine makes itself.

use std::time::Duration;

use chora_compose::{HealthTest, Healthcheck};
use chora_engine::{Engine as _, HealthState};

use crate::world::{NO_GRACE, World};

fn check(words: &[&str]) -> Healthcheck {
    Healthcheck {
        test: Some(HealthTest::Command(
            words.iter().map(|it| (*it).to_owned()).collect(),
        )),
        interval: Some(Duration::from_millis(200)),
        timeout: Some(Duration::from_secs(5)),
        retries: Some(2),
        ..Healthcheck::default()
    }
}

#[tokio::test]
async fn the_engines_own_health_check_is_followed() {
    let world = World::new().await;
    let words = ["wait", "1000", "then", "count", "/ready", "then", "sleep"];
    let spec = world.service_with("web", &words, |service| {
        service.healthcheck = Some(Healthcheck {
            retries: Some(1000),
            ..check(&["/container", "file", "/ready"])
        });
    });
    world.start(&spec).await;
    let health = world.engine.health("web").await.unwrap().unwrap();
    assert_eq!(health.state, HealthState::Starting);
    let health = world
        .engine
        .health_changed("web", HealthState::Starting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(health.state, HealthState::Healthy);
    assert_eq!(health.failures, 0);
    world.engine.remove("web", NO_GRACE).await.unwrap();
    let gone = world
        .engine
        .health_changed("web", HealthState::Healthy)
        .await
        .unwrap();
    assert_eq!(gone, None);
}

#[tokio::test]
async fn a_failing_health_check_is_told_with_what_it_printed() {
    let world = World::new().await;
    let spec = world.service_with("web", &["sleep"], |service| {
        service.healthcheck = Some(check(&[
            "/container",
            "print",
            "no database",
            "then",
            "exit",
            "1",
        ]));
    });
    world.start(&spec).await;
    let health = world
        .engine
        .health_changed("web", HealthState::Starting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(health.state, HealthState::Unhealthy);
    assert!(health.failures >= 2);
    assert_eq!(health.answer.as_deref(), Some("no database"));
}

#[tokio::test]
async fn without_a_check_there_is_no_health_and_an_end_ends_the_wait_for_one() {
    let world = World::new().await;
    world.start(&world.service("web", &["sleep"])).await;
    assert_eq!(world.engine.health("web").await.unwrap(), None);
    let spec = world.service_with("db", &["wait", "500", "then", "exit", "1"], |service| {
        service.healthcheck = Some(Healthcheck {
            retries: Some(1000),
            ..check(&["/container", "exit", "1"])
        });
    });
    world.start(&spec).await;
    let ended = world
        .engine
        .health_changed("db", HealthState::Starting)
        .await
        .unwrap();
    assert_eq!(ended, None);
}
