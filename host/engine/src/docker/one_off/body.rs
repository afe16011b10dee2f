//! The request for a one-off container: closed in every way that was not asked for.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig, Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountType,
    NetworkingConfig,
};

use crate::docker::labels::{self, ONE_OFF, Owner, PLUGIN};

use super::find::Purpose;
use super::request::OneOff;

/// The most processes that it may have at once.
const PIDS: i64 = 512;

/// A network that a container joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Joined {
    /// The engine's own bridge.
    Bridge,
    /// One of this environment, by its id: a name could mean something else to the engine.
    Ours(String),
}

/// What the engine is asked for. Only the first network goes in; older engines take no more.
pub(super) fn request(
    owner: &Owner,
    one: &OneOff,
    first: Option<&Joined>,
    purpose: Purpose,
    stdin: bool,
) -> ContainerCreateBody {
    let mut all: HashMap<String, String> = HashMap::from([
        (PLUGIN.to_owned(), one.plugin.clone()),
        (ONE_OFF.to_owned(), purpose.word().to_owned()),
        (labels::DEFINITION.to_owned(), one.digest()),
    ]);
    all.extend(owner.labels().map(|(name, value)| (name.to_owned(), value)));
    let environment = one.environment.iter();
    ContainerCreateBody {
        image: Some(one.image.clone()),
        // An empty list would leave the image's; one empty word is Docker's way to say none.
        entrypoint: one.entrypoint.clone().map(|words| {
            if words.is_empty() {
                vec![String::new()]
            } else {
                words
            }
        }),
        cmd: Some(one.command.clone()).filter(|words| !words.is_empty()),
        env: Some(
            environment
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ),
        user: one.user.clone(),
        working_dir: one.working_directory.clone(),
        open_stdin: Some(stdin),
        stdin_once: Some(stdin),
        attach_stdin: Some(stdin),
        attach_stdout: Some(purpose == Purpose::Run),
        attach_stderr: Some(purpose == Purpose::Run),
        labels: Some(all),
        networking_config: endpoint(first),
        host_config: Some(host(one, first, purpose)),
        ..ContainerCreateBody::default()
    }
}

fn endpoint(first: Option<&Joined>) -> Option<NetworkingConfig> {
    let Some(Joined::Ours(id)) = first else {
        return None;
    };
    let endpoints = HashMap::from([(id.clone(), EndpointSettings::default())]);
    Some(NetworkingConfig {
        endpoints_config: Some(endpoints),
    })
}

fn host(one: &OneOff, first: Option<&Joined>, purpose: Purpose) -> HostConfig {
    let privileges = &one.privileges;
    let shared = |is: bool| is.then(|| "host".to_owned());
    let closed = !privileges.privileged;
    let memory = i64::try_from(one.memory).unwrap_or(i64::MAX);
    let network = match first {
        _ if privileges.host.network => "host",
        None => "none",
        Some(Joined::Bridge) => "bridge",
        Some(Joined::Ours(id)) => id,
    };
    HostConfig {
        mounts: Some(mounts(one)).filter(|all| !all.is_empty()),
        network_mode: Some(network.to_owned()),
        privileged: Some(privileges.privileged),
        cap_drop: closed.then(|| vec!["ALL".to_owned()]),
        cap_add: Some(privileges.capabilities.clone()).filter(|all| closed && !all.is_empty()),
        security_opt: closed.then(|| vec!["no-new-privileges:true".to_owned()]),
        readonly_rootfs: Some(one.read_only),
        pid_mode: shared(privileges.host.pid),
        ipc_mode: Some(
            if privileges.host.ipc {
                "host"
            } else {
                "private"
            }
            .to_owned(),
        ),
        uts_mode: shared(privileges.host.uts),
        userns_mode: shared(privileges.host.user),
        cgroupns_mode: Some(if privileges.host.cgroup {
            HostConfigCgroupnsModeEnum::HOST
        } else {
            HostConfigCgroupnsModeEnum::PRIVATE
        }),
        memory: Some(memory),
        // No swap besides.
        memory_swap: Some(memory),
        pids_limit: Some(PIDS),
        // What a run prints is captured as it comes, and not kept on the engine's disk as well.
        log_config: (purpose == Purpose::Run).then(|| HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        ..HostConfig::default()
    }
}

fn mounts(one: &OneOff) -> Vec<Mount> {
    let volumes = one.volumes.iter().map(|mounted| Mount {
        typ: Some(MountType::VOLUME),
        source: Some(mounted.volume.clone()),
        target: Some(mounted.target.clone()),
        read_only: Some(mounted.read_only),
        ..Mount::default()
    });
    let binds = one.binds.iter().map(|bind| Mount {
        typ: Some(MountType::BIND),
        source: Some(bind.source.clone()),
        target: Some(bind.target.clone()),
        read_only: Some(bind.read_only),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            // Older engines make only the topmost of nested mounts read-only.
            non_recursive: bind.read_only.then_some(true),
            ..MountBindOptions::default()
        }),
        ..Mount::default()
    });
    volumes.chain(binds).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chora_model::layout::Layout;

    use super::*;
    use crate::docker::one_off::request::{Bind, HostNamespaces, Privileges};

    fn host_of(one: &OneOff, first: Option<&Joined>) -> HostConfig {
        let owner = Owner::of(&Layout::new(Path::new("/a/shop"), "dev", true), None);
        let body = request(&owner, one, first, Purpose::Run, false);
        assert!(owner.owns(body.labels.as_ref().unwrap()));
        body.host_config.unwrap()
    }

    #[test]
    fn what_was_not_asked_for_is_closed() {
        let host = host_of(&OneOff::default(), None);
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!(host.privileged, Some(false));
        assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
        assert_eq!(host.cap_add, None);
        assert_eq!(host.security_opt.unwrap(), ["no-new-privileges:true"]);
        assert_eq!(
            (host.pid_mode, host.uts_mode, host.userns_mode),
            (None, None, None)
        );
        assert_eq!(host.ipc_mode.as_deref(), Some("private"));
        assert_eq!(
            host.cgroupns_mode,
            Some(HostConfigCgroupnsModeEnum::PRIVATE)
        );
        assert_eq!((host.mounts, host.binds, host.devices), (None, None, None));
        assert!(host.pids_limit.unwrap() > 0);
    }

    #[test]
    fn each_bound_is_opened_by_itself() {
        let one = OneOff {
            privileges: Privileges {
                capabilities: vec!["NET_ADMIN".to_owned()],
                host: HostNamespaces {
                    pid: true,
                    ..HostNamespaces::default()
                },
                ..Privileges::default()
            },
            ..OneOff::default()
        };
        let host = host_of(&one, Some(&Joined::Ours("abc".to_owned())));
        assert_eq!(host.pid_mode.as_deref(), Some("host"));
        assert_eq!(host.network_mode.as_deref(), Some("abc"));
        assert_eq!(host.ipc_mode.as_deref(), Some("private"));
        assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
        assert_eq!(host.cap_add.unwrap(), ["NET_ADMIN"]);
    }

    #[test]
    fn a_path_that_may_only_be_read_hides_what_is_mounted_below_it() {
        let bind = |read_only| OneOff {
            binds: vec![Bind {
                source: "/srv".to_owned(),
                target: "/a".to_owned(),
                read_only,
            }],
            ..OneOff::default()
        };
        let options = |one: &OneOff| {
            let mounts = host_of(one, None).mounts.unwrap();
            mounts[0].bind_options.clone().unwrap().non_recursive
        };
        assert_eq!(options(&bind(true)), Some(true));
        assert_eq!(options(&bind(false)), None);
    }
}
