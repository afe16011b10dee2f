//! What a service goes through from its first start to its removal.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use chora_compose::{Attachment, Bind, Mount, MountKind, Port, PortRange, Protocol, Service};
use chora_engine::{Engine as _, Exit, RunState, SecretEnv, Started, Swept};
use futures_util::future::join_all;

use crate::world::{GRACE, World};

#[tokio::test]
async fn a_service_is_started_once_and_found_by_another_chora() {
    let world = World::new().await;
    let spec = world.service("web", &["print", "$", "then", "sleep"]);
    assert!(world.engine.would_start(&spec).await.unwrap());
    assert_eq!(world.state("web").await, RunState::Absent);
    assert_eq!(world.start(&spec).await, Started::Started);
    assert_eq!(world.start(&spec).await, Started::AlreadyRunning);
    let id = world.id("web").await;
    let later = world.another_engine();
    assert!(!later.would_start(&spec).await.unwrap());
    let again = later.start(&spec, &SecretEnv::default()).await.unwrap();
    assert_eq!(again, Started::AlreadyRunning);
    let status = later.inspect("web").await.unwrap();
    assert_eq!(status.state, RunState::Running);
    assert_eq!(status.id, Some(id));
    assert_eq!(status.version.as_deref(), Some("1.0.0"));
    assert!(status.started_at.is_some());
    let listed = later.list().await.unwrap();
    assert_eq!(listed, [("web".to_owned(), status)]);
}

#[tokio::test]
async fn stopping_and_removing_do_their_work_once() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    assert!(!world.engine.stop("web", GRACE).await.unwrap());
    assert!(!world.engine.remove("web", GRACE).await.unwrap());
    world.start(&spec).await;
    let id = world.id("web").await;
    assert!(world.engine.stop("web", GRACE).await.unwrap());
    assert!(!world.engine.stop("web", GRACE).await.unwrap());
    assert_eq!(
        world.state("web").await,
        RunState::Exited(Exit::of_code(143))
    );
    // One that is as it should be is started again, and not made anew.
    assert_eq!(world.start(&spec).await, Started::Started);
    assert_eq!(world.id("web").await, id);
    assert!(world.engine.remove("web", GRACE).await.unwrap());
    assert!(!world.engine.remove("web", GRACE).await.unwrap());
    assert_eq!(world.state("web").await, RunState::Absent);
}

