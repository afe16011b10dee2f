//! The part of a container that concerns its host: limits, mounts, ports, networks and privileges.

use std::collections::HashMap;

use bollard::models::{
    DeviceMapping, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount,
    MountBindOptions, MountBindOptionsPropagationEnum, MountTmpfsOptions, MountType,
    MountVolumeOptions, PortBinding, PortMap, ResourcesBlkioWeightDevice, ResourcesUlimits,
    RestartPolicy, RestartPolicyNameEnum, ThrottleDevice,
};
use chora_compose::{
    Bind, BlockLimit, MountKind, NetworkMode, Propagation, Resources, Restart, Service, Tmpfs,
};

use crate::docker::labels::Owner;
use crate::docker::project::{Composed, unsorted};

pub(super) fn config(owner: &Owner, composed: &Composed) -> HostConfig {
    let service = &composed.service;
    let (binds, mounts, tmpfs) = mounts(composed);
    let mut config = HostConfig {
        binds: some(binds),
        mounts: some(mounts),
        tmpfs: Some(tmpfs).filter(|it| !it.is_empty()),
        port_bindings: ports(service),
        network_mode: network_mode(owner, composed),
        restart_policy: service.restart.map(restart),
        log_config: service.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: logging.driver.clone(),
            config: unsorted(&logging.options),
        }),
        annotations: unsorted(&service.annotations),
        cap_add: some(service.cap_add.clone()),
        cap_drop: some(service.cap_drop.clone()),
        cgroupns_mode: service.cgroup.as_deref().and_then(|mode| match mode {
            "host" => Some(HostConfigCgroupnsModeEnum::HOST),
            "private" => Some(HostConfigCgroupnsModeEnum::PRIVATE),
            _ => None,
        }),
        cgroup_parent: service.cgroup_parent.clone(),
        dns: some(service.dns.clone()),
        dns_options: some(service.dns_opt.clone()),
        dns_search: some(service.dns_search.clone()),
        extra_hosts: some(hosts(service)),
        group_add: some(service.group_add.clone()),
        ipc_mode: shared(owner, composed, service.ipc.as_deref()),
        pid_mode: shared(owner, composed, service.pid.as_deref()),
        uts_mode: service.uts.clone(),
        userns_mode: service.userns_mode.clone(),
        privileged: Some(service.privileged),
        readonly_rootfs: Some(service.read_only),
        security_opt: some(service.security_opt.clone()),
        storage_opt: unsorted(&service.storage_opt),
        shm_size: service.shm_size.map(signed),
        sysctls: unsorted(&service.sysctls),
        runtime: service.runtime.clone(),
        init: service.init,
        ulimits: some(
            service
                .ulimits
                .iter()
                .map(|(name, limit)| ResourcesUlimits {
                    name: Some(name.clone()),
                    soft: Some(limit.soft),
                    hard: Some(limit.hard),
                })
                .collect(),
        ),
        devices: some(
            service
                .devices
                .iter()
                .map(|device| DeviceMapping {
                    path_on_host: Some(device.source.clone()),
                    path_in_container: Some(device.target.clone()),
                    cgroup_permissions: Some(device.permissions.clone()),
                })
                .collect(),
        ),
        device_cgroup_rules: some(service.device_cgroup_rules.clone()),
        ..HostConfig::default()
    };
    limit(&mut config, &service.resources);
    config
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn limit(config: &mut HostConfig, resources: &Resources) {
    config.nano_cpus = resources.limits.nano_cpus.map(signed);
    config.memory = resources.limits.memory.map(signed);
    config.pids_limit = resources.limits.pids;
    config.memory_reservation = resources.reservations.memory.map(signed);
    config.memory_swap = resources.memory_swap;
    config.memory_swappiness = resources.memory_swappiness.map(i64::from);
    config.oom_kill_disable = Some(resources.oom_kill_disable).filter(|it| *it);
    config.oom_score_adj = resources.oom_score_adj.map(i64::from);
    config.cpu_shares = resources.cpu_shares.map(signed);
    config.cpu_period = resources.cpu_period.map(signed);
    config.cpu_quota = resources.cpu_quota;
    config.cpu_realtime_period = resources.cpu_rt_period.map(signed);
    config.cpu_realtime_runtime = resources.cpu_rt_runtime.map(signed);
    config.cpuset_cpus.clone_from(&resources.cpuset);
    config.blkio_weight = resources.blkio_weight;
    config.blkio_weight_device = some(
        resources
            .blkio_weight_device
            .iter()
            .map(|device| ResourcesBlkioWeightDevice {
                path: Some(device.path.clone()),
                weight: usize::try_from(device.value).ok(),
            })
            .collect(),
    );
    let throttle = |devices: &[BlockLimit]| {
        some(
            devices
                .iter()
                .map(|device| ThrottleDevice {
                    path: Some(device.path.clone()),
                    rate: Some(signed(device.value)),
                })
                .collect(),
        )
    };
    config.blkio_device_read_bps = throttle(&resources.device_read_bps);
    config.blkio_device_read_iops = throttle(&resources.device_read_iops);
    config.blkio_device_write_bps = throttle(&resources.device_write_bps);
    config.blkio_device_write_iops = throttle(&resources.device_write_iops);
}

