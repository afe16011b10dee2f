//! The request for a container, without an engine.

use std::path::Path;
use std::time::Duration;

use chora_compose::{Attachment, Bind, Limits, Mount, MountKind, Network, Project, Resources};
use chora_model::layout::Layout;

use super::*;
use crate::{Definition, Surroundings};

fn spec() -> ServiceSpec {
    let layout = Layout::new(Path::new("/project"), "dev", true);
    let configured = [("COLOUR", "blue"), ("SIZE", "configured")];
    let definition = Definition {
        name: "web".to_owned(),
        version: Some("1.2.3".to_owned()),
        command: Vec::new(),
        image: None,
        port: Some(8500),
        environment: owned(&configured),
        docker_compose: None,
        stop_grace: Duration::from_secs(10),
    };
    let place = Surroundings {
        layout: &layout,
        log_level: "info",
        registry: Some("http://localhost:8500"),
        registry_inside: Some("http://manifest:8500"),
        compose_files: &[],
        compose_variables: None,
    };
    ServiceSpec::new(definition, place)
}

fn owned(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn composed() -> Composed {
    let network = |key: &str| Network {
        key: key.to_owned(),
        name: format!("p_{key}"),
        ..Network::default()
    };
    let attachment = |priority| Attachment {
        priority,
        ..Attachment::default()
    };
    let environment = [
        ("SIZE", Some("file")),
        ("LOG_LEVEL", Some("debug")),
        ("HOME", None),
    ];
    let service = Service {
        name: "web".to_owned(),
        image: Some("an/image".to_owned()),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)))
            .into(),
        networks: [("back", 0), ("front", 5)]
            .map(|(key, priority)| (key.to_owned(), attachment(priority)))
            .into(),
        ..Service::default()
    };
    let project = Project {
        name: "p".to_owned(),
        directory: "/project".into(),
        files: vec!["/project/a.yml".into(), "/project/b.yml".into()],
        services: BTreeMap::from([("web".to_owned(), service.clone())]),
        networks: ["back", "front"]
            .map(|key| (key.to_owned(), network(key)))
            .into(),
        volumes: BTreeMap::new(),
    };
    Composed {
        project,
        service,
        warnings: Vec::new(),
    }
}

fn owner() -> Owner {
    let layout = Layout::new(Path::new("/project"), "dev", true);
    Owner::of(&layout, Some("p".to_owned()))
}

fn wanted(composed: &Composed) -> Wanted {
    Wanted::of(&owner(), composed, &spec())
}

fn request(secrets: &SecretEnv) -> ContainerCreateBody {
    let composed = composed();
    wanted(&composed).request(&owner(), &composed, &spec(), secrets, "sha256:1")
}

#[test]
fn variables_of_the_file_the_configuration_and_secrets_go_over_each_other_in_this_order() {
    let secrets = SecretEnv(owned(&[("COLOUR", "secret"), ("JWT_SECRET", "s")]));
    assert_eq!(
        request(&secrets).env.unwrap(),
        [
            "CHORA_ENVIRONMENT=dev",
            "CHORA_SERVICE=web",
            "HOME",
            "LOG_LEVEL=debug",
            "MANIFEST_URL=http://manifest:8500",
            "PORT=8500",
            "SERVICE_VERSION=1.2.3",
            "SIZE=configured",
            "COLOUR=secret",
            "JWT_SECRET=s",
        ]
    );
}

#[test]
fn the_service_is_found_by_its_name_on_the_network_that_comes_first() {
    let body = request(&SecretEnv::default());
    let host = body.host_config.unwrap();
    assert_eq!(host.network_mode.as_deref(), Some("p_front"));
    let endpoints = body.networking_config.unwrap().endpoints_config.unwrap();
    assert_eq!(endpoints.len(), 1);
    let aliases = endpoints["p_front"].aliases.clone().unwrap();
    assert_eq!(aliases, ["web"]);
}

