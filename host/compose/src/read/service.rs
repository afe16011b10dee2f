//! One service.

use std::collections::BTreeMap;

use chora_model::yaml::{Place, Value};

use super::environment::{environment, labels, texts};
use super::keys::{ATTACHMENT, LOGGING, SERVICE};
use super::{At, Reader, build, health, mounts, ports, resources};
use crate::model::{Attachment, Condition, Dependency, LogConfig, NetworkMode, Port, Service};
use crate::values;

/// A service with the places of what the rules between services are about.
pub(crate) struct Placed {
    pub(crate) service: Service,
    /// Its name.
    pub(crate) name: Place,
    pub(crate) container_name: Place,
    pub(crate) depends_on: BTreeMap<String, Place>,
    pub(crate) networks: BTreeMap<String, Place>,
    pub(crate) ports: Vec<(Port, Place)>,
    /// The names of the volumes it mounts.
    pub(crate) volumes: Vec<(String, Place)>,
}

pub(super) fn read(reader: &mut Reader<'_>, name: &str, place: Place, at: &At<'_>) -> Placed {
    reader.keys(at, SERVICE);
    if !values::is_key(name) {
        let message =
            format!("`{name}` is no name of a service: it has letters, digits, `_`, `.` and `-`");
        reader.problem(place, message);
    }
    let image = at.get("image");
    let build = at.get("build");
    if image.is_none() && build.is_none() {
        let message = format!("`{}` has neither `image` nor `build`", at.path);
        reader.problem(place, message);
    }
    resources::deploy(reader, at);
    let depends_on = health::depends_on(reader, at.get("depends_on"));
    let (networks, network_places) = networks(reader, at.get("networks"));
    let ports = ports::read(reader, at.get("ports"));
    let mounts = mounts::read(reader, at);
    let deploy = at.get("deploy");
    let policy = deploy.as_ref().and_then(|at| at.get("restart_policy"));
    let mut service = Service {
        name: name.to_owned(),
        image: build::image(reader, image.as_ref()),
        build: build::read(reader, build),
        pull_policy: build::pull_policy(reader, at.get("pull_policy")),
        platform: reader.filled(at.get("platform").as_ref()),
        command: command(reader, at.get("command")),
        entrypoint: command(reader, at.get("entrypoint")),
        environment: environment(reader, at),
        expose: ports::expose(reader, at.get("expose")),
        networks,
        network_mode: network_mode(reader, at),
        healthcheck: health::healthcheck(reader, at.get("healthcheck")),
        restart: health::restart(reader, at.get("restart"), policy),
        labels: labels(reader, at),
        annotations: texts(reader, at.get("annotations")),
        group_add: reader.texts(at.get("group_add")),
        cap_drop: set(reader, at.get("cap_drop")),
        cap_add: set(reader, at.get("cap_add")),
        security_opt: reader.texts(at.get("security_opt")),
        resources: resources::read(reader, at),
        extra_hosts: hosts(reader, at.get("extra_hosts")),
        dns: addresses(reader, at.get("dns")),
        dns_search: one_or_more(reader, at.get("dns_search")),
        dns_opt: reader.texts(at.get("dns_opt")),
        container_name: container_name(reader, at.get("container_name")),
        stop_grace_period: reader.duration(at.get("stop_grace_period").as_ref()),
        init: reader.flag(at.get("init").as_ref()),
        logging: logging(reader, at.get("logging")),
        ulimits: resources::ulimits(reader, at.get("ulimits")),
        sysctls: texts(reader, at.get("sysctls")),
        devices: mounts::devices(reader, at.get("devices")),
        device_cgroup_rules: reader.texts(at.get("device_cgroup_rules")),
        shm_size: reader.bytes(at.get("shm_size").as_ref()),
        storage_opt: texts(reader, at.get("storage_opt")),
        profiles: reader.texts(at.get("profiles")),
        ..Service::default()
    };
    plain(reader, at, &mut service);
    let mut depends: BTreeMap<String, Place> = BTreeMap::new();
    for (name, (dependency, place)) in depends_on {
        depends.insert(name.clone(), place);
        service.depends_on.insert(name, dependency);
    }
    shared(at, &mut service, &mut depends);
    let volume = |(mount, at): &(crate::Mount, At<'_>)| match &mount.kind {
        crate::MountKind::Volume {
            source: Some(source),
            ..
        } => Some((source.clone(), at.place())),
        _ => None,
    };
    let placed_ports: Vec<(Port, Place)> = ports
        .iter()
        .map(|(port, at)| (port.clone(), at.place()))
        .collect();
    service.ports = ports.into_iter().map(|(port, _)| port).collect();
    service.ports.sort();
    let volumes = mounts.iter().filter_map(volume).collect();
    service.mounts = mounts.into_iter().map(|(mount, _)| mount).collect();
    let named = at.get("container_name");
    Placed {
        service,
        name: place,
        container_name: named.map_or(place, |at| at.place()),
        depends_on: depends,
        networks: network_places,
        ports: placed_ports,
        volumes,
    }
}

