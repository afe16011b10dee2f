//! What is somebody else's, and what is the services'.

use std::collections::HashMap;

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use chora_compose::{Mount, MountKind};
use chora_engine::docker::one_off::{Belongs, Command, Mounted, OneOffError};
use chora_engine::{Engine as _, RunState};

use super::{PATIENCE, one, one_offs, printed, refused};
use crate::world::{NO_GRACE, World};

fn is_not_ours(error: &OneOffError) -> bool {
    matches!(error, OneOffError::NotOurs { .. })
}

fn is_of_service(error: &OneOffError) -> bool {
    matches!(error, OneOffError::OfService { .. })
}

#[tokio::test]
async fn somebody_elses_container_is_never_touched() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let job = one(&world, "-job", &["sleep"]);
    let name = job.name.as_str();
    let id = world.foreign(name, |_| {}).await;
    let command = Command {
        words: vec!["/container".to_owned()],
        stdin: None,
    };
    let errors = [
        refused(one_offs.inspect(name).await),
        refused(one_offs.logs(name, 1).await),
        refused(one_offs.wait(name, PATIENCE).await),
        refused(one_offs.exec(name, command, PATIENCE).await),
        refused(one_offs.start(&job).await),
        refused(one_offs.run(job.clone(), None, PATIENCE).await),
        refused(one_offs.stop(name, NO_GRACE).await),
        refused(one_offs.remove(name).await),
        refused(one_offs.would_start(&job).await),
        refused(one_offs.would_stop(name).await),
        refused(one_offs.would_remove(name).await),
        refused(one_offs.could_exec(name).await),
    ];
    for error in errors {
        assert!(is_not_ours(&error), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let found = world.client.inspect_container(&id, None).await.unwrap();
    assert_eq!(found.state.unwrap().running, Some(true));
}

#[tokio::test]
async fn another_environments_container_is_somebody_elses() {
    let (world, other) = (World::new().await, World::new().await);
    let job = one(&world, "-job", &["sleep"]);
    one_offs(&world).start(&job).await.unwrap();
    let error = refused(one_offs(&other).remove(&job.name).await);
    assert!(is_not_ours(&error), "{error}");
}

#[tokio::test]
async fn the_beginning_of_an_id_is_no_name() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    one_offs
        .start(&one(&world, "-job", &["sleep"]))
        .await
        .unwrap();
    let (job, net) = (world.named("-job"), world.named("-net"));
    let found = world.client.inspect_container(&job, None);
    let id = found.await.unwrap().id.unwrap();
    assert_eq!(one_offs.inspect(&id).await.unwrap(), None);
    assert!(!one_offs.remove(&id[..12]).await.unwrap());
    one_offs.ensure_network(&net, "tester", true).await.unwrap();
    let found = world.client.inspect_network(&net, None);
    let id = found.await.unwrap().id.unwrap();
    assert_eq!(one_offs.network(&id).await.unwrap(), None);
}

#[tokio::test]
async fn somebody_elses_network_and_volume_are_never_touched() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let (network, volume) = (world.named("-net"), world.named("-vol"));
    let made = world.client.create_network(NetworkCreateRequest {
        name: network.clone(),
        labels: Some(world.mark()),
        ..NetworkCreateRequest::default()
    });
    made.await.unwrap();
    let made = world.client.create_volume(VolumeCreateRequest {
        name: Some(volume.clone()),
        labels: Some(world.mark()),
        ..VolumeCreateRequest::default()
    });
    made.await.unwrap();
    let mut joins = one(&world, "-job", &["sleep"]);
    joins.networks = vec![network.clone()];
    let mut mounts = one(&world, "-job", &["sleep"]);
    mounts.volumes = vec![Mounted {
        volume: volume.clone(),
        target: "/a".to_owned(),
        read_only: true,
    }];
    let errors = [
        refused(one_offs.network(&network).await),
        refused(one_offs.ensure_network(&network, "tester", false).await),
        refused(one_offs.remove_network(&network).await),
        refused(one_offs.volume(&volume).await),
        refused(one_offs.ensure_volume(&volume, "tester").await),
        refused(one_offs.remove_volume(&volume).await),
        refused(one_offs.run(joins, None, PATIENCE).await),
        refused(one_offs.run(mounts, None, PATIENCE).await),
    ];
    for error in errors {
        assert!(is_not_ours(&error), "{error}");
    }
    world.client.inspect_network(&network, None).await.unwrap();
    world.client.inspect_volume(&volume).await.unwrap();
}

