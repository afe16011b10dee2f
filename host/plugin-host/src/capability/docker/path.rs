//! Paths of the machine that a container is to see: which grants they need as they are written, and as the links in them lead.
//!
//! **Invariant:** a path is looked at only when it is granted as it is written, so that a denial tells nothing of the machine.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use chora_engine::docker::one_off::Bind;
use chora_model::grant::{Access, ContainerVerb, DockerAccess, is_plain_path};

use crate::bindings::imports::chora::bootstrap::docker::{BindMount, Error};
use crate::call::CallState;
use crate::output::clean_line;

/// Where engines usually listen, besides the one that is spoken to.
const SOCKETS: [&str; 7] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "/var/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/var/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
];
/// The same, below the directory that a user's own programs have for it.
const USERS_SOCKETS: [&str; 2] = ["docker.sock", "podman/podman.sock"];

/// What binds come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The binds, without links in their sources where those were looked at.
    pub(super) binds: Vec<Bind>,
    /// What has to be granted for them.
    pub(super) verbs: Vec<ContainerVerb>,
}

fn verb(path: &str, read_only: bool) -> ContainerVerb {
    if read_only {
        ContainerVerb::BindReadOnly(path.to_owned())
    } else {
        ContainerVerb::Bind(path.to_owned())
    }
}

impl CallState {
    /// What the binds of a container need.
    pub(super) async fn places(
        &mut self,
        container: &str,
        binds: &[BindMount],
    ) -> Result<Places, Error> {
        if binds.is_empty() {
            return Ok(Places::default());
        }
        for bind in binds {
            if !is_plain_path(&bind.source) {
                let shown = clean_line(&bind.source, 200);
                return Err(Error::Invalid(format!(
                    "the path `{shown}` cannot be granted: it is absolute, in one spelling, and without parentheses and control characters"
                )));
            }
        }
        let endpoint = self.scene.as_ref().map(|scene| scene.docker().endpoint());
        let Some(socket) = endpoint.and_then(|endpoint| endpoint.socket_path()) else {
            return Err(Error::Invalid(
                "paths are bound only with an engine on this machine".to_owned(),
            ));
        };
        let is_granted = |bind: &BindMount| {
            let verb = verb(&bind.source, bind.read_only);
            self.is_granted(&Access::Docker(DockerAccess::Container(container, verb)))
        };
        let may_look = binds.iter().all(is_granted);
        let (binds, socket) = (binds.to_vec(), socket.to_owned());
        let looking = tokio::task::spawn_blocking(move || {
            let sockets = Sockets::known(&socket);
            let mut places = Places::default();
            for bind in &binds {
                places.add(bind, &sockets, may_look)?;
            }
            Ok(places)
        });
        looking
            .await
            .unwrap_or_else(|error| Err(Error::Other(error.to_string())))
    }
}

impl Places {
    fn add(&mut self, bind: &BindMount, sockets: &Sockets, may_look: bool) -> Result<(), Error> {
        let written = Path::new(&bind.source);
        self.need(verb(&bind.source, bind.read_only));
        if sockets.are_in(written) {
            self.need(ContainerVerb::Socket);
        }
        let mut source = bind.source.clone();
        if may_look {
            let real = std::fs::canonicalize(written).map_err(|error| unusable(bind, &error))?;
            let Some(path) = real.to_str().filter(|path| is_plain_path(path)) else {
                return Err(Error::Invalid(format!(
                    "the links of `{}` lead to a path that cannot be granted",
                    bind.source
                )));
            };
            self.need(verb(path, bind.read_only));
            if sockets.are_in(&real) || sockets.is_one(&real) {
                self.need(ContainerVerb::Socket);
            }
            source = path.to_owned();
        }
        self.binds.push(Bind {
            source,
            target: bind.target.clone(),
            read_only: bind.read_only,
        });
        Ok(())
    }

    fn need(&mut self, verb: ContainerVerb) {
        if !self.verbs.contains(&verb) {
            self.verbs.push(verb);
        }
    }
}

fn unusable(bind: &BindMount, error: &std::io::Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        Error::Missing(format!("there is no `{}`; make it first", bind.source))
    } else {
        Error::Invalid(format!("`{}` cannot be looked at: {error}", bind.source))
    }
}

/// The sockets through which an engine of this machine is spoken to.
struct Sockets(Vec<PathBuf>);

