//! What a Docker Engine allows or tells and podman 4.3 does not: limits of a container that runs, a network removed that a stopped container is in, want of memory, when an image was had. What is to be mounted and is not there is made by podman.

use std::time::Duration;

use bollard::models::ContainerUpdateBody;
use bollard::query_parameters::{RemoveImageOptions, TagImageOptionsBuilder};
use chora_compose::{Bind, Mount, MountKind, PullPolicy};
use chora_engine::{Engine as _, RunState, Started};

use crate::life::free_port;
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
    // An engine does not hear of each; see docs/compose.md.
    let mut told = Vec::new();
    while told.len() < 10 {
        world.start(&spec).await;
        let exit = world.engine.wait_exit("web").await.unwrap();
        assert_eq!(exit.code, Some(137));
        told.push(exit.to_string());
        if exit.oom {
            break;
        }
    }
    assert_eq!(told.last().unwrap(), "exit code 137, out of memory");
}

#[tokio::test]
async fn an_image_that_is_older_than_its_service_allows_is_pulled_first() {
    let world = World::new().await;
    // Nobody listens there any more.
    let registry = format!("127.0.0.1:{}/old", free_port());
    let options = TagImageOptionsBuilder::default()
        .repo(&registry)
        .tag("1")
        .build();
    let tagged = world.client.tag_image(&world.image, Some(options)).await;
    tagged.unwrap();
    let spec = |age| {
        world.service_with("web", &["sleep"], |service| {
            service.image = Some(format!("{registry}:1"));
            service.pull_policy = Some(PullPolicy::Every(age));
        })
    };
    let old = world
        .engine
        .start(&spec(Duration::ZERO), &Default::default())
        .await;
    let day = Duration::from_secs(24 * 3600);
    let fresh = world.engine.start(&spec(day), &Default::default()).await;
    let removed = world.engine.remove("web", NO_GRACE).await;
    let image = format!("{registry}:1");
    let untagged = world
        .client
        .remove_image(&image, None::<RemoveImageOptions>, None)
        .await;
    let told = crate::world::chain(&old.unwrap_err());
    assert!(told.contains(&registry), "{told}");
    assert_eq!(fresh.unwrap(), Started::Started);
    assert!(removed.unwrap());
    untagged.unwrap();
}

#[tokio::test]
async fn a_missing_mount_is_named() {
    let world = World::new().await;
    let place = world.folder.path().join("no-such-place");
    let place = place.display().to_string();
    let spec = world.service_with("web", &["sleep"], |service| {
        service.mounts = vec![Mount {
            target: "/a".to_owned(),
            read_only: true,
            kind: MountKind::Bind(Bind {
                source: place.clone(),
                ..Bind::default()
            }),
        }];
    });
    let told = world.refusal(&spec).await;
    assert!(
        told.contains(&format!("`{place}` cannot be mounted")),
        "{told}"
    );
}
