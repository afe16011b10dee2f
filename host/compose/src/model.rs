//! What a Compose project is made of, once everything in its files has been merged, interpolated and checked.
//!
//! Plain data: the Docker engine turns it into requests and adds nothing but its own labels and variables. A field that is absent was not set by any file, so that the image's or
//! the engine's own default holds. Sizes are bytes, times are [`Duration`]s, and relative host paths have been resolved against the project's directory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

mod build;
mod container;
mod mount;

pub use build::{Build, PullPolicy};
pub use container::{
    BlockLimit, Condition, Dependency, Device, HealthTest, Healthcheck, Limits, LogConfig,
    Reservations, Resources, Restart, Ulimit,
};
pub use mount::{Bind, Mount, MountKind, Port, PortRange, Propagation, Protocol, Tmpfs};

/// All services that belong together, with the networks and volumes they use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Project {
    /// The project's name, `[a-z0-9][a-z0-9_-]*`: the prefix of all names that no file sets.
    pub name: String,
    /// The directory that relative paths are relative to.
    pub directory: PathBuf,
    /// The files, in the order in which they were merged.
    pub files: Vec<PathBuf>,
    /// The services by name.
    // Invariant: each name in `depends_on` and `networks` exists here, and dependencies are acyclic.
    pub services: BTreeMap<String, Service>,
    /// The networks that some service uses, by the name they have in the files; `default` among them where a service joins no other.
    pub networks: BTreeMap<String, Network>,
    /// The named volumes that some service uses, by the name they have in the files.
    pub volumes: BTreeMap<String, Volume>,
}

/// One service: what its container is made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Service {
    /// Its name in the files.
    pub name: String,
    /// The image that runs; absent only where it is built and then named by the engine.
    pub image: Option<String>,
    /// How the image is built.
    pub build: Option<Build>,
    /// When the image is pulled.
    pub pull_policy: Option<PullPolicy>,
    /// Operating system and architecture, `linux/arm64`.
    pub platform: Option<String>,
    /// Arguments instead of the image's `CMD`; an empty list removes it.
    pub command: Option<Vec<String>>,
    /// Program and arguments instead of the image's `ENTRYPOINT`; an empty list removes it.
    pub entrypoint: Option<Vec<String>>,
    /// Variables from `env_file` and `environment`. Without a value, the variable is taken away from what the image sets.
    pub environment: BTreeMap<String, Option<String>>,
    /// Ports that are published on the host, sorted.
    pub ports: Vec<Port>,
    /// Ports that the container offers without publishing them, `8080` or `53/udp`, sorted.
    pub expose: Vec<String>,
    /// What is mounted, by target.
    // Invariant: no two have the same target. What `tmpfs:` names is in here as well.
    pub mounts: Vec<Mount>,
    /// The networks it joins, by their name in the files. Empty with a `network_mode`.
    pub networks: BTreeMap<String, Attachment>,
    /// `none`, `host`, `bridge`, or the service or container whose network it shares.
    pub network_mode: Option<NetworkMode>,
    /// Services that come before it.
    pub depends_on: BTreeMap<String, Dependency>,
    /// How the engine finds out whether it is healthy; absent leaves the image's own check.
    pub healthcheck: Option<Healthcheck>,
    /// When the engine starts it again.
    pub restart: Option<Restart>,
    /// Labels of the container.
    pub labels: BTreeMap<String, String>,
    /// Annotations, handed to the runtime.
    pub annotations: BTreeMap<String, String>,
    /// User and group, by name or number: `65532:65532`.
    pub user: Option<String>,
    /// Further groups.
    pub group_add: Vec<String>,
    /// The working directory inside.
    pub working_dir: Option<String>,
    /// The host name inside.
    pub hostname: Option<String>,
    /// The domain name inside.
    pub domainname: Option<String>,
    /// Capabilities taken away, `ALL` or names, sorted.
    pub cap_drop: Vec<String>,
    /// Capabilities given, sorted.
    pub cap_add: Vec<String>,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    /// Whether it may do everything on the host.
    pub privileged: bool,
    /// Options of the security modules, `no-new-privileges:true`.
    pub security_opt: Vec<String>,
    /// Limits and reservations of processor, memory and processes.
    pub resources: Resources,
    /// Lines for `/etc/hosts`: name and addresses, `host-gateway` among them.
    pub extra_hosts: BTreeMap<String, Vec<String>>,
    /// Name servers.
    pub dns: Vec<String>,
    /// Domains to search.
    pub dns_search: Vec<String>,
    /// Options of the resolver.
    pub dns_opt: Vec<String>,
    /// The container's name; absent lets the engine make one of project and service.
    pub container_name: Option<String>,
    /// How long it may take to end; the engine's default (10 s) when absent.
    pub stop_grace_period: Option<Duration>,
    /// The signal that asks it to end, `SIGTERM` when absent.
    pub stop_signal: Option<String>,
    /// Whether an init process reaps orphans inside; the engine's default when absent.
    pub init: Option<bool>,
    /// Where its output goes.
    pub logging: Option<LogConfig>,
    /// Resource limits of its processes, by name (`nofile`).
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Kernel parameters of its namespaces.
    pub sysctls: BTreeMap<String, String>,
    /// Devices of the host.
    pub devices: Vec<Device>,
    /// Rules for the cgroup of devices, `c 1:3 mr`.
    pub device_cgroup_rules: Vec<String>,
    /// The process namespace: `host`, `service:NAME` or `container:ID`.
    pub pid: Option<String>,
    /// The IPC namespace: `none`, `private`, `shareable`, `host`, `service:NAME` or `container:ID`.
    pub ipc: Option<String>,
    /// The host name namespace: `host`.
    pub uts: Option<String>,
    /// The user namespace: `host`.
    pub userns_mode: Option<String>,
    /// The cgroup namespace: `host` or `private`.
    pub cgroup: Option<String>,
    /// The cgroup it is put under.
    pub cgroup_parent: Option<String>,
    /// The OCI runtime.
    pub runtime: Option<String>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: Option<u64>,
    /// Options of the storage driver.
    pub storage_opt: BTreeMap<String, String>,
    /// The MAC address on its first network.
    pub mac_address: Option<String>,
    /// Whether its standard input is kept open.
    pub stdin_open: bool,
    /// Whether it gets a terminal.
    pub tty: bool,
    /// The profiles that it belongs to; empty means that it always does. Naming a service starts it whatever its profiles.
    pub profiles: Vec<String>,
}