impl Sockets {
    /// Those that are usual and the one that is used, each as it is written and as it really is.
    fn known(used: &Path) -> Self {
        let mut all: Vec<PathBuf> = SOCKETS.iter().map(PathBuf::from).collect();
        if let Some(directory) = std::env::var_os("XDG_RUNTIME_DIR") {
            let directory = PathBuf::from(directory);
            all.extend(USERS_SOCKETS.iter().map(|name| directory.join(name)));
        }
        all.push(used.to_owned());
        let real: Vec<PathBuf> = all.iter().map(|path| resolved(path)).collect();
        all.extend(real);
        Self(all)
    }

    /// Whether a path is one of them, or a directory with one of them inside.
    fn are_in(&self, path: &Path) -> bool {
        self.0.iter().any(|socket| socket.starts_with(path))
    }

    /// Whether a path is one of them by another name.
    fn is_one(&self, path: &Path) -> bool {
        let Ok(file) = std::fs::metadata(path) else {
            return false;
        };
        file.file_type().is_socket()
            && self.0.iter().any(|socket| {
                std::fs::metadata(socket)
                    .is_ok_and(|it| it.dev() == file.dev() && it.ino() == file.ino())
            })
    }
}

/// A path without links, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    for parent in path.ancestors() {
        if let Ok(real) = std::fs::canonicalize(parent) {
            return match path.strip_prefix(parent) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                Ok(_) | Err(_) => real,
            };
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn places(source: &Path, socket: &Path, may_look: bool) -> Result<Places, Error> {
        let bind = BindMount {
            source: source.display().to_string(),
            target: "/a".to_owned(),
            read_only: true,
        };
        let mut places = Places::default();
        places.add(&bind, &Sockets::known(socket), may_look)?;
        Ok(places)
    }

    fn verbs(source: &Path, socket: &Path) -> Vec<String> {
        let found = places(source, socket, true).unwrap();
        found.verbs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_link_needs_the_grant_of_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(folder.join("real/inner")).unwrap();
        symlink(folder.join("real"), folder.join("link")).unwrap();
        let source = folder.join("link/inner");
        let shown = |path: &str| format!("bind-read-only({})", folder.join(path).display());
        let nowhere = Path::new("/no/such/socket");
        assert_eq!(
            verbs(&source, nowhere),
            [shown("link/inner"), shown("real/inner")]
        );
        let found = places(&source, nowhere, true).unwrap();
        assert_eq!(
            found.binds[0].source,
            folder.join("real/inner").display().to_string()
        );
        // Where it is not granted it is not looked at, so that nothing is told of it.
        let found = places(&source, nowhere, false).unwrap();
        assert_eq!(found.verbs.len(), 1);
        assert!(places(&folder.join("nothing"), nowhere, false).is_ok());
        let missing = places(&folder.join("nothing"), nowhere, true).unwrap_err();
        assert!(matches!(missing, Error::Missing(_)), "{missing:?}");
    }

    #[test]
    fn the_socket_is_known_by_every_name_and_in_every_directory() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::create_dir(folder.join("run")).unwrap();
        let socket = folder.join("run/engine.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        symlink(folder.join("run"), folder.join("link")).unwrap();
        symlink(&socket, folder.join("other.sock")).unwrap();
        std::fs::hard_link(&socket, folder.join("hard.sock")).unwrap();
        std::fs::create_dir(folder.join("empty")).unwrap();
        for name in [
            "run/engine.sock",
            "run",
            "link",
            "link/engine.sock",
            "other.sock",
            "hard.sock",
        ] {
            let verbs = verbs(&folder.join(name), &socket);
            assert!(verbs.contains(&"socket".to_owned()), "{name}: {verbs:?}");
        }
        assert!(verbs(&folder, &socket).contains(&"socket".to_owned()));
        let verbs = verbs(&folder.join("empty"), &socket);
        assert!(!verbs.contains(&"socket".to_owned()), "{verbs:?}");
        // Usual places count whatever engine is spoken to, and the socket may be used by a name with a link in it.
        for usual in [
            "/",
            "/run",
            "/var/run",
            "/run/docker.sock",
            "/var/run/docker.sock",
        ] {
            let found = places(Path::new(usual), &socket, false).unwrap();
            assert!(found.verbs.contains(&ContainerVerb::Socket), "{usual}");
        }
        let found = places(&folder.join("run"), &folder.join("link/engine.sock"), true).unwrap();
        assert!(found.verbs.contains(&ContainerVerb::Socket));
    }
}