#[test]
fn labels_are_those_of_compose_and_ours_and_hold_no_secret() {
    let secrets = SecretEnv(owned(&[("JWT_SECRET", "hush")]));
    let labels = request(&secrets).labels.unwrap();
    for (name, value) in [
        ("com.docker.compose.project", "p"),
        ("com.docker.compose.service", "web"),
        ("com.docker.compose.container-number", "1"),
        ("com.docker.compose.oneoff", "False"),
        ("com.docker.compose.project.working_dir", "/project"),
        (
            "com.docker.compose.project.config_files",
            "/project/a.yml,/project/b.yml",
        ),
        ("com.docker.compose.image", "sha256:1"),
        ("dev.chora.project", "/project"),
        ("dev.chora.environment", "dev"),
    ] {
        assert_eq!(labels[name], value, "{name}");
    }
    assert!(labels.values().all(|value| !value.contains("hush")));
    let salt = &labels["dev.chora.salt"];
    assert_eq!(labels["dev.chora.secrets"], secrets.digest(salt));
}

#[test]
fn the_definition_is_the_same_each_time_and_another_for_each_change() {
    let same = wanted(&composed()).definition;
    assert_eq!(wanted(&composed()).definition, same);
    let mut all = vec![same];
    let mut changed = |change: fn(&mut Composed)| {
        let mut composed = composed();
        change(&mut composed);
        all.push(wanted(&composed).definition);
    };
    changed(|it| it.service.image = Some("other".to_owned()));
    changed(|it| it.service.command = Some(vec!["a b".to_owned()]));
    changed(|it| it.service.command = Some(vec!["a".to_owned(), "b".to_owned()]));
    changed(|it| it.service.read_only = true);
    changed(|it| drop(it.service.labels.insert("a".to_owned(), "b".to_owned())));
    changed(|it| drop(it.service.networks.remove("back")));
    changed(|it| it.service.resources.limits.memory = Some(1 << 20));
    changed(|it| it.service.stop_grace_period = Some(Duration::from_millis(1500)));
    // Not joined when the container is made, and part of what it is all the same.
    changed(|it| {
        let back = it.service.networks.get_mut("back").unwrap();
        back.aliases.push("other".to_owned());
    });
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn limits_and_mounts_take_the_form_of_the_api() {
    let mut composed = composed();
    composed.service.resources = Resources {
        limits: Limits {
            nano_cpus: Some(500_000_000),
            memory: Some(64 << 20),
            pids: Some(10),
        },
        ..Resources::default()
    };
    let bind = |create_host_path| {
        MountKind::Bind(Bind {
            source: "/host".to_owned(),
            create_host_path,
            ..Bind::default()
        })
    };
    composed.service.mounts = vec![
        Mount {
            target: "/made".to_owned(),
            read_only: true,
            kind: bind(true),
        },
        Mount {
            target: "/there".to_owned(),
            read_only: false,
            kind: bind(false),
        },
    ];
    composed.service.stop_grace_period = Some(Duration::from_millis(1500));
    let body = wanted(&composed).body;
    assert_eq!(body.stop_timeout, Some(2));
    let host = body.host_config.unwrap();
    assert_eq!(host.nano_cpus, Some(500_000_000));
    assert_eq!(host.memory, Some(64 << 20));
    assert_eq!(host.pids_limit, Some(10));
    assert_eq!(host.binds.unwrap(), ["/host:/made:ro"]);
    let mounts = host.mounts.unwrap();
    assert_eq!(mounts[0].target.as_deref(), Some("/there"));
    assert_eq!(mounts[0].read_only, Some(false));
}

#[test]
fn a_shared_namespace_names_the_other_services_container() {
    let mut composed = composed();
    composed.service.pid = Some("service:db".to_owned());
    composed.service.network_mode = Some(NetworkMode::Service("db".to_owned()));
    let host = wanted(&composed).body.host_config.unwrap();
    assert_eq!(host.pid_mode.as_deref(), Some("container:p-db-1"));
    assert_eq!(host.network_mode.as_deref(), Some("container:p-db-1"));
}