/// What is a text or a flag and nothing more.
fn plain(reader: &mut Reader<'_>, at: &At<'_>, service: &mut Service) {
    let texts = [
        ("user", &mut service.user),
        ("working_dir", &mut service.working_dir),
        ("hostname", &mut service.hostname),
        ("domainname", &mut service.domainname),
        ("stop_signal", &mut service.stop_signal),
        ("cgroup_parent", &mut service.cgroup_parent),
        ("runtime", &mut service.runtime),
        ("mac_address", &mut service.mac_address),
        ("pid", &mut service.pid),
        ("ipc", &mut service.ipc),
    ];
    for (key, field) in texts {
        *field = reader.filled(at.get(key).as_ref());
    }
    let flags = [
        ("read_only", &mut service.read_only),
        ("privileged", &mut service.privileged),
        ("stdin_open", &mut service.stdin_open),
        ("tty", &mut service.tty),
    ];
    for (key, field) in flags {
        *field = reader.flag(at.get(key).as_ref()).unwrap_or(false);
    }
    let words: [(&str, &[&str], &mut Option<String>); 3] = [
        ("uts", &["host"], &mut service.uts),
        ("userns_mode", &["host"], &mut service.userns_mode),
        ("cgroup", &["host", "private"], &mut service.cgroup),
    ];
    for (key, known, field) in words {
        *field = reader.word(at.get(key).as_ref(), known).map(str::to_owned);
    }
    namespace(reader, at.get("pid"), &["host"]);
    let own = ["none", "private", "shareable", "host"];
    namespace(reader, at.get("ipc"), &own);
}

/// Tells a namespace that is neither one of these words nor that of a service or container.
fn namespace(reader: &mut Reader<'_>, at: Option<At<'_>>, known: &[&str]) {
    let Some(at) = at else {
        return;
    };
    let Some(text) = reader.filled(Some(&at)) else {
        return;
    };
    let other = text
        .split_once(':')
        .is_some_and(|(kind, name)| matches!(kind, "service" | "container") && !name.is_empty());
    if !other && !known.contains(&text.as_str()) {
        let words = known.join("`, `");
        let wanted = format!("`{words}`, `service:NAME` or `container:ID`");
        reader.bad(&at, &text, &wanted);
    }
}

/// Whoever shares a namespace of a service needs that service first, as in Compose.
fn shared(at: &At<'_>, service: &mut Service, places: &mut BTreeMap<String, Place>) {
    let network = match &service.network_mode {
        Some(NetworkMode::Service(name)) => Some(("network_mode", name.clone())),
        _ => None,
    };
    let of = |key, text: &Option<String>| {
        let name = text.as_deref()?.strip_prefix("service:")?;
        Some((key, name.to_owned()))
    };
    let others = [of("pid", &service.pid), of("ipc", &service.ipc), network];
    for (key, name) in others.into_iter().flatten() {
        let place = at.get(key).map_or(at.place(), |at| at.place());
        places.entry(name.clone()).or_insert(place);
        service.depends_on.entry(name).or_insert(Dependency {
            condition: Condition::Started,
            restart: true,
            required: true,
        });
    }
}