#[tokio::test]
async fn two_starts_at_once_make_one_container() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    let (one, other, third) = (
        world.another_engine(),
        world.another_engine(),
        &world.engine,
    );
    let none = SecretEnv::default();
    let (one, other, third, fourth) = tokio::join!(
        one.start(&spec, &none),
        other.start(&spec, &none),
        third.start(&spec, &none),
        third.start(&spec, &none),
    );
    let done = [one, other, third, fourth].map(Result::unwrap);
    assert!(done.contains(&Started::Started), "{done:?}");
    assert!(!done.contains(&Started::Replaced), "{done:?}");
    assert_eq!(world.engine.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn ten_services_start_in_parallel_on_one_network() {
    let world = World::new().await;
    let specs: Vec<_> = (0..10)
        .map(|number| world.service(&format!("s{number}"), &["sleep"]))
        .collect();
    let started = join_all(specs.iter().map(|spec| world.start(spec))).await;
    assert_eq!(started, [Started::Started; 10]);
    assert_eq!(world.engine.list().await.unwrap().len(), 10);
}

#[tokio::test]
async fn two_projects_side_by_side_do_not_see_each_other() {
    let (one, other) = (World::new().await, World::new().await);
    let spec = one.service("web", &["sleep"]);
    one.start(&spec).await;
    assert_eq!(other.state("web").await, RunState::Absent);
    assert!(other.engine.list().await.unwrap().is_empty());
    other.start(&other.service("web", &["sleep"])).await;
    assert!(other.engine.remove("web", GRACE).await.unwrap());
    other.engine.sweep(true).await.unwrap();
    assert_eq!(one.state("web").await, RunState::Running);
}

#[tokio::test]
async fn services_reach_each_other_by_name_and_are_published() {
    let world = World::new().await;
    let port = free_port();
    let web = world.service_with("web", &["serve", "8000"], publish(port));
    world.start(&web).await;
    assert_eq!(world.lines("web", 1).await, ["serving"]);
    assert!(ask(port).ends_with("ok"));
    let owner = world.engine.service_of_port(port).await.unwrap();
    assert_eq!(owner.as_deref(), Some("web"));
    assert_eq!(
        World::new()
            .await
            .engine
            .service_of_port(port)
            .await
            .unwrap(),
        None
    );
    // The program is linked statically and has no resolver for names, so the engine is asked where the name leads.
    let container = world
        .client
        .inspect_container(&world.named("-web-1"), None)
        .await
        .unwrap();
    let networks = container.network_settings.unwrap().networks.unwrap();
    let aliases = networks[&world.named("_default")].aliases.clone().unwrap();
    assert!(aliases.contains(&"web".to_owned()), "{aliases:?}");
}

// An engine takes the ports of a container that it is starting before it lists the container as running.
#[tokio::test]
async fn a_port_is_the_services_while_its_container_is_being_started() {
    let world = World::new().await;
    let port = free_port();
    let web = world.service_with("web", &["serve", "8000"], publish(port));
    let (later, stranger) = (world.another_engine(), World::new().await);
    // The first start makes the container, and the second has it already.
    for _ in 0..2 {
        let owners = async {
            // To try to bind the port could take it from the engine.
            while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let owner = later.service_of_port(port).await.unwrap();
            (owner, stranger.engine.service_of_port(port).await.unwrap())
        };
        let (_, owners) = tokio::join!(world.start(&web), owners);
        assert_eq!(owners, (Some("web".to_owned()), None));
        assert!(world.engine.stop("web", GRACE).await.unwrap());
        assert_eq!(later.service_of_port(port).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_service_with_only_an_image_gets_its_port_published() {
    let world = World::new().await;
    let port = free_port();
    let mut spec = world.spec("web", None, Some(&world.image), Some(port));
    spec.environment.insert("A".to_owned(), "b".to_owned());
    // The image has no command, so its program ends at once.
    world.start(&spec).await;
    assert_eq!(world.engine.wait_exit("web").await.unwrap().code, Some(0));
    let container = world
        .client
        .inspect_container(&world.named("-web-1"), None)
        .await
        .unwrap();
    let bindings = container.host_config.unwrap().port_bindings.unwrap();
    let binding = bindings[&format!("{port}/tcp")]
        .as_ref()
        .unwrap()
        .first()
        .unwrap();
    assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
    assert_eq!(binding.host_port, Some(port.to_string()));
}

#[tokio::test]
async fn a_second_network_is_joined_before_the_start() {
    let mut world = World::new().await;
    world.network("back", false);
    let spec = world.service_with("web", &["sleep"], |service| {
        service
            .networks
            .insert("back".to_owned(), Attachment::default());
    });
    world.start(&spec).await;
    let container = world
        .client
        .inspect_container(&world.named("-web-1"), None)
        .await
        .unwrap();
    let networks = container.network_settings.unwrap().networks.unwrap();
    for name in ["_default", "_back"] {
        assert!(networks.contains_key(&world.named(name)), "{name}");
    }
    assert_eq!(world.start(&spec).await, Started::AlreadyRunning);
}

#[tokio::test]
async fn data_and_credentials_are_there_for_the_containers_user_alone() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new().await;
    let (data, secrets) = (
        world.layout.service_data("web"),
        world.layout.home.join("secrets/web"),
    );
    let bind = |source: &std::path::Path, target: &str, read_only| Mount {
        target: target.to_owned(),
        read_only,
        kind: MountKind::Bind(Bind {
            source: source.display().to_string(),
            ..Bind::default()
        }),
    };
    let mut spec = world.service_with("web", &["sleep"], |service| {
        service.user = Some("65532:65532".to_owned());
        service.mounts = vec![
            bind(&data, "/data", false),
            bind(&secrets, "/secrets", true),
        ];
    });
    let credentials = world.layout.credentials();
    std::fs::create_dir_all(&world.layout.home).unwrap();
    std::fs::write(&credentials, "{\"a\":\"first\"}").unwrap();
    spec.set.insert(
        "CREDENTIALS_FILE".to_owned(),
        credentials.display().to_string(),
    );
    world.start(&spec).await;
    let mine = rustix::process::geteuid();
    let uid = if mine.is_root() { 65532 } else { mine.as_raw() };
    let copy = secrets.join("credentials.json");
    for (path, mode) in [(&data, 0o700), (&secrets, 0o700), (&copy, 0o400)] {
        let metadata = std::fs::metadata(path).unwrap();
        assert_eq!(
            (metadata.uid(), metadata.mode() & 0o777),
            (uid, mode),
            "{path:?}"
        );
    }
    // A rotated credential is there without another container.
    std::fs::write(&credentials, "{\"a\":\"second\"}").unwrap();
    assert_eq!(world.start(&spec).await, Started::AlreadyRunning);
    let read = std::fs::read_to_string(copy).unwrap();
    assert_eq!(read, "{\"a\":\"second\"}");
}

#[tokio::test]
async fn sweeping_leaves_nothing_of_ours_and_everything_of_others() {
    let mut world = World::new().await;
    world.volume("data");
    world.network("shared", true);
    let spec = world.service_with("web", &["sleep"], |service| {
        service
            .networks
            .insert("shared".to_owned(), Attachment::default());
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
    assert_eq!(world.engine.sweep(true).await.unwrap(), Swept::default());
    world.start(&spec).await;
    let used = world.engine.sweep(true).await.unwrap();
    assert_eq!(
        (used.networks.len(), used.volumes.len()),
        (0, 0),
        "{used:?}"
    );
    assert_eq!(used.kept.len(), 3, "{used:?}");
    world.engine.remove("web", GRACE).await.unwrap();
    let mut first = world.engine.sweep(false).await.unwrap();
    first.networks.sort_unstable();
    assert_eq!(
        first.networks,
        [world.named("_default"), world.named("_shared")]
    );
    assert!(first.volumes.is_empty());
    let second = world.engine.sweep(true).await.unwrap();
    assert_eq!(second.volumes, [world.named("_data")]);
    assert_eq!(world.engine.sweep(true).await.unwrap(), Swept::default());
}

#[tokio::test]
async fn a_process_in_a_container_and_the_helper_for_its_port_are_its_services() {
    let world = World::new().await;
    let port = free_port();
    let web = world.service_with("web", &["serve", "8000"], publish(port));
    world.start(&web).await;
    let container = world
        .client
        .inspect_container(&world.named("-web-1"), None)
        .await
        .unwrap();
    let id = container.id.unwrap();
    let first = u32::try_from(container.state.unwrap().pid.unwrap()).unwrap();
    let child = child_of(first).await;
    let helper = helper_of(port, &id).unwrap();
    for pid in [first, child, helper] {
        let owner = world.engine.service_of_pid(pid).await.unwrap();
        assert_eq!(owner.as_deref(), Some("web"));
        let other = World::new().await;
        assert_eq!(other.engine.service_of_pid(pid).await.unwrap(), None);
    }
    let own = world
        .engine
        .service_of_pid(std::process::id())
        .await
        .unwrap();
    assert_eq!(own, None);
}

#[tokio::test]
async fn the_version_is_the_engines() {
    let world = World::new().await;
    let version = world.engine.version().await.unwrap().unwrap();
    let told = world.client.version().await.unwrap().version.unwrap();
    assert_eq!(version.trim_start_matches("podman "), told);
}

/// The first child of a process, once it has one: a container runs a moment before its init has started the program.
async fn child_of(pid: u32) -> u32 {
    loop {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        if let Some(child) = children.unwrap().split_whitespace().next() {
            return child.parse().unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// The process that holds a port for a container.
fn helper_of(port: u16, container: &str) -> Option<u32> {
    let wanted = format!("-host-port\0{port}\0");
    let monitors = format!("-c\0{container}\0");
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .find_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let docker = line.contains("docker-proxy") && line.contains(&wanted);
            let podman = line.contains("conmon") && line.contains(&monitors);
            (docker || podman).then_some(pid)
        })
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Publishes port 8000 of a service on this port of the machine.
pub(crate) fn publish(port: u16) -> impl FnOnce(&mut Service) {
    move |service| {
        service.ports = vec![Port {
            target: 8000,
            protocol: Protocol::Tcp,
            host_ip: Some("127.0.0.1".to_owned()),
            published: Some(PortRange::one(port)),
        }];
    }
}

fn ask(port: u16) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