fn restart(restart: Restart) -> RestartPolicy {
    let (name, count) = match restart {
        Restart::No => (RestartPolicyNameEnum::NO, 0),
        Restart::Always => (RestartPolicyNameEnum::ALWAYS, 0),
        Restart::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, 0),
        Restart::OnFailure(count) => (RestartPolicyNameEnum::ON_FAILURE, count),
    };
    RestartPolicy {
        name: Some(name),
        maximum_retry_count: Some(i64::from(count)),
    }
}

fn hosts(service: &Service) -> Vec<String> {
    let all = service.extra_hosts.iter();
    all.flat_map(|(name, addresses)| {
        addresses
            .iter()
            .map(move |address| format!("{name}:{address}"))
    })
    .collect()
}

fn ports(service: &Service) -> Option<PortMap> {
    let mut map: PortMap = HashMap::new();
    for port in &service.ports {
        let key = format!("{}/{}", port.target, port.protocol.as_str());
        let bindings = map.entry(key).or_default().get_or_insert_default();
        bindings.push(PortBinding {
            host_ip: port.host_ip.clone(),
            host_port: port.published.map(|range| range.to_string()),
        });
    }
    Some(map).filter(|map| !map.is_empty())
}

/// The name of the container that another service of the project has.
fn container_of(owner: &Owner, composed: &Composed, service: &str) -> String {
    let other = composed.project.services.get(service);
    other
        .and_then(|other| other.container_name.clone())
        .unwrap_or_else(|| owner.container_name(service))
}

fn network_mode(owner: &Owner, composed: &Composed) -> Option<String> {
    match &composed.service.network_mode {
        Some(NetworkMode::None) => Some("none".to_owned()),
        Some(NetworkMode::Host) => Some("host".to_owned()),
        Some(NetworkMode::Bridge) => Some("bridge".to_owned()),
        Some(NetworkMode::Container(id)) => Some(format!("container:{id}")),
        Some(NetworkMode::Service(service)) => {
            let container = container_of(owner, composed, service);
            Some(format!("container:{container}"))
        }
        None => {
            let (network, _) = composed.networks().into_iter().next()?;
            Some(network.name.clone())
        }
    }
}

/// A namespace that may be another service's.
fn shared(owner: &Owner, composed: &Composed, mode: Option<&str>) -> Option<String> {
    let mode = mode?;
    Some(match mode.strip_prefix("service:") {
        Some(service) => format!("container:{}", container_of(owner, composed, service)),
        None => mode.to_owned(),
    })
}

type Mounts = (Vec<String>, Vec<Mount>, HashMap<String, String>);

