//! What the calls are made with.

use chora_plugin::docker::{BindMount, HostNamespaces, OneOff, VolumeMount};
use chora_plugin::{Error, settings};
use serde::Deserialize;

/// The setting `arguments`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Arguments {
    /// For `services` and `health`.
    pub(crate) service: String,
    /// For `services.exec`, and `docker`.
    pub(crate) command: Vec<String>,
    /// For `credentials`.
    pub(crate) credential: String,
    /// For `http`.
    pub(crate) url: String,
    /// For `http`, in place of `GET` or `POST`.
    pub(crate) method: Option<String>,
    /// For `http`.
    pub(crate) headers: Vec<(String, String)>,
    /// For `http`: send this credential along.
    pub(crate) bearer: Option<String>,
    /// For `tcp`.
    pub(crate) host: String,
    /// For `tcp` and `machine.port`.
    pub(crate) port: u16,
    /// For `docker`: the container's name.
    pub(crate) container: String,
    /// For `docker`.
    pub(crate) image: String,
    /// For `docker`.
    pub(crate) network: String,
    /// For `docker`.
    pub(crate) volume: String,
    /// For `docker.run` and `docker.exec`.
    pub(crate) stdin: Option<String>,
    /// For `docker`, in milliseconds.
    #[serde(default = "patience")]
    pub(crate) timeout: u64,
    /// For `docker.run` and `docker.start`: what is asked for besides.
    pub(crate) more: More,
}

/// What a container is asked to have besides image and command.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct More {
    entrypoint: Option<Vec<String>>,
    environment: Vec<(String, String)>,
    user: Option<String>,
    working_directory: Option<String>,
    read_only: bool,
    memory: Option<u64>,
    networks: Vec<String>,
    /// Volume, target, and whether it may only be read.
    volumes: Vec<(String, String, bool)>,
    /// Source, target, and whether it may only be read.
    binds: Vec<(String, String, bool)>,
    capabilities: Vec<String>,
    privileged: bool,
    /// Names of the flags.
    host: Vec<String>,
}

fn patience() -> u64 {
    60_000
}

impl Arguments {
    pub(crate) fn read() -> Result<Self, Error> {
        Ok(settings::read("arguments")?.unwrap_or_default())
    }

    /// The container that is asked for.
    pub(crate) fn one_off(&self) -> OneOff {
        let more = &self.more;
        let flags = more.host.iter().map(|name| match name.as_str() {
            "network" => HostNamespaces::NETWORK,
            "pid" => HostNamespaces::PID,
            "ipc" => HostNamespaces::IPC,
            "uts" => HostNamespaces::UTS,
            "user" => HostNamespaces::USER,
            "cgroup" => HostNamespaces::CGROUP,
            _ => HostNamespaces::empty(),
        });
        let volumes = more.volumes.iter().cloned();
        let binds = more.binds.iter().cloned();
        OneOff {
            name: self.container.clone(),
            image: self.image.clone(),
            entrypoint: more.entrypoint.clone(),
            command: self.command.clone(),
            environment: more.environment.clone(),
            user: more.user.clone(),
            working_directory: more.working_directory.clone(),
            read_only: more.read_only,
            memory: more.memory,
            networks: more.networks.clone(),
            volumes: volumes
                .map(|(volume, target, read_only)| VolumeMount {
                    volume,
                    target,
                    read_only,
                })
                .collect(),
            binds: binds
                .map(|(source, target, read_only)| BindMount {
                    source,
                    target,
                    read_only,
                })
                .collect(),
            capabilities: more.capabilities.clone(),
            privileged: more.privileged,
            host: flags.fold(HostNamespaces::empty(), |all, one| all | one),
        }
    }
}
