//! Reading the scope of a `docker` grant.
//!
//! **Invariant:** no text that a grant is made of can be read in two ways: names have no `:`, and what stands between parentheses has none itself.

use super::{
    ContainerVerb, DockerScope, ImageVerb, Namespace, NetworkVerb, VolumeVerb,
    is_kernel_capability, is_plain_path, is_plain_word,
};
use crate::grant::GrantError;
use crate::grant::image::is_image_pattern;
use crate::grant::parse::split_verbs;

const FORM: &str = "it is `engine:version`, or `container/NAME:VERB+VERB`, and the same for `image`, `network` and `volume`";

/// Reads what stands after `docker=`.
pub(in crate::grant) fn scope(
    scope: &str,
    malformed: impl Fn(&'static str) -> GrantError,
) -> Result<DockerScope, GrantError> {
    if scope == "engine:version" {
        return Ok(DockerScope::Engine);
    }
    let (kind, rest) = scope.split_once('/').ok_or_else(|| malformed(FORM))?;
    if kind == "image" {
        // Its name may have a colon itself; its verbs have none.
        let (name, verbs) = rest.rsplit_once(':').ok_or_else(|| malformed(FORM))?;
        if !is_image_pattern(name) {
            return Err(malformed(
                "an image is named as for `docker pull`, with `*` as a wildcard",
            ));
        }
        let verbs = verbs.split('+').map(image_verb).collect::<Result<_, _>>()?;
        return Ok(DockerScope::Images(name.to_owned(), verbs));
    }
    let (name, verbs) = rest.split_once(':').ok_or_else(|| malformed(FORM))?;
    let known = |c: char| c.is_ascii_alphanumeric() || "_.-*".contains(c);
    if name.is_empty() || !name.chars().all(known) {
        return Err(malformed(
            "a name has letters, digits, `_`, `.`, `-`, and `*` as a wildcard",
        ));
    }
    let name = name.to_owned();
    let verbs = split_verbs(verbs).into_iter();
    Ok(match kind {
        "container" => {
            DockerScope::Containers(name, verbs.map(container_verb).collect::<Result<_, _>>()?)
        }
        "network" => {
            DockerScope::Networks(name, verbs.map(network_verb).collect::<Result<_, _>>()?)
        }
        "volume" => DockerScope::Volumes(name, verbs.map(volume_verb).collect::<Result<_, _>>()?),
        _ => return Err(malformed(FORM)),
    })
}

fn container_verb(text: &str) -> Result<ContainerVerb, GrantError> {
    use ContainerVerb as Verb;
    let known = match text {
        "inspect" => Some(Verb::Inspect),
        "logs" => Some(Verb::Logs),
        "stop" => Some(Verb::Stop),
        "remove" => Some(Verb::Remove),
        "socket" => Some(Verb::Socket),
        "privileged" => Some(Verb::Privileged),
        "host-network" => Some(Verb::Host(Namespace::Network)),
        "host-pid" => Some(Verb::Host(Namespace::Pid)),
        "host-ipc" => Some(Verb::Host(Namespace::Ipc)),
        "host-uts" => Some(Verb::Host(Namespace::Uts)),
        "host-user" => Some(Verb::Host(Namespace::User)),
        "host-cgroup" => Some(Verb::Host(Namespace::Cgroup)),
        other => with_word(other),
    };
    known.ok_or_else(|| GrantError::UnknownVerb {
        capability: "docker",
        verb: text.to_owned(),
        known: "`inspect`, `logs`, `exec(PROGRAM)`, `run(IMAGE)`, `start(IMAGE)`, `stop` and `remove` for a container, and to open its bounds `bind(/PATH)`, `bind-read-only(/PATH)`, `socket`, `privileged`, `capability(NAME)` and `host-network`, `host-pid`, `host-ipc`, `host-uts`, `host-user`, `host-cgroup`",
    })
}

/// A verb with a word between parentheses.
fn with_word(text: &str) -> Option<ContainerVerb> {
    use ContainerVerb as Verb;
    let (verb, word) = text.strip_suffix(')')?.split_once('(')?;
    let owned = || word.to_owned();
    match verb {
        "exec" if is_plain_word(word) => Some(Verb::Exec(owned())),
        "run" if is_image_pattern(word) => Some(Verb::Run(owned())),
        "start" if is_image_pattern(word) => Some(Verb::Start(owned())),
        "bind" if is_plain_path(word) => Some(Verb::Bind(owned())),
        "bind-read-only" if is_plain_path(word) => Some(Verb::BindReadOnly(owned())),
        "capability" if is_kernel_capability(word) => Some(Verb::Capability(owned())),
        _ => None,
    }
}

fn image_verb(text: &str) -> Result<ImageVerb, GrantError> {
    match text {
        "inspect" => Ok(ImageVerb::Inspect),
        "pull" => Ok(ImageVerb::Pull),
        "remove" => Ok(ImageVerb::Remove),
        other => Err(GrantError::UnknownVerb {
            capability: "docker",
            verb: other.to_owned(),
            known: "`inspect`, `pull` and `remove` for an image",
        }),
    }
}

fn network_verb(text: &str) -> Result<NetworkVerb, GrantError> {
    match text {
        "inspect" => Ok(NetworkVerb::Inspect),
        "create" => Ok(NetworkVerb::Create),
        "remove" => Ok(NetworkVerb::Remove),
        "join" => Ok(NetworkVerb::Join),
        other => Err(GrantError::UnknownVerb {
            capability: "docker",
            verb: other.to_owned(),
            known: "`inspect`, `create`, `remove` and `join` for a network",
        }),
    }
}

fn volume_verb(text: &str) -> Result<VolumeVerb, GrantError> {
    match text {
        "inspect" => Ok(VolumeVerb::Inspect),
        "create" => Ok(VolumeVerb::Create),
        "remove" => Ok(VolumeVerb::Remove),
        "mount" => Ok(VolumeVerb::Mount),
        "mount-read-only" => Ok(VolumeVerb::MountReadOnly),
        other => Err(GrantError::UnknownVerb {
            capability: "docker",
            verb: other.to_owned(),
            known: "`inspect`, `create`, `remove`, `mount` and `mount-read-only` for a volume",
        }),
    }
}