/// Mounts in the three forms that the API has: only the oldest makes a missing directory in every version.
fn mounts(composed: &Composed) -> Mounts {
    let (mut binds, mut mounts, mut tmpfs) = Mounts::default();
    for mount in &composed.service.mounts {
        let plain = Mount {
            target: Some(mount.target.clone()),
            read_only: Some(mount.read_only),
            ..Mount::default()
        };
        match &mount.kind {
            MountKind::Bind(bind) if as_line(bind) => {
                binds.push(line(bind, &mount.target, mount.read_only));
            }
            MountKind::Bind(bind) => mounts.push(Mount {
                typ: Some(MountType::BIND),
                source: Some(bind.source.clone()),
                bind_options: Some(bind_options(bind)),
                ..plain
            }),
            MountKind::Volume {
                source,
                nocopy,
                subpath,
            } => {
                let volume = source
                    .as_ref()
                    .and_then(|it| composed.project.volumes.get(it));
                mounts.push(Mount {
                    typ: Some(MountType::VOLUME),
                    source: volume.map(|volume| volume.name.clone()),
                    volume_options: Some(MountVolumeOptions {
                        no_copy: Some(*nocopy),
                        subpath: subpath.clone(),
                        ..MountVolumeOptions::default()
                    }),
                    ..plain
                });
            }
            MountKind::Tmpfs(Tmpfs {
                options: Some(options),
                ..
            }) => {
                tmpfs.insert(mount.target.clone(), options.clone());
            }
            MountKind::Tmpfs(Tmpfs { size, mode, .. }) => mounts.push(Mount {
                typ: Some(MountType::TMPFS),
                tmpfs_options: Some(MountTmpfsOptions {
                    size_bytes: size.map(signed),
                    mode: mode.map(i64::from),
                    options: None,
                }),
                ..plain
            }),
        }
    }
    (binds, mounts, tmpfs)
}

/// Whether a bind mount is written as `SOURCE:TARGET:OPTIONS`.
fn as_line(bind: &Bind) -> bool {
    let wants = bind.create_host_path || bind.selinux.is_some();
    wants && bind.recursive.is_none() && !bind.source.contains(':')
}

fn line(bind: &Bind, target: &str, read_only: bool) -> String {
    let mut options = vec![if read_only { "ro" } else { "rw" }];
    options.extend(bind.selinux.as_deref());
    if let Some(propagation) = bind.propagation {
        options.push(propagation_name(propagation));
    }
    format!("{}:{target}:{}", bind.source, options.join(","))
}

fn bind_options(bind: &Bind) -> MountBindOptions {
    let recursive = bind.recursive.as_deref();
    MountBindOptions {
        propagation: bind.propagation.map(|propagation| match propagation {
            Propagation::Private => MountBindOptionsPropagationEnum::PRIVATE,
            Propagation::Rprivate => MountBindOptionsPropagationEnum::RPRIVATE,
            Propagation::Shared => MountBindOptionsPropagationEnum::SHARED,
            Propagation::Rshared => MountBindOptionsPropagationEnum::RSHARED,
            Propagation::Slave => MountBindOptionsPropagationEnum::SLAVE,
            Propagation::Rslave => MountBindOptionsPropagationEnum::RSLAVE,
        }),
        non_recursive: (recursive == Some("disabled")).then_some(true),
        create_mountpoint: bind.create_host_path.then_some(true),
        read_only_non_recursive: (recursive == Some("writable")).then_some(true),
        read_only_force_recursive: (recursive == Some("readonly")).then_some(true),
    }
}

fn propagation_name(propagation: Propagation) -> &'static str {
    match propagation {
        Propagation::Private => "private",
        Propagation::Rprivate => "rprivate",
        Propagation::Shared => "shared",
        Propagation::Rshared => "rshared",
        Propagation::Slave => "slave",
        Propagation::Rslave => "rslave",
    }
}
