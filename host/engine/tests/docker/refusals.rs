//! What cannot be started, and what is said of it.

use chora_compose::{Mount, MountKind, Project, PullPolicy};
use chora_engine::{Engine as _, RunState, Started};

use crate::life::{free_port, publish};
use crate::world::{NO_GRACE, World};

#[tokio::test]
async fn a_port_that_a_process_holds_is_named_and_the_start_can_be_tried_again() {
    let world = World::new().await;
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let spec = world.service_with("web", &["serve", "8000"], publish(port));
    let told = world.refusal(&spec).await;
    assert!(
        told.contains(&format!("port 127.0.0.1:{port} is taken")),
        "{told}"
    );
    drop(holder);
    assert_eq!(world.start(&spec).await, Started::Started);
}

#[tokio::test]
async fn a_port_that_a_container_holds_is_named_with_it() {
    let world = World::new().await;
    let port = free_port();
    world
        .start(&world.service_with("web", &["serve", "8000"], publish(port)))
        .await;
    let told = world
        .refusal(&world.service_with("db", &["serve", "8000"], publish(port)))
        .await;
    assert!(
        told.contains(&format!(
            "{port} is taken by container `{}`",
            world.named("-web-1")
        )),
        "{told}"
    );
    // What could not be started is left for the next try, and is removed like anything else.
    assert_eq!(world.state("db").await, RunState::Created);
    assert!(world.engine.remove("db", NO_GRACE).await.unwrap());
}

#[tokio::test]
async fn a_missing_image_is_named() {
    let world = World::new().await;
    let spec = world.service_with("web", &["sleep"], |service| {
        service.image = Some("chora-no-such-image:1".to_owned());
        service.pull_policy = Some(PullPolicy::Never);
    });
    let error = world
        .engine
        .start(&spec, &Default::default())
        .await
        .unwrap_err();
    assert!(error.is_configuration());
    let told = crate::world::chain(&error);
    assert!(told.contains("no image `chora-no-such-image:1`"), "{told}");
}

#[tokio::test]
async fn a_program_that_the_image_does_not_have_is_named() {
    let world = World::new().await;
    let spec = world.service_with("web", &[], |service| {
        service.entrypoint = Some(vec!["/no/such/program".to_owned()]);
        service.init = None;
    });
    let told = world.refusal(&spec).await;
    assert!(told.contains("/no/such/program"), "{told}");
    assert!(told.contains("cannot be run"), "{told}");
}

#[tokio::test]
async fn a_service_that_its_file_does_not_have_is_told_with_the_file() {
    let world = World::new().await;
    let told = world
        .refusal(&world.spec("web", Some("compose.yml"), None, None))
        .await;
    assert!(told.contains("compose.yml"), "{told}");
    let told = world.refusal(&world.spec("web", None, None, None)).await;
    assert!(told.contains("neither"), "{told}");
}

#[tokio::test]
async fn an_external_volume_has_to_be_there() {
    let mut world = World::new().await;
    world.volume("data");
    let spec = world.service_with("web", &["sleep"], |service| {
        service.mounts = vec![Mount {
            target: "/data".to_owned(),
            read_only: false,
            kind: MountKind::Volume {
                source: Some("data".to_owned()),
                nocopy: false,
                subpath: None,
            },
        }];
    });
    let set = |project: &mut Project| project.volumes.get_mut("data").unwrap().external = true;
    set(&mut world.project.lock().unwrap());
    let told = world.refusal(&spec).await;
    assert!(told.contains("docker volume create"), "{told}");
}
