//! What somebody did to a container behind chora's back, or to what it is made of.

use bollard::models::{
    HostConfig, NetworkCreateRequest, NetworkDisconnectRequest, VolumeCreateRequest,
};
use bollard::query_parameters::*;
use chora_compose::{Mount, MountKind};
use chora_engine::{Engine as _, RunState, Started};

use crate::world::{NO_GRACE, World};

#[tokio::test]
async fn a_changed_definition_replaces_exactly_its_container() {
    let world = World::new().await;
    let (web, db) = (
        world.service("web", &["sleep"]),
        world.service("db", &["sleep"]),
    );
    world.start(&web).await;
    world.start(&db).await;
    let (before, other) = (world.id("web").await, world.id("db").await);
    let mut changed = web.clone();
    changed.environment.insert("A".to_owned(), "b".to_owned());
    assert!(world.engine.would_start(&changed).await.unwrap());
    assert_eq!(world.start(&changed).await, Started::Replaced);
    assert_ne!(world.id("web").await, before);
    assert_eq!(world.start(&db).await, Started::AlreadyRunning);
    assert_eq!(world.id("db").await, other);
}

#[tokio::test]
async fn a_rotated_secret_replaces_the_container() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    let (old, new) = (world.secrets(), world.secrets());
    assert_eq!(
        world.engine.start(&spec, &old).await.unwrap(),
        Started::Started
    );
    assert_eq!(
        world.engine.start(&spec, &old).await.unwrap(),
        Started::AlreadyRunning
    );
    assert_eq!(
        world.engine.start(&spec, &new).await.unwrap(),
        Started::Replaced
    );
    assert_eq!(
        world.engine.start(&spec, &new).await.unwrap(),
        Started::AlreadyRunning
    );
}

#[tokio::test]
async fn another_image_of_the_same_name_replaces_the_container() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    crate::image::build(&world.client, &world.image, "two").await;
    assert!(world.engine.would_start(&spec).await.unwrap());
    assert_eq!(world.start(&spec).await, Started::Replaced);
    assert_eq!(world.start(&spec).await, Started::AlreadyRunning);
}

#[tokio::test]
async fn a_container_that_was_killed_paused_or_removed_runs_again() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    let name = world.named("-web-1");
    world.start(&spec).await;
    world
        .client
        .kill_container(&name, None::<KillContainerOptions>)
        .await
        .unwrap();
    world.engine.wait_exit("web").await.unwrap();
    assert!(matches!(world.state("web").await, RunState::Exited(_)));
    assert_eq!(world.start(&spec).await, Started::Started);
    world.client.pause_container(&name).await.unwrap();
    assert_eq!(world.state("web").await, RunState::Paused);
    assert!(world.engine.would_start(&spec).await.unwrap());
    assert_eq!(world.start(&spec).await, Started::Started);
    assert_eq!(world.state("web").await, RunState::Running);
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    world
        .client
        .remove_container(&name, Some(force))
        .await
        .unwrap();
    assert_eq!(world.state("web").await, RunState::Absent);
    assert_eq!(world.start(&spec).await, Started::Started);
}

#[tokio::test]
async fn a_paused_container_can_be_stopped() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    world
        .client
        .pause_container(&world.named("-web-1"))
        .await
        .unwrap();
    assert!(world.engine.stop("web", NO_GRACE).await.unwrap());
    assert!(matches!(world.state("web").await, RunState::Exited(_)));
}

#[tokio::test]
async fn a_container_that_was_made_and_never_started_is_taken_up() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    let made = world
        .client
        .inspect_container(&world.named("-web-1"), None)
        .await
        .unwrap();
    world.engine.remove("web", NO_GRACE).await.unwrap();
    // What a chora leaves that is killed between the two calls.
    let config = made.config.unwrap();
    // Podman tells the limits that it gives to everybody, under names that it does not take.
    let host_config = made.host_config.map(|host| HostConfig {
        ulimits: None,
        ..host
    });
    let networks = std::collections::HashMap::from([(
        world.named("_default"),
        bollard::models::EndpointSettings::default(),
    )]);
    let body = bollard::models::ContainerCreateBody {
        image: config.image,
        cmd: config.cmd,
        env: config.env,
        labels: config.labels,
        host_config,
        networking_config: Some(bollard::models::NetworkingConfig {
            endpoints_config: Some(networks),
        }),
        ..Default::default()
    };
    let name = world.named("-web-1");
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    let left = world
        .client
        .create_container(Some(options), body)
        .await
        .unwrap();
    assert_eq!(world.state("web").await, RunState::Created);
    assert_eq!(world.start(&spec).await, Started::Started);
    let id = world.id("web").await;
    assert!(left.id.starts_with(&id));
}

