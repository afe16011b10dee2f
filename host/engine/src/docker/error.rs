//! Why a Docker Engine could not do what it was asked, with what to do next.

use std::error::Error as StdError;
use std::path::Path;

use bollard::errors::Error as ApiError;

use super::image::ImageError;
use super::tls::TlsError;

/// Why a Docker Engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// There is no socket, and no program that would make one.
    #[error(
        "no Docker Engine is installed here: there is no socket at {tried}; install Docker Engine, or set DOCKER_HOST, or use `--engine process`"
    )]
    NotInstalled {
        /// The sockets that were looked for.
        tried: String,
    },
    /// Nobody answers at the socket.
    #[error("the Docker Engine at `{host}` does not run; {}", starting(host))]
    NotRunning {
        /// Where it should be.
        host: String,
        /// What the connection said.
        #[source]
        source: Option<Box<ApiError>>,
    },
    /// The network does not lead there.
    #[error(
        "the Docker Engine at `{host}` cannot be reached; correct the address in DOCKER_HOST, or mend the network on the way there"
    )]
    Unreachable {
        /// Where it should be.
        host: String,
        /// What the system said.
        #[source]
        source: Box<ApiError>,
    },
    /// Something else answers.
    #[error("what answers at `{host}` is no Docker Engine; set DOCKER_HOST to where one is")]
    NoEngine {
        /// Where it was looked for.
        host: String,
        /// What is wrong with the answer.
        #[source]
        source: Box<ApiError>,
    },
    /// The socket may not be used.
    #[error("you may not use the Docker Engine at `{host}`; {}", joining(host))]
    PermissionDenied {
        /// Where it is.
        host: String,
    },
    /// The engine does not know what chora asks for.
    #[error(
        "the Docker Engine at `{host}` is too old: {version} speaks version {api} of the API, and chora needs 1.41; update it to Docker Engine 20.10 or podman 4.0, or newer"
    )]
    TooOld {
        /// Where it is.
        host: String,
        /// Its version.
        version: String,
        /// The newest version of the API that it speaks.
        api: String,
    },
    /// A container has a health check that nobody runs.
    #[error(
        "nobody runs the health check of the container `{container}`: podman leaves that to timers of systemd, which does not run here; run podman where systemd runs, or take `healthcheck` out of the Compose file and let a plugin check the service (`health:`)"
    )]
    NoHealthChecks {
        /// Its name.
        container: String,
    },
    /// The name that the environment gives to the Compose project is none.
    #[error(
        "COMPOSE_PROJECT_NAME is `{name}`, which is no name of a project; choose lower-case letters, digits, `_` and `-`, and begin with a letter or digit"
    )]
    ProjectName {
        /// What it is set to.
        name: String,
    },
    /// `DOCKER_HOST` cannot be used.
    #[error(
        "DOCKER_HOST is `{host}`, which chora cannot use: {reason}; set it to `unix:///PATH` or `tcp://HOST:PORT`"
    )]
    WrongHost {
        /// What it is set to.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no TLS connection.
    #[error(transparent)]
    Tls(Box<TlsError>),
    /// The engine took too long.
    #[error(
        "the Docker Engine did not {action} within {limit:?}; see its log, for example with `journalctl -u docker`"
    )]
    TimedOut {
        /// What was to be done.
        action: &'static str,
        /// The time it had.
        limit: std::time::Duration,
    },
    /// The engine answered with an error that has no variant of its own.
    #[error("the Docker Engine did not {action}")]
    Refused {
        /// What was to be done.
        action: &'static str,
        /// Its answer.
        #[source]
        source: Box<ApiError>,
    },
    /// Something of somebody else has a name that chora needs.
    #[error(
        "there is a {kind} `{name}` (id {id}) that chora did not make for this environment; rename or remove it, for example with `docker {kind} rm {name}`, and try again"
    )]
    Foreign {
        /// `container`, `network` or `volume`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Its id.
        id: String,
    },
    /// The image is not there.
    #[error("the image `{image}` is not there; build it with `chora image build`, or pull it")]
    ImageMissing {
        /// The image.
        image: String,
    },
    /// The image could not be had.
    #[error(transparent)]
    Image(Box<ImageError>),
    /// A port of the machine is taken.
    #[error("port {port} is taken{}; end what holds it, or configure another port", held(.holder.as_deref()))]
    PortTaken {
        /// The port with its address, where known.
        port: String,
        /// The container that holds it, where it is one.
        holder: Option<String>,
    },
    /// Something that is to be mounted is not there.
    #[error(
        "`{path}` cannot be mounted, because it is not there; make it, or change `volumes` in the Compose file"
    )]
    BadMount {
        /// What is to be mounted.
        path: String,
    },
    /// The program in the container cannot be run.
    #[error(
        "the container's program cannot be run: {reason}; check `command` and `entrypoint` in the Compose file, and the image"
    )]
    CannotRun {
        /// What the runtime said.
        reason: String,
    },
    /// A volume that is not the project's own has to be there.
    #[error(
        "the external volume `{name}` is not there; make it with `docker volume create {name}`"
    )]
    VolumeMissing {
        /// Its name.
        name: String,
    },
    /// A service has nothing that could run in a container.
    #[error("there is neither a `docker_compose` file nor an `image` for it")]
    NothingToRun,
    /// The service's own Compose file does not have it.
    #[error(
        "its `docker_compose` file `{file}` has no service of that name; name it there as in the configuration"
    )]
    NotInCompose {
        /// The file.
        file: String,
    },
    /// The Compose files cannot be used.
    #[error("the Compose files cannot be used: {reason}")]
    Compose {
        /// What is wrong, with file and line.
        reason: String,
    },
    /// A service that another's container shares a namespace with does not run.
    #[error(
        "it shares a namespace with service `{service}`, which has no container; start that first"
    )]
    NoSharer {
        /// The other service.
        service: String,
    },
    /// It does not run, and has to.
    #[error("it does not run; start it with `chora bootstrap`")]
    NotRunningHere,
    /// Others keep changing it.
    #[error(
        "{kind} `{name}` is changed by somebody else all the time; see with `docker events` who does"
    )]
    Contended {
        /// `container` or `network`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

/// The group `docker` may use these.
const OF_A_GROUP: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];

