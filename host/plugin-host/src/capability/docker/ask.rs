//! What a call asks for: checked, put into the engine's words, and into everything that has to be granted for it.

use std::collections::BTreeMap;

use chora_engine::docker::one_off::{self, Mounted, Privileges};
use chora_model::grant::{
    ContainerVerb, DockerAccess, Namespace, NetworkVerb, VolumeVerb, complete_image,
    is_kernel_capability,
};

use super::path::Places;
use crate::bindings::imports::chora::bootstrap::docker::{
    Error, HostNamespaces, OneOff, VolumeMount,
};
use crate::call::CallState;

/// How much memory a container may use when the guest does not say.
const MEMORY: u64 = 1 << 30;
/// The least that engines take.
const LEAST_MEMORY: u64 = 6 << 20;
/// The most networks, volumes and binds of one container, each.
const MOST: usize = 32;
/// The longest name, in characters.
const LONGEST: usize = 128;
/// What engines mean by these is no network of anybody.
const NO_NETWORKS: [&str; 3] = ["host", "none", "default"];

/// A container that is asked for, with what it needs besides its own verb.
pub(super) struct Asked {
    pub(super) one: one_off::OneOff,
    places: Places,
}

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

/// Refuses what is no name on an engine.
pub(super) fn name_of(kind: &str, name: &str) -> Result<(), Error> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && (2..=LONGEST).contains(&name.len()) && name.chars().all(known) {
        return Ok(());
    }
    Err(invalid(format!(
        "the name of the {kind} is none: it has 2 to {LONGEST} letters, digits, `_`, `.` and `-`, and begins with a letter or digit"
    )))
}

/// The whole name of an image.
pub(super) fn image_name(reference: &str) -> Result<String, Error> {
    complete_image(reference).ok_or_else(|| {
        invalid("the name of the image is none, or an id: it is written as for `docker pull`")
    })
}

/// Refuses words that no program can be given.
pub(super) fn words(what: &str, words: &[String]) -> Result<(), Error> {
    if words.iter().any(|word| word.contains('\0')) {
        return Err(invalid(format!("{what} has a zero byte")));
    }
    Ok(())
}

/// Refuses a text with characters that would break a line.
fn line(what: &str, text: &str) -> Result<(), Error> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(invalid(format!(
            "{what} is empty, or has control characters"
        )));
    }
    Ok(())
}

/// Refuses what is no place in a container.
fn target(target: &str) -> Result<(), Error> {
    line("a target", target)?;
    let part = |part: &str| !matches!(part, "" | "." | "..");
    match target.strip_prefix('/') {
        Some(rest) if rest.split('/').all(part) => Ok(()),
        Some(_) | None => Err(invalid(format!(
            "the target `{target}` is no absolute path below `/` in one spelling"
        ))),
    }
}

fn environment(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Error> {
    let mut variables = BTreeMap::new();
    for (name, value) in pairs {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(invalid(
                "a variable of the environment has no proper name, or a zero byte",
            ));
        }
        if variables.insert(name, value).is_some() {
            return Err(invalid("a variable of the environment is there twice"));
        }
    }
    Ok(variables)
}

fn networks(names: &[String], host: HostNamespaces) -> Result<(), Error> {
    if !names.is_empty() && host.contains(HostNamespaces::NETWORK) {
        return Err(invalid(
            "a container in the machine's network joins no other",
        ));
    }
    for (at, name) in names.iter().enumerate() {
        name_of("network", name)?;
        if NO_NETWORKS.contains(&name.as_str()) {
            return Err(invalid(format!(
                "`{name}` is no network: `bridge` is the engine's own, an empty list means none, and the machine's is the flag `network` of `host`"
            )));
        }
        if names.iter().skip(at + 1).any(|other| other == name) {
            return Err(invalid(format!("the network `{name}` is there twice")));
        }
    }
    Ok(())
}

fn volumes(mounts: Vec<VolumeMount>) -> Result<Vec<Mounted>, Error> {
    let checked = mounts.into_iter().map(|mount| {
        name_of("volume", &mount.volume)?;
        target(&mount.target)?;
        Ok(Mounted {
            volume: mount.volume,
            target: mount.target,
            read_only: mount.read_only,
        })
    });
    checked.collect()
}