#[tokio::test]
async fn a_renamed_container_gets_its_name_back() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    let id = world.id("web").await;
    let other = world.named("-hidden");
    let options = RenameContainerOptionsBuilder::default()
        .name(&other)
        .build();
    world.client.rename_container(&id, options).await.unwrap();
    assert_eq!(world.state("web").await, RunState::Running);
    assert!(world.engine.would_start(&spec).await.unwrap());
    assert_eq!(world.start(&spec).await, Started::Started);
    assert_eq!(world.id("web").await, id);
    assert_eq!(world.start(&spec).await, Started::AlreadyRunning);
    let named = world
        .client
        .inspect_container(&world.named("-web-1"), None)
        .await;
    assert!(named.unwrap().id.unwrap().starts_with(&id));
}

#[tokio::test]
async fn a_container_taken_off_its_network_is_replaced() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    let off = NetworkDisconnectRequest {
        container: world.named("-web-1"),
        force: Some(true),
    };
    world
        .client
        .disconnect_network(&world.named("_default"), off)
        .await
        .unwrap();
    assert_eq!(world.start(&spec).await, Started::Replaced);
    assert_eq!(world.start(&spec).await, Started::AlreadyRunning);
}

#[tokio::test]
async fn a_foreign_container_of_our_name_is_reported_and_not_touched() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    let name = world.named("-web-1");
    let id = world.foreign(&name, |_| {}).await;
    let short: String = id.chars().take(12).collect();
    let told = world.refusal(&spec).await;
    assert!(told.contains(&name) && told.contains(&short), "{told}");
    let told = crate::world::chain(&world.engine.inspect("web").await.unwrap_err());
    assert!(told.contains(&short), "{told}");
    assert!(!world.engine.stop("web", NO_GRACE).await.unwrap());
    assert!(!world.engine.remove("web", NO_GRACE).await.unwrap());
    assert!(world.engine.list().await.unwrap().is_empty());
    let found = world.client.inspect_container(&id, None).await.unwrap();
    assert_eq!(found.state.unwrap().running, Some(true));
}

#[tokio::test]
async fn a_foreign_container_in_place_of_ours_is_reported_while_ours_still_runs() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    let (id, name) = (world.id("web").await, world.named("-web-1"));
    let other = world.named("-hidden");
    let options = RenameContainerOptionsBuilder::default()
        .name(&other)
        .build();
    world.client.rename_container(&id, options).await.unwrap();
    world.foreign(&name, |_| {}).await;
    let told = world.refusal(&spec).await;
    assert!(told.contains("did not make"), "{told}");
    assert_eq!(world.id("web").await, id);
    assert!(world.engine.remove("web", NO_GRACE).await.unwrap());
    assert!(world.client.inspect_container(&name, None).await.is_ok());
}

#[tokio::test]
async fn a_foreign_network_or_volume_of_our_name_is_reported_and_not_touched() {
    let mut world = World::new().await;
    let network = NetworkCreateRequest {
        name: world.named("_default"),
        labels: Some(world.mark()),
        ..NetworkCreateRequest::default()
    };
    world.client.create_network(network).await.unwrap();
    let told = world.refusal(&world.service("web", &["sleep"])).await;
    assert!(told.contains("there is a network"), "{told}");
    world.volume("data");
    let volume = VolumeCreateRequest {
        name: Some(world.named("_data")),
        labels: Some(world.mark()),
        ..VolumeCreateRequest::default()
    };
    world.client.create_volume(volume).await.unwrap();
    let told = world
        .refusal(&world.service_with("db", &["sleep"], |service| {
            service.networks.clear();
            service.mounts = vec![Mount {
                target: "/data".to_owned(),
                read_only: false,
                kind: MountKind::Volume {
                    source: Some("data".to_owned()),
                    nocopy: false,
                    subpath: None,
                },
            }];
        }))
        .await;
    assert!(told.contains("there is a volume"), "{told}");
    let swept = world.engine.sweep(true).await.unwrap();
    assert_eq!(swept, chora_engine::Swept::default());
}