#[tokio::test]
async fn what_an_engine_calls_a_network_and_is_none_of_ours_is_not_joined() {
    let world = World::new().await;
    for name in [
        "host",
        "none",
        "default",
        "container:x",
        "private",
        "ns:/proc/1/ns/net",
    ] {
        let mut job = one(&world, "-job", &["sleep"]);
        job.networks = vec![name.to_owned()];
        let error = refused(one_offs(&world).run(job, None, PATIENCE).await);
        let closed = matches!(
            error,
            OneOffError::NotOurs { .. } | OneOffError::Missing { .. }
        );
        assert!(closed, "{name}: {error}");
    }
}

#[tokio::test]
async fn a_services_container_is_looked_at_and_not_changed() {
    let mut world = World::new().await;
    world.volume("data");
    let spec = world.service_with("web", &["print", "hello", "then", "sleep"], |service| {
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
    world.start(&spec).await;
    world.lines("web", 1).await;
    let one_offs = one_offs(&world);
    let name = world.named("-web-1");
    let looked = one_offs.inspect(&name).await.unwrap().unwrap();
    assert_eq!(looked.belongs, Belongs::Services(Some("web".to_owned())));
    assert_eq!(looked.state, RunState::Running);
    assert_eq!(looked.image, world.image);
    let lines = one_offs.logs(&name, 5).await.unwrap().unwrap();
    assert_eq!(lines, ["hello"]);
    let command = Command {
        words: vec!["/container".to_owned(), "print".to_owned(), "in".to_owned()],
        stdin: None,
    };
    let ran = one_offs.exec(&name, command, PATIENCE).await.unwrap();
    assert_eq!(printed(&ran), "in\n");

    let errors = [
        refused(one_offs.stop(&name, NO_GRACE).await),
        refused(one_offs.remove(&name).await),
        refused(one_offs.remove_network(&world.named("_default")).await),
        refused(one_offs.remove_volume(&world.named("_data")).await),
    ];
    for error in errors {
        assert!(is_of_service(&error), "{error}");
    }
    assert_eq!(world.state("web").await, RunState::Running);
    // A container of a plugin may join and mount what is the services', where that is granted.
    let mut guest = one(&world, "-guest", &["write", "/data/file", "text"]);
    guest.networks = vec![world.named("_default")];
    guest.volumes = vec![Mounted {
        volume: world.named("_data"),
        target: "/data".to_owned(),
        read_only: false,
    }];
    let ran = one_offs.run(guest, None, PATIENCE).await.unwrap();
    assert_eq!(printed(&ran), "written\n");
}

#[tokio::test]
async fn names_that_services_need_are_kept_for_them() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let errors = [
        refused(one_offs.start(&one(&world, "-web-1", &["sleep"])).await),
        refused(
            one_offs
                .run(one(&world, "-web-1", &["sleep"]), None, PATIENCE)
                .await,
        ),
        refused(
            one_offs
                .ensure_network(&world.named("_default"), "tester", true)
                .await,
        ),
        refused(
            one_offs
                .ensure_volume(&world.named("_data"), "tester")
                .await,
        ),
    ];
    for error in errors {
        assert!(matches!(error, OneOffError::Reserved { .. }), "{error}");
    }
    world.start(&world.service("web", &["sleep"])).await;
}

#[tokio::test]
async fn a_volume_that_is_a_path_of_the_machine_is_not_mounted() {
    let world = World::new().await;
    let name = world.named("-vol");
    let labels = HashMap::from([
        (
            "dev.chora.project".to_owned(),
            world.layout.project.display().to_string(),
        ),
        ("dev.chora.environment".to_owned(), "dev".to_owned()),
    ]);
    let options = [("type", "none"), ("o", "bind"), ("device", "/etc")];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let made = world.client.create_volume(VolumeCreateRequest {
        name: Some(name.clone()),
        driver: Some("local".to_owned()),
        driver_opts: Some(options.into()),
        labels: Some(labels),
        ..VolumeCreateRequest::default()
    });
    made.await.unwrap();
    let mut job = one(&world, "-job", &["list", "/a"]);
    job.volumes = vec![Mounted {
        volume: name,
        target: "/a".to_owned(),
        read_only: true,
    }];
    let error = refused(one_offs(&world).run(job, None, PATIENCE).await);
    assert!(matches!(error, OneOffError::Disguised { .. }), "{error}");
    assert!(error.to_string().contains("/etc"), "{error}");
}

#[tokio::test]
async fn a_services_list_has_no_containers_of_plugins() {
    let world = World::new().await;
    one_offs(&world)
        .start(&one(&world, "-job", &["sleep"]))
        .await
        .unwrap();
    assert!(world.engine.list().await.unwrap().is_empty());
}