/// How to start the engine that should be there.
fn starting(host: &str) -> String {
    let Some(socket) = host.strip_prefix("unix://") else {
        return "start it there, and see to it that it listens at that address (`dockerd --host`)"
            .to_owned();
    };
    let unit = if socket.ends_with("podman.sock") {
        "podman.socket"
    } else {
        "docker"
    };
    // Where an engine of a user's own has its socket.
    let user = if Path::new(socket).starts_with("/run/user") {
        "--user "
    } else {
        ""
    };
    format!("start it, for example with `systemctl {user}start {unit}`")
}

/// How to be let in.
fn joining(host: &str) -> String {
    let socket = host.strip_prefix("unix://").unwrap_or(host);
    if OF_A_GROUP.contains(&socket) {
        "join its group with `sudo usermod -aG docker $USER` and log in again".to_owned()
    } else {
        format!("see with `ls -l {socket}` who may, and join that group or run chora as that user")
    }
}

fn held(holder: Option<&str>) -> String {
    holder.map_or_else(String::new, |name| format!(" by container `{name}`"))
}

impl DockerError {
    /// Whether trying again without a change of the configuration is of no use.
    pub(crate) fn is_configuration(&self) -> bool {
        match self {
            Self::Image(error) => match **error {
                ImageError::Absent { .. }
                | ImageError::NotFound { .. }
                | ImageError::BuildFailed { .. }
                | ImageError::Context { .. }
                | ImageError::Pattern { .. }
                | ImageError::Program { .. } => true,
                ImageError::Unreachable { .. }
                | ImageError::Unauthorised { .. }
                | ImageError::DiskFull { .. }
                | ImageError::Login { .. }
                | ImageError::Engine { .. } => false,
            },
            Self::WrongHost { .. }
            | Self::NoEngine { .. }
            | Self::ImageMissing { .. }
            | Self::BadMount { .. }
            | Self::CannotRun { .. }
            | Self::VolumeMissing { .. }
            | Self::NothingToRun
            | Self::NotInCompose { .. }
            | Self::Compose { .. }
            | Self::ProjectName { .. } => true,
            Self::NotInstalled { .. }
            | Self::NotRunning { .. }
            | Self::Unreachable { .. }
            | Self::PermissionDenied { .. }
            | Self::TooOld { .. }
            | Self::NoHealthChecks { .. }
            | Self::Tls(_)
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::Foreign { .. }
            | Self::PortTaken { .. }
            | Self::NoSharer { .. }
            | Self::NotRunningHere
            | Self::Contended { .. } => false,
        }
    }

