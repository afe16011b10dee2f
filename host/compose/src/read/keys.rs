//! The keys of a Compose file: which are read, which have no effect, and which are refused and why.
//!
//! A key that is in none of these tables is unknown, and that is an error as well: nothing is dropped in silence.

/// What becomes of a key.
pub(crate) enum Use {
    /// It is read.
    Read,
    /// It is allowed and has no effect, as in Compose; the reason is told in a warning.
    Without(&'static str),
    /// It is an error; the hint says what to do instead.
    Refused(&'static str),
}

/// A key and what becomes of it.
pub(crate) type Key = (&'static str, Use);

use Use::{Read, Refused, Without};

const WINDOWS: &str = "it is for Windows containers; remove it";
const SWARM: &str = "only a swarm acts on it";
const BUILDKIT: &str = "images are built without BuildKit; remove it";
const ONLY_FILES: &str = "only a `file` of the host is mounted";

pub(super) const FILE: &[Key] = &[
    ("version", Without("compose files have no version any more")),
    ("name", Read),
    ("services", Read),
    ("networks", Read),
    ("volumes", Read),
    (
        "include",
        Refused("name the included files beside this one"),
    ),
    ("secrets", Read),
    ("configs", Read),
    ("models", Refused("run the model server as a service")),
];

pub(super) const SERVICE: &[Key] = &[
    ("annotations", Read),
    ("attach", Without("logs are read with `chora logs`")),
    ("blkio_config", Read),
    ("build", Read),
    ("cap_add", Read),
    ("cap_drop", Read),
    ("cgroup", Read),
    ("cgroup_parent", Read),
    ("command", Read),
    ("configs", Read),
    ("container_name", Read),
    ("cpu_count", Refused(WINDOWS)),
    ("cpu_percent", Refused(WINDOWS)),
    ("cpu_period", Read),
    ("cpu_quota", Read),
    ("cpu_rt_period", Read),
    ("cpu_rt_runtime", Read),
    ("cpu_shares", Read),
    ("cpus", Read),
    ("cpuset", Read),
    ("credential_spec", Refused(WINDOWS)),
    ("depends_on", Read),
    ("deploy", Read),
    ("develop", Without("files are not watched")),
    ("device_cgroup_rules", Read),
    ("devices", Read),
    ("dns", Read),
    ("dns_opt", Read),
    ("dns_search", Read),
    ("domainname", Read),
    ("entrypoint", Read),
    ("env_file", Read),
    ("environment", Read),
    ("expose", Read),
    (
        "extends",
        Refused("repeat the keys, or share them with a YAML anchor and `<<`"),
    ),
    (
        "external_links",
        Refused("join the other container's network with `networks`"),
    ),
    ("extra_hosts", Read),
    ("gpus", Refused("name the device with `devices`")),
    ("group_add", Read),
    ("healthcheck", Read),
    ("hostname", Read),
    ("image", Read),
    ("init", Read),
    ("ipc", Read),
    ("isolation", Refused(WINDOWS)),
    ("label_file", Read),
    ("labels", Read),
    (
        "links",
        Refused(
            "services find each other by name on a network; use `networks` with `aliases`, and `depends_on`",
        ),
    ),
    ("logging", Read),
    ("mac_address", Read),
    ("mem_limit", Read),
    ("mem_reservation", Read),
    ("mem_swappiness", Read),
    ("memswap_limit", Read),
    ("models", Refused("run the model server as a service")),
    ("network_mode", Read),
    ("networks", Read),
    ("oom_kill_disable", Read),
    ("oom_score_adj", Read),
    ("pid", Read),
    ("pids_limit", Read),
    ("platform", Read),
    ("ports", Read),
    (
        "post_start",
        Refused("make it a service that others depend on"),
    ),
    (
        "pre_start",
        Refused("make it a service that this one depends on with `service_completed_successfully`"),
    ),
    (
        "pre_stop",
        Refused("let the service act on its `stop_signal`"),
    ),
    ("privileged", Read),
    ("profiles", Read),
    ("provider", Refused("only containers are run")),
    ("pull_policy", Read),
    ("pull_refresh_after", Refused("use `pull_policy: every_…`")),
    ("read_only", Read),
    ("restart", Read),
    ("runtime", Read),
    ("scale", Read),
    ("secrets", Read),
    ("security_opt", Read),
    ("shm_size", Read),
    ("stdin_open", Read),
    ("stop_grace_period", Read),
    ("stop_signal", Read),
    ("storage_opt", Read),
    ("sysctls", Read),
    ("tmpfs", Read),
    ("tty", Read),
    ("ulimits", Read),
    ("use_api_socket", Refused("mount the socket with `volumes`")),
    ("user", Read),
    ("userns_mode", Read),
    ("uts", Read),
    ("volumes", Read),
    (
        "volumes_from",
        Refused("name the same volumes in both services"),
    ),
    ("working_dir", Read),
];

pub(super) const BUILD: &[Key] = &[
    ("additional_contexts", Refused(BUILDKIT)),
    ("args", Read),
    ("cache_from", Read),
    ("cache_to", Refused(BUILDKIT)),
    ("context", Read),
    ("dockerfile", Read),
    ("dockerfile_inline", Read),
    ("entitlements", Refused(BUILDKIT)),
    ("extra_hosts", Read),
    ("isolation", Refused(WINDOWS)),
    ("labels", Read),
    ("network", Read),
    ("no_cache", Read),
    ("no_cache_filter", Refused(BUILDKIT)),
    ("platforms", Read),
    ("privileged", Refused(BUILDKIT)),
    ("provenance", Refused(BUILDKIT)),
    ("pull", Read),
    ("sbom", Refused(BUILDKIT)),
    ("secrets", Refused(BUILDKIT)),
    ("shm_size", Read),
    ("ssh", Refused(BUILDKIT)),
    ("tags", Read),
    ("target", Read),
    ("ulimits", Refused(BUILDKIT)),
];

pub(super) const DEPLOY: &[Key] = &[
    ("endpoint_mode", Without(SWARM)),
    (
        "labels",
        Without("they are for services of a swarm; labels of the container are `labels`"),
    ),
    ("mode", Read),
    ("placement", Without(SWARM)),
    ("replicas", Read),
    ("resources", Read),
    ("restart_policy", Read),
    ("rollback_config", Without(SWARM)),
    ("update_config", Without(SWARM)),
];

pub(super) const RESTART_POLICY: &[Key] = &[
    ("condition", Read),
    ("delay", Without("the engine has its own delays")),
    ("max_attempts", Read),
    ("window", Without("the engine has its own delays")),
];

/// What to do instead of a number of containers other than one.
pub(super) const ONE_COPY: &str =
    "chora runs one container of each service; declare several services instead";

pub(super) const RESOURCES: &[Key] = &[("limits", Read), ("reservations", Read)];

pub(super) const LIMITS: &[Key] = &[("cpus", Read), ("memory", Read), ("pids", Read)];

pub(super) const RESERVATIONS: &[Key] = &[
    ("cpus", Read),
    ("memory", Read),
    (
        "devices",
        Refused("name the device with `devices` of the service"),
    ),
    ("generic_resources", Without(SWARM)),
];

pub(super) const BLKIO: &[Key] = &[
    ("weight", Read),
    ("weight_device", Read),
    ("device_read_bps", Read),
    ("device_read_iops", Read),
    ("device_write_bps", Read),
    ("device_write_iops", Read),
];

pub(super) const HEALTHCHECK: &[Key] = &[
    ("disable", Read),
    ("interval", Read),
    ("retries", Read),
    ("start_interval", Read),
    ("start_period", Read),
    ("test", Read),
    ("timeout", Read),
];

pub(super) const PORT: &[Key] = &[
    ("app_protocol", Without("it documents the port")),
    ("host_ip", Read),
    ("mode", Without(SWARM)),
    ("name", Without("it documents the port")),
    ("protocol", Read),
    ("published", Read),
    ("target", Read),
];

pub(super) const MOUNT: &[Key] = &[
    ("bind", Read),
    ("consistency", Without("Linux mounts are always consistent")),
    ("image", Refused("mount a volume or a directory")),
    ("read_only", Read),
    ("source", Read),
    ("target", Read),
    ("tmpfs", Read),
    ("type", Read),
    ("volume", Read),
];

pub(super) const MOUNT_BIND: &[Key] = &[
    ("create_host_path", Read),
    ("propagation", Read),
    ("recursive", Read),
    ("selinux", Read),
];

pub(super) const MOUNT_VOLUME: &[Key] = &[
    (
        "labels",
        Refused("label the volume under `volumes` of the file"),
    ),
    ("nocopy", Read),
    ("subpath", Read),
];

pub(super) const MOUNT_TMPFS: &[Key] = &[("mode", Read), ("size", Read)];

pub(super) const ATTACHMENT: &[Key] = &[
    ("aliases", Read),
    ("driver_opts", Read),
    ("gw_priority", Read),
    ("interface_name", Read),
    ("ipv4_address", Read),
    ("ipv6_address", Read),
    ("link_local_ips", Read),
    ("mac_address", Read),
    ("priority", Read),
];

pub(super) const DEPENDENCY: &[Key] = &[("condition", Read), ("required", Read), ("restart", Read)];

pub(super) const ENV_FILE: &[Key] = &[("format", Read), ("path", Read), ("required", Read)];

pub(super) const LOGGING: &[Key] = &[("driver", Read), ("options", Read)];

pub(super) const ULIMIT: &[Key] = &[("hard", Read), ("soft", Read)];

pub(super) const DEVICE: &[Key] = &[("permissions", Read), ("source", Read), ("target", Read)];

pub(super) const NETWORK: &[Key] = &[
    ("attachable", Read),
    ("driver", Read),
    ("driver_opts", Read),
    ("enable_ipv4", Read),
    ("enable_ipv6", Read),
    ("external", Read),
    ("internal", Read),
    ("ipam", Read),
    ("labels", Read),
    ("name", Read),
];

pub(super) const IPAM: &[Key] = &[("config", Read), ("driver", Read), ("options", Read)];

pub(super) const POOL: &[Key] = &[
    ("aux_addresses", Read),
    ("gateway", Read),
    ("ip_range", Read),
    ("subnet", Read),
];

pub(super) const VOLUME: &[Key] = &[
    ("driver", Read),
    ("driver_opts", Read),
    ("external", Read),
    ("labels", Read),
    ("name", Read),
];

/// One of `secrets` or `configs` of a file.
pub(super) const FILE_ITEM: &[Key] = &[
    ("content", Refused(ONLY_FILES)),
    ("driver", Refused(ONLY_FILES)),
    ("driver_opts", Refused(ONLY_FILES)),
    ("environment", Refused(ONLY_FILES)),
    ("external", Refused(ONLY_FILES)),
    ("file", Read),
    ("labels", Without(SWARM)),
    ("name", Without(SWARM)),
    ("template_driver", Refused(ONLY_FILES)),
];

const AS_IT_IS: &str = "a mounted file keeps its owner and mode";

/// One of `secrets` or `configs` of a service.
pub(super) const FILE_MOUNT: &[Key] = &[
    ("gid", Without(AS_IT_IS)),
    ("mode", Without(AS_IT_IS)),
    ("source", Read),
    ("target", Read),
    ("uid", Without(AS_IT_IS)),
];

/// Those tables whose keys the documentation lists.
#[cfg(test)]
pub(crate) fn tables() -> impl Iterator<Item = (&'static str, &'static [Key])> {
    [
        ("file", FILE),
        ("service", SERVICE),
        ("build", BUILD),
        ("deploy", DEPLOY),
        ("network", NETWORK),
        ("volume", VOLUME),
        ("secret", FILE_ITEM),
    ]
    .into_iter()
}
