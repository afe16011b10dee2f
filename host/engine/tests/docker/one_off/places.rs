//! Networks and volumes of plugins, and the clearing away of everything that is theirs.

use std::path::Path;

use chora_engine::docker::Endpoint;
use chora_engine::docker::one_off::{self, Belongs, Mounted, OneOffError};
use chora_engine::{Engine as _, Swept};

use super::{PATIENCE, is_there, one, one_offs, printed, refused, run};
use crate::world::{NO_GRACE, World};

#[tokio::test]
async fn containers_of_one_network_reach_each_other_by_name() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let net = world.named("-net");
    assert!(one_offs.would_make_network(&net, true).await.unwrap());
    assert!(one_offs.ensure_network(&net, "tester", true).await.unwrap());
    assert!(!one_offs.ensure_network(&net, "tester", true).await.unwrap());
    assert!(!one_offs.would_make_network(&net, true).await.unwrap());
    let error = refused(one_offs.ensure_network(&net, "tester", false).await);
    assert!(matches!(error, OneOffError::InUse { .. }), "{error}");

    let mut server = one(&world, "-server", &["serve", "8000"]);
    server.networks = vec![net.clone()];
    one_offs.start(&server).await.unwrap();
    // It listens once it says so.
    while one_offs.logs(&server.name, 1).await.unwrap() != Some(vec!["serving".to_owned()]) {
        tokio::task::yield_now().await;
    }
    let address = format!("{}:8000", server.name);
    let mut client = one(
        &world,
        "-client",
        &["connect", &address, "then", "print", "yes"],
    );
    client.networks = vec![net.clone()];
    assert_eq!(printed(&run(&one_offs, client.clone()).await), "yes\n");
    // Without the network there is no way.
    client.networks.clear();
    assert_ne!(run(&one_offs, client).await.exit.code, Some(0));

    let facts = one_offs.network(&net).await.unwrap().unwrap();
    assert_eq!(facts.belongs, Belongs::Plugin("tester".to_owned()));
    assert!(facts.internal);
    assert_eq!(facts.containers, [server.name.as_str()]);
    let error = refused(one_offs.remove_network(&net).await);
    assert!(matches!(error, OneOffError::InUse { .. }), "{error}");
    one_offs.remove(&server.name).await.unwrap();
    assert!(one_offs.would_remove_network(&net).await.unwrap());
    assert!(one_offs.remove_network(&net).await.unwrap());
    assert!(!one_offs.remove_network(&net).await.unwrap());
    assert_eq!(one_offs.network(&net).await.unwrap(), None);
}

#[tokio::test]
async fn a_container_joins_several_networks_and_the_bridge_where_that_is_named() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let networks = [world.named("-one"), world.named("-two")];
    for name in &networks {
        one_offs
            .ensure_network(name, "tester", false)
            .await
            .unwrap();
    }
    let mut job = one(&world, "-job", &["list", "/sys/class/net"]);
    job.networks = networks.to_vec();
    assert_eq!(
        printed(&run(&one_offs, job.clone()).await),
        "eth0\neth1\nlo\n"
    );
    job.networks = vec!["bridge".to_owned()];
    assert_eq!(printed(&run(&one_offs, job.clone()).await), "eth0\nlo\n");
    job.networks = vec![world.named("-no")];
    let error = refused(one_offs.run(job, None, PATIENCE).await);
    assert!(matches!(error, OneOffError::Missing { .. }), "{error}");
}

#[tokio::test]
async fn a_volume_keeps_what_a_run_wrote() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let name = world.named("-vol");
    assert!(one_offs.would_make_volume(&name).await.unwrap());
    assert!(one_offs.ensure_volume(&name, "tester").await.unwrap());
    assert!(!one_offs.ensure_volume(&name, "tester").await.unwrap());
    assert!(!one_offs.would_make_volume(&name).await.unwrap());
    let facts = one_offs.volume(&name).await.unwrap().unwrap();
    assert_eq!(facts.belongs, Belongs::Plugin("tester".to_owned()));

    let with = |words: &[&str], read_only| {
        let mut job = one(&world, "-job", words);
        job.volumes = vec![Mounted {
            volume: name.clone(),
            target: "/data".to_owned(),
            read_only,
        }];
        job
    };
    let write = ["write", "/data/file", "kept"];
    let said = run(&one_offs, with(&write, true)).await;
    assert!(printed(&said).contains("Read-only"), "{said:?}");
    run(&one_offs, with(&write, false)).await;
    let shown = run(&one_offs, with(&["show", "/data/file"], true)).await;
    assert_eq!(printed(&shown), "kept");

    let stays = with(&["sleep"], true);
    one_offs.start(&stays).await.unwrap();
    let error = refused(one_offs.remove_volume(&name).await);
    assert!(matches!(error, OneOffError::InUse { .. }), "{error}");
    one_offs.remove(&stays.name).await.unwrap();
    assert!(one_offs.would_remove_volume(&name).await.unwrap());
    assert!(one_offs.remove_volume(&name).await.unwrap());
    assert!(!one_offs.remove_volume(&name).await.unwrap());
    assert_eq!(one_offs.volume(&name).await.unwrap(), None);
}