    /// Whether the engine was not reached, so that it may answer again when it has been restarted.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Self::NotRunning { .. } | Self::Unreachable { .. } => true,
            Self::Refused { source, .. } => lost(source),
            Self::Image(error) => {
                matches!(&**error, ImageError::Engine { source, .. } if lost(source))
            }
            _ => false,
        }
    }

    /// What the start of a container failed with, by the engine's words: the API has one status code for all.
    pub(super) fn of_start(action: &'static str, source: ApiError) -> Self {
        let ApiError::DockerResponseServerError {
            status_code,
            message,
        } = &source
        else {
            return Self::Refused {
                action,
                source: Box::new(source),
            };
        };
        if message.contains("port is already allocated")
            || message.contains("address already in use")
        {
            return Self::PortTaken {
                port: port(message).unwrap_or_else(|| message.clone()),
                holder: None,
            };
        }
        if let Some(path) = message.split("bind source path does not exist: ").nth(1) {
            return Self::BadMount {
                path: path.trim().to_owned(),
            };
        }
        if *status_code == 404 && message.contains("No such image") {
            let image = message.rsplit("No such image: ").next().unwrap_or_default();
            return Self::ImageMissing {
                image: image.trim().to_owned(),
            };
        }
        let runtime = ["OCI runtime", "runc create failed", "crun:"];
        if runtime.iter().any(|word| message.contains(word)) {
            let told = message.rsplit_once("exec: ").map(|(_, told)| told);
            return Self::CannotRun {
                reason: told
                    .unwrap_or(message)
                    .trim_end_matches(": unknown")
                    .to_owned(),
            };
        }
        if message.contains("no command specified") || message.contains("No command specified") {
            return Self::CannotRun {
                reason: "neither the image nor the Compose file names one".to_owned(),
            };
        }
        Self::Refused {
            action,
            source: Box::new(source),
        }
    }
}

/// The port in `Bind for 127.0.0.1:8500 failed: …` and `listen tcp4 127.0.0.1:8500: bind: …`, which podman begins with `cannot listen on the TCP port: `.
fn port(message: &str) -> Option<String> {
    let bound = message.split("Bind for ").nth(1);
    let bound = bound.and_then(|rest| rest.split(" failed").next());
    let listened = || {
        let rest = message.rsplit_once("listen ")?.1;
        let rest = rest.split_once(' ')?.1;
        rest.split(": bind").next()
    };
    bound.or_else(listened).map(str::to_owned)
}

impl From<TlsError> for DockerError {
    fn from(error: TlsError) -> Self {
        Self::Tls(Box::new(error))
    }
}