/// A service's place in a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// Names besides the service's own.
    pub aliases: Vec<String>,
    /// A fixed address.
    pub ipv4_address: Option<String>,
    /// A fixed address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: Vec<String>,
    /// A fixed MAC address.
    pub mac_address: Option<String>,
    /// Options of the network's driver.
    pub driver_opts: BTreeMap<String, String>,
    /// The network with the highest is joined first.
    pub priority: i64,
    /// The network with the highest gives the default route.
    pub gw_priority: i64,
    /// The name of the interface inside.
    pub interface_name: Option<String>,
}

/// A network stack that is not one of the project's networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// Loopback only.
    None,
    /// The host's own.
    Host,
    /// The engine's default bridge.
    Bridge,
    /// That of another service of the project.
    Service(String),
    /// That of a container, by name or id.
    Container(String),
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Network {
    /// Its name in the files.
    pub key: String,
    /// Its name in the engine: `<project>_<key>` unless a file sets one.
    pub name: String,
    /// Whether it is not the project's own. The project neither labels nor removes it.
    pub external: bool,
    /// The driver; the engine's default when absent.
    pub driver: Option<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Whether it leads nowhere but to its members.
    pub internal: bool,
    /// Whether containers outside the project may join.
    pub attachable: bool,
    /// Whether it has IPv4; the engine's default when absent.
    pub enable_ipv4: Option<bool>,
    /// Whether it has IPv6; the engine's default when absent.
    pub enable_ipv6: Option<bool>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// How addresses are given out.
    pub ipam: Option<Ipam>,
}

/// How a network gives out addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ipam {
    /// The driver; the engine's default when absent.
    pub driver: Option<String>,
    /// The pools.
    pub config: Vec<IpamPool>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// One pool of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IpamPool {
    /// The subnet in CIDR notation.
    pub subnet: Option<String>,
    /// The part of it that containers get addresses from.
    pub ip_range: Option<String>,
    /// The gateway.
    pub gateway: Option<String>,
    /// Addresses that are taken, by host name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// A named volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Its name in the files.
    pub key: String,
    /// Its name in the engine: `<project>_<key>` unless a file sets one.
    pub name: String,
    /// Whether it is not the project's own: it has to be there already and is never removed.
    pub external: bool,
    /// The driver; the engine's default when absent.
    pub driver: Option<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}
