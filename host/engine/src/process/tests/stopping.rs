//! Ending a service with all that it started.

use super::*;

/// A shell that reports the process that it leaves in its group, and then does as told.
fn with_child(child: &str, then: &str) -> String {
    format!("{child} & echo $!; {then}")
}

async fn child(world: &World, name: &str, script: &str) -> u32 {
    let lines = world.started(name, script, 1).await;
    lines.concat().parse().unwrap()
}

#[tokio::test]
async fn a_service_that_ignores_the_request_is_killed_after_its_grace() {
    let world = World::new();
    let script = "trap '' TERM; echo deaf; while :; do sleep 1000; done";
    world.started("web", script, 1).await;
    let pid = world.pid("web").await;
    assert!(world.engine.stop("web", NO_GRACE).await.unwrap());
    assert!(!runs(pid));
    let status = world.engine.inspect("web").await.unwrap();
    let killed = Exit::of_signal(9);
    assert_eq!(status.state, RunState::Exited(killed));
}

#[tokio::test]
async fn a_service_has_time_to_end_in_good_order() {
    let world = World::new();
    let script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done";
    world.started("web", script, 1).await;
    assert!(world.engine.stop("web", GRACE).await.unwrap());
    // In between a shell may say by itself that what it waited for was ended.
    let said = world.engine.log_tail("web", 9).await.unwrap();
    assert_eq!(said.first().map(String::as_str), Some("up"));
    assert_eq!(said.last().map(String::as_str), Some("bye"));
    assert_eq!(world.engine.wait_exit("web").await.unwrap(), exited(0));
}

#[tokio::test]
async fn what_a_service_started_ends_with_it() {
    let world = World::new();
    let script = with_child("sleep 1000", "wait");
    let child = child(&world, "web", &script).await;
    assert!(world.engine.stop("web", GRACE).await.unwrap());
    assert!(!runs(child));
}

#[tokio::test]
async fn the_grace_is_also_for_what_a_service_started() {
    let world = World::new();
    let database =
        "sh -c \"trap 'echo flushed; exit 0' TERM; echo up; while :; do sleep 0.01; done\"";
    world
        .started("web", &format!("{database} & exec sleep 1000"), 1)
        .await;
    assert!(world.engine.stop("web", GRACE).await.unwrap());
    assert_eq!(world.engine.log_tail("web", 1).await.unwrap(), ["flushed"]);
}

#[tokio::test]
async fn what_is_deaf_in_the_group_is_killed_when_the_service_went() {
    let world = World::new();
    let deaf = "sh -c \"trap '' TERM; while :; do sleep 1000; done\"";
    let script = with_child(deaf, "exec sleep 1000");
    let child = child(&world, "web", &script).await;
    assert!(
        world
            .engine
            .stop("web", Duration::from_millis(50))
            .await
            .unwrap()
    );
    assert!(!runs(child));
}

#[tokio::test]
async fn what_a_crashed_service_left_behind_ends_before_the_next_start() {
    let world = World::new();
    let script = with_child("sleep 1000", "exit 7");
    let left = child(&world, "web", &script).await;
    assert_eq!(world.engine.wait_exit("web").await.unwrap(), exited(7));
    assert!(runs(left));
    world.start(&world.spec("web", &["sleep", "1000"])).await;
    assert!(!runs(left));
}

#[tokio::test]
async fn what_a_crashed_service_left_behind_ends_when_it_is_stopped() {
    let world = World::new();
    let script = with_child("sleep 1000", "exit 7");
    let left = child(&world, "web", &script).await;
    world.engine.wait_exit("web").await.unwrap();
    assert!(
        !world.engine.stop("web", GRACE).await.unwrap(),
        "it did not run"
    );
    assert!(!runs(left));
}

#[tokio::test]
async fn another_service_is_left_alone() {
    let world = World::new();
    world.start(&world.spec("web", &["sleep", "1000"])).await;
    world.start(&world.spec("other", &["sleep", "1000"])).await;
    let other = world.pid("other").await;
    world.engine.remove("web", GRACE).await.unwrap();
    assert!(runs(other));
}