/// A container that stays, in a network and with a volume, and what killed runs left.
async fn littered(world: &World) -> [String; 4] {
    let one_offs = one_offs(world);
    let (net, vol) = (world.named("-net"), world.named("-vol"));
    one_offs.ensure_network(&net, "tester", true).await.unwrap();
    one_offs.ensure_volume(&vol, "tester").await.unwrap();
    let mut stays = one(world, "-stays", &["sleep"]);
    stays.networks = vec![net.clone()];
    stays.volumes = vec![Mounted {
        volume: vol.clone(),
        target: "/data".to_owned(),
        read_only: false,
    }];
    one_offs.start(&stays).await.unwrap();
    let left = world.named("-left");
    let marks = [("dev.chora.plugin", "tester"), ("dev.chora.one-off", "run")];
    super::left(world, &left, &marks).await;
    [stays.name, left, net, vol]
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[tokio::test]
async fn the_engine_of_the_services_sweeps_up_what_plugins_left() {
    let world = World::new().await;
    world.start(&world.service("web", &["sleep"])).await;
    let [stays, left, net, vol] = littered(&world).await;
    world.engine.remove("web", NO_GRACE).await.unwrap();
    let swept = world.engine.sweep(false).await.unwrap();
    assert_eq!(sorted(swept.containers), sorted(vec![stays.clone(), left]));
    assert!(swept.networks.contains(&net), "{:?}", swept.networks);
    assert!(swept.volumes.is_empty() && swept.kept.is_empty());
    assert!(!is_there(&world, &stays).await);
    // As long as there are volumes, somebody has to look here again.
    assert!(world.layout.one_offs().exists());
    let swept = world.engine.sweep(true).await.unwrap();
    assert_eq!(swept.volumes, [vol]);
    assert!(!world.layout.one_offs().exists());
}

#[tokio::test]
async fn what_plugins_left_is_swept_up_where_the_services_run_on_another_engine() {
    let world = World::new().await;
    // An environment whose plugins made nothing asks no engine.
    let nowhere = Endpoint::socket(Path::new("/no/such/socket"));
    let swept = one_off::sweep(&world.layout, nowhere.clone(), true).await;
    assert_eq!(swept, Swept::default());

    let [stays, left, net, vol] = littered(&world).await;
    let swept = one_off::sweep(&world.layout, nowhere, true).await;
    assert_eq!(swept.kept.len(), 1, "{swept:?}");
    assert!(swept.kept[0].contains("DOCKER_HOST="), "{swept:?}");
    assert!(world.layout.one_offs().exists());

    let swept = one_off::sweep(&world.layout, world.endpoint.clone(), true).await;
    assert_eq!(sorted(swept.containers), sorted(vec![stays, left]));
    assert_eq!((swept.networks, swept.volumes), (vec![net], vec![vol]));
    assert!(swept.kept.is_empty(), "{:?}", swept.kept);
    assert!(!world.layout.one_offs().exists());
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_told_and_asked_again_later() {
    let world = World::new().await;
    let socket = world.folder.path().join("gone.sock");
    let endpoint = Endpoint::socket(&socket);
    std::fs::create_dir_all(&world.layout.home).unwrap();
    std::fs::write(world.layout.one_offs(), format!("{}\n", endpoint.host())).unwrap();
    let swept = one_off::sweep(&world.layout, endpoint, true).await;
    assert!(swept.kept[0].contains("does not run"), "{swept:?}");
    assert!(world.layout.one_offs().exists());
}