fn privileges(one: &OneOff) -> Result<Privileges, Error> {
    let mut capabilities = one.capabilities.clone();
    capabilities.sort();
    capabilities.dedup();
    if let Some(wrong) = capabilities.iter().find(|name| !is_kernel_capability(name)) {
        let shown = crate::output::clean_line(wrong, LONGEST);
        return Err(invalid(format!(
            "`{shown}` is no capability: it is written like `NET_ADMIN`"
        )));
    }
    let has = |flag| one.host.contains(flag);
    Ok(Privileges {
        privileged: one.privileged,
        capabilities,
        host: one_off::HostNamespaces {
            network: has(HostNamespaces::NETWORK),
            pid: has(HostNamespaces::PID),
            ipc: has(HostNamespaces::IPC),
            uts: has(HostNamespaces::UTS),
            user: has(HostNamespaces::USER),
            cgroup: has(HostNamespaces::CGROUP),
        },
    })
}

impl CallState {
    /// Checks what a guest asks for. Paths of the machine are looked at only where they are granted as they are written.
    pub(super) async fn asked(&mut self, one: OneOff) -> Result<Asked, Error> {
        name_of("container", &one.name)?;
        let services = self.scene.iter().flat_map(|scene| &scene.config.services);
        // Containers find each other by name, so that one with a service's name would speak for it.
        if services
            .into_iter()
            .any(|service| service.name.eq_ignore_ascii_case(&one.name))
        {
            return Err(invalid(format!(
                "`{}` is the name of a service; choose another for the container",
                one.name
            )));
        }
        let image = image_name(&one.image)?;
        if [one.networks.len(), one.volumes.len(), one.binds.len()]
            .iter()
            .any(|count| *count > MOST)
        {
            return Err(invalid(format!(
                "a container has at most {MOST} networks, {MOST} volumes and {MOST} binds"
            )));
        }
        words("the command", &one.command)?;
        words(
            "the entrypoint",
            one.entrypoint.as_deref().unwrap_or_default(),
        )?;
        if let Some(user) = &one.user {
            line("the user", user)?;
        }
        if let Some(directory) = &one.working_directory {
            line("the working directory", directory)?;
            if !directory.starts_with('/') {
                return Err(invalid("the working directory is no absolute path"));
            }
        }
        let memory = one.memory.unwrap_or(MEMORY);
        if memory < LEAST_MEMORY {
            return Err(invalid("a container has at least 6 MiB of memory"));
        }
        networks(&one.networks, one.host)?;
        let privileges = privileges(&one)?;
        let volumes = volumes(one.volumes)?;
        one.binds.iter().try_for_each(|bind| target(&bind.target))?;
        let mut targets: Vec<&str> = volumes.iter().map(|it| it.target.as_str()).collect();
        targets.extend(one.binds.iter().map(|bind| bind.target.as_str()));
        targets.sort_unstable();
        let all = targets.len();
        targets.dedup();
        if targets.len() != all {
            return Err(invalid("two mounts have the same target"));
        }
        let places = self.places(&one.name, &one.binds).await?;
        Ok(Asked {
            one: one_off::OneOff {
                plugin: self.plugin(),
                image,
                entrypoint: one.entrypoint,
                command: one.command,
                environment: environment(one.environment)?,
                user: one.user,
                working_directory: one.working_directory,
                read_only: one.read_only,
                memory,
                networks: one.networks,
                volumes,
                binds: places.binds.clone(),
                privileges,
                name: one.name,
            },
            places,
        })
    }
}

impl Asked {
    /// Everything that has to be granted, the verb itself first.
    pub(super) fn accesses(&self, verb: ContainerVerb) -> Vec<DockerAccess<'_>> {
        let one = &self.one;
        let privileges = &one.privileges;
        let mut verbs = vec![verb];
        verbs.extend(self.places.verbs.iter().cloned());
        if privileges.privileged {
            verbs.push(ContainerVerb::Privileged);
        }
        let capabilities = privileges.capabilities.iter();
        verbs.extend(capabilities.map(|name| ContainerVerb::Capability(name.clone())));
        let host = privileges.host;
        let shared = [
            (host.network, Namespace::Network),
            (host.pid, Namespace::Pid),
            (host.ipc, Namespace::Ipc),
            (host.uts, Namespace::Uts),
            (host.user, Namespace::User),
            (host.cgroup, Namespace::Cgroup),
        ];
        let shared = shared.into_iter().filter(|(is, _)| *is);
        verbs.extend(shared.map(|(_, namespace)| ContainerVerb::Host(namespace)));
        let on_container = verbs
            .into_iter()
            .map(|verb| DockerAccess::Container(&one.name, verb));
        let on_networks = one
            .networks
            .iter()
            .map(|name| DockerAccess::Network(name, NetworkVerb::Join));
        let on_volumes = one.volumes.iter().map(|mounted| {
            let verb = if mounted.read_only {
                VolumeVerb::MountReadOnly
            } else {
                VolumeVerb::Mount
            };
            DockerAccess::Volume(&mounted.volume, verb)
        });
        on_container.chain(on_networks).chain(on_volumes).collect()
    }
}