/// An error with all that it came of.
pub(super) fn causes(error: &ApiError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    // Some pass for what they hold, and leave it out.
    let first: &(dyn StdError + 'static) = match error {
        ApiError::IOError { err } => err,
        ApiError::HyperResponseError { err } => err,
        error => error,
    };
    std::iter::successors(Some(first), |&error| {
        // So does an error of I/O that holds another.
        let system = error.downcast_ref::<std::io::Error>();
        match system.and_then(std::io::Error::get_ref) {
            Some(held) => Some(held as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

/// Whether a connection was refused or broke, so that there is no answer.
pub(super) fn lost(error: &ApiError) -> bool {
    match error {
        ApiError::HyperLegacyError { .. }
        | ApiError::HyperResponseError { .. }
        | ApiError::IOError { .. }
        | ApiError::SocketNotFoundError(_) => true,
        ApiError::DockerResponseServerError { status_code, .. } => *status_code == 503,
        _ => false,
    }
}

/// The status code of an answer.
pub(super) fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether there is something of that name already: somebody was quicker. Podman says so with 500.
pub(super) fn is_name_taken(error: &ApiError) -> bool {
    let words = ["name is already in use", "network already exists"];
    match error {
        ApiError::DockerResponseServerError {
            status_code: 500,
            message,
        } => words.iter().any(|it| message.contains(it)),
        _ => status(error) == Some(409),
    }
}

/// Whether a command cannot be run because its container does not run, or is gone. Podman says so with 500.
pub(super) fn is_not_running(error: &ApiError) -> bool {
    match error {
        ApiError::DockerResponseServerError {
            status_code: 500,
            message,
        } => message.contains("exec sessions on running containers"),
        _ => matches!(status(error), Some(404 | 409)),
    }
}

/// The engine's words for something that is in use; absent for another error. Docker answers so with 403 or 409, podman with 500 for a network.
pub(super) fn in_use(error: &ApiError) -> Option<String> {
    let ApiError::DockerResponseServerError {
        status_code,
        message,
    } = error
    else {
        return None;
    };
    let used = match status_code {
        403 | 409 => true,
        500 => message.contains("network is being used"),
        _ => false,
    };
    used.then(|| message.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status_code: u16, message: &str) -> DockerError {
        let message = message.to_owned();
        let source = ApiError::DockerResponseServerError {
            status_code,
            message,
        };
        DockerError::of_start("start the container", source)
    }

    #[test]
    fn a_taken_port_is_named_whoever_holds_it() {
        for message in [
            "driver failed programming external connectivity on endpoint p-web-1 (0f): Bind for 127.0.0.1:8500 failed: port is already allocated",
            "driver failed programming external connectivity on endpoint p-web-1 (0f): Error starting userland proxy: listen tcp4 127.0.0.1:8500: bind: address already in use",
            "failed to set up container networking: driver failed programming external connectivity on endpoint p: failed to bind host port for 127.0.0.1:8500:172.17.0.2:80/tcp: address already in use: listen tcp4 127.0.0.1:8500: bind: address already in use",
            "cannot listen on the TCP port: listen tcp4 127.0.0.1:8500: bind: address already in use",
        ] {
            let DockerError::PortTaken { port, .. } = of(500, message) else {
                panic!("{message}");
            };
            assert_eq!(port, "127.0.0.1:8500");
        }
    }

    #[test]
    fn a_missing_mount_image_or_program_is_named() {
        let error = of(
            400,
            "invalid mount config for type \"bind\": bind source path does not exist: /no/such",
        );
        assert!(matches!(error, DockerError::BadMount { path } if path == "/no/such"));
        let error = of(404, "No such image: chora/none:1");
        assert!(matches!(error, DockerError::ImageMissing { image } if image == "chora/none:1"));
        let error = of(
            400,
            "failed to create shim: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/no\": stat /no: no such file or directory: unknown",
        );
        let DockerError::CannotRun { reason } = error else {
            panic!("{error:?}");
        };
        assert_eq!(reason, "\"/no\": stat /no: no such file or directory");
    }

    #[test]
    fn what_cannot_be_told_keeps_the_engines_words() {
        let error = of(500, "something else");
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.to_string().contains("something else"));
        assert!(!error.is_configuration());
    }
}
