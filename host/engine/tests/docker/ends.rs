//! How containers end, and how healthy they are until then.

use std::time::Duration;

use bollard::query_parameters::KillContainerOptions;
use chora_compose::{HealthTest, Healthcheck, Restart};
use chora_engine::{Engine as _, Exit, HealthState, RunState};

use crate::world::{GRACE, NO_GRACE, World};

#[tokio::test]
async fn an_exit_is_told_with_its_code() {
    let world = World::new().await;
    world
        .start(&world.service("web", &["wait", "300", "then", "exit", "7"]))
        .await;
    assert_eq!(
        world.engine.wait_exit("web").await.unwrap(),
        Exit::of_code(7)
    );
    assert_eq!(world.state("web").await, RunState::Exited(Exit::of_code(7)));
    // Waiting for what has ended is answered at once.
    assert_eq!(
        world.engine.wait_exit("web").await.unwrap(),
        Exit::of_code(7)
    );
    assert_eq!(world.engine.wait_exit("none").await.unwrap(), Exit::UNKNOWN);
}

#[tokio::test]
async fn a_kill_and_a_removal_end_a_wait() {
    let world = World::new().await;
    let spec = world.service_with("web", &["sleep"], |service| service.init = None);
    world.start(&spec).await;
    let engine = world.another_engine();
    let waiting = tokio::spawn(async move { engine.wait_exit("web").await.unwrap() });
    let name = world.named("-web-1");
    world
        .client
        .kill_container(&name, None::<KillContainerOptions>)
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap(), Exit::of_code(137));
    world.start(&spec).await;
    let engine = world.another_engine();
    let waiting = tokio::spawn(async move { engine.wait_exit("web").await.unwrap() });
    world.engine.remove("web", NO_GRACE).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_container_that_does_not_heed_is_killed_after_its_grace() {
    let world = World::new().await;
    // The first process of a container heeds no signal that it does not handle.
    let spec = world.service_with("web", &["sleep"], |service| service.init = None);
    world.start(&spec).await;
    assert!(world.engine.stop("web", NO_GRACE).await.unwrap());
    assert_eq!(
        world.state("web").await,
        RunState::Exited(Exit::of_code(137))
    );
}

#[tokio::test]
async fn want_of_memory_is_told() {
    let world = World::new().await;
    let spec = world.service_with("web", &["eat"], |service| {
        service.resources.limits.memory = Some(16 << 20);
        service.init = None;
    });
    world.start(&spec).await;
    let exit = world.engine.wait_exit("web").await.unwrap();
    assert!(exit.oom, "{exit:?}");
    assert_eq!(exit.to_string(), "exit code 137, out of memory");
}

#[tokio::test]
async fn a_crash_loop_is_told_from_a_service_that_comes_up_at_last() {
    let world = World::new().await;
    let always = |service: &mut chora_compose::Service| service.restart = Some(Restart::Always);
    world
        .start(&world.service_with("web", &["exit", "3"], always))
        .await;
    let exit = world.engine.wait_exit("web").await.unwrap();
    assert_eq!(exit.code, Some(3));
    assert!(exit.restarts >= 3, "{exit:?}");
    assert!(exit.to_string().contains("started it again"));
    assert!(world.engine.stop("web", GRACE).await.unwrap());
    let once = |service: &mut chora_compose::Service| service.restart = Some(Restart::OnFailure(1));
    world
        .start(&world.service_with("db", &["exit", "4"], once))
        .await;
    let exit = world.engine.wait_exit("db").await.unwrap();
    assert_eq!((exit.code, exit.restarts), (Some(4), 1));
}

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
