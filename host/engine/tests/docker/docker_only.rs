//! What a Docker Engine allows or tells and podman 4.3 does not: limits of a container that runs, a network removed that a stopped container is in, want of memory.

use bollard::models::ContainerUpdateBody;
use chora_engine::{Engine as _, RunState, Started};

use crate::world::{NO_GRACE, World};

#[tokio::test]
async fn a_container_given_other_limits_is_replaced() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    let update = ContainerUpdateBody {
        memory: Some(64 << 20),
        memory_swap: Some(-1),
        ..ContainerUpdateBody::default()
    };
    world
        .client
        .update_container(&world.named("-web-1"), update)
        .await
        .unwrap();
    assert_eq!(world.start(&spec).await, Started::Replaced);
    assert_eq!(world.start(&spec).await, Started::AlreadyRunning);
}

#[tokio::test]
async fn a_network_that_was_made_anew_is_no_obstacle() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    world.engine.stop("web", NO_GRACE).await.unwrap();
    world
        .client
        .remove_network(&world.named("_default"))
        .await
        .unwrap();
    assert_eq!(world.start(&spec).await, Started::Started);
    assert_eq!(world.state("web").await, RunState::Running);
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