fn command(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<Vec<String>> {
    let at = at?;
    let Value::Text(line) = &at.node.value else {
        return Some(reader.texts(Some(at)));
    };
    match values::words(line) {
        Ok(words) => Some(words),
        Err(why) => {
            let message = format!("`{}` is no list of words: {why}", at.path);
            let hint = "write a list, `[PROGRAM, ARGUMENT…]`, or quote it".to_owned();
            reader.problem_with(at.place(), message, Some(hint));
            None
        }
    }
}

fn container_name(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<String> {
    let at = at?;
    let name = reader.filled(Some(&at))?;
    if values::is_engine_name(&name) {
        return Some(name);
    }
    let wanted = "two or more letters, digits, `_`, `.` and `-`, the first a letter or digit";
    reader.bad(&at, &name, wanted);
    None
}

fn set(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Vec<String> {
    let mut texts = reader.texts(at);
    texts.sort();
    texts.dedup();
    texts
}

fn one_or_more(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Vec<String> {
    let items = reader.one_or_more(at);
    items
        .iter()
        .filter_map(|item| reader.filled(Some(item)))
        .collect()
}

fn addresses(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Vec<String> {
    let mut found = Vec::new();
    for item in reader.one_or_more(at) {
        if let Some(text) = reader.filled(Some(&item)) {
            if text.parse::<std::net::IpAddr>().is_err() {
                reader.bad(&item, &text, "an address");
            }
            found.push(text);
        }
    }
    found
}

/// Names and their addresses: a map, or a list of `NAME=ADDRESS` or `NAME:ADDRESS`.
pub(super) fn hosts(reader: &mut Reader<'_>, at: Option<At<'_>>) -> BTreeMap<String, Vec<String>> {
    let mut pairs: Vec<(String, String, At<'_>)> = Vec::new();
    let Some(at) = at else {
        return BTreeMap::new();
    };
    if matches!(at.node.value, Value::Map(_)) {
        for entry in reader.entries(&at) {
            let item = At {
                node: &entry.value,
                path: at.join(&entry.key),
            };
            for address in reader.one_or_more(Some(item)) {
                let text = reader.filled(Some(&address)).unwrap_or_default();
                pairs.push((entry.key.clone(), text, address));
            }
        }
    } else {
        for item in reader.items(Some(at)) {
            let text = reader.text(Some(&item)).unwrap_or_default();
            match text.split_once('=').or_else(|| text.split_once(':')) {
                Some((name, address)) => pairs.push((name.to_owned(), address.to_owned(), item)),
                None => reader.bad(&item, &text, "`NAME=ADDRESS`"),
            }
        }
    }
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, address, item) in pairs {
        let address = address.trim_start_matches('[').trim_end_matches(']');
        if address != "host-gateway" && address.parse::<std::net::IpAddr>().is_err() {
            reader.bad(&item, address, "an address or `host-gateway`");
        }
        let known = found.entry(name).or_default();
        if !known.iter().any(|one| one == address) {
            known.push(address.to_owned());
        }
    }
    found
}

fn networks(
    reader: &mut Reader<'_>,
    at: Option<At<'_>>,
) -> (BTreeMap<String, Attachment>, BTreeMap<String, Place>) {
    let mut found = BTreeMap::new();
    let mut places = BTreeMap::new();
    let Some(at) = at else {
        return (found, places);
    };
    let node = crate::merge::by_key(at.node.clone());
    let map = At {
        node: &node,
        path: at.path,
    };
    for entry in reader.entries(&map) {
        let at = At {
            node: &entry.value,
            path: map.join(&entry.key),
        };
        reader.keys(&at, ATTACHMENT);
        let attachment = Attachment {
            aliases: reader.texts(at.get("aliases")),
            ipv4_address: reader.filled(at.get("ipv4_address").as_ref()),
            ipv6_address: reader.filled(at.get("ipv6_address").as_ref()),
            link_local_ips: reader.texts(at.get("link_local_ips")),
            mac_address: reader.filled(at.get("mac_address").as_ref()),
            driver_opts: texts(reader, at.get("driver_opts")),
            priority: number(reader, at.get("priority")),
            gw_priority: number(reader, at.get("gw_priority")),
            interface_name: reader.filled(at.get("interface_name").as_ref()),
        };
        if let (Some(at), Some(ip)) = (at.get("ipv4_address"), &attachment.ipv4_address)
            && ip.parse::<std::net::Ipv4Addr>().is_err()
        {
            reader.bad(&at, ip, "an IPv4 address");
        }
        if let (Some(at), Some(ip)) = (at.get("ipv6_address"), &attachment.ipv6_address)
            && ip.parse::<std::net::Ipv6Addr>().is_err()
        {
            reader.bad(&at, ip, "an IPv6 address");
        }
        places.insert(entry.key.clone(), entry.at);
        found.insert(entry.key.clone(), attachment);
    }
    (found, places)
}

fn number(reader: &mut Reader<'_>, at: Option<At<'_>>) -> i64 {
    reader
        .integer(at.as_ref(), i64::from(i32::MIN), i64::from(i32::MAX))
        .unwrap_or(0)
}

fn network_mode(reader: &mut Reader<'_>, service: &At<'_>) -> Option<NetworkMode> {
    let at = service.get("network_mode")?;
    let text = reader.filled(Some(&at))?;
    if let Some(networks) = service.get("networks") {
        let message = format!("`{}` and `{}` exclude each other", at.path, networks.path);
        reader.problem(at.place(), message);
    }
    if let Some(ports) = service.get("ports")
        && text != "bridge"
    {
        if text == "host" {
            let message = format!("`{}` has no effect on the host's own network", ports.path);
            reader.warn(ports.place(), message);
        } else {
            let message = format!("`{}` cannot be published with `{text}`", ports.path);
            reader.problem(ports.place(), message);
        }
    }
    namespace(reader, Some(at), &["none", "host", "bridge"]);
    Some(match (text.as_str(), text.split_once(':')) {
        ("none", _) => NetworkMode::None,
        ("host", _) => NetworkMode::Host,
        (_, Some(("service", name))) => NetworkMode::Service(name.to_owned()),
        (_, Some(("container", name))) => NetworkMode::Container(name.to_owned()),
        _ => NetworkMode::Bridge,
    })
}

fn logging(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<LogConfig> {
    let at = at?;
    if !reader.keys(&at, LOGGING) {
        return None;
    }
    Some(LogConfig {
        driver: reader.filled(at.get("driver").as_ref()),
        options: texts(reader, at.get("options")),
    })
}
