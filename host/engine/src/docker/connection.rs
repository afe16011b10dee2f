//! Where the Docker Engine is, and how it is spoken to: the socket or `DOCKER_HOST`, time limits, and why there is no answer.
//!
//! A connection is made when it is first needed, so that a command that needs no engine does not ask for one.

use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::errors::Error as ApiError;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use http::Uri;
use http::uri::Authority;
use tokio::sync::OnceCell;

use super::daemon::{Daemon, Maker};
use super::error::{DockerError, causes, lost, status};
use super::tls::{Tls, TlsError};

/// What only looks, and what makes or removes something small.
pub(super) const QUICK: Duration = Duration::from_secs(30);
/// What makes, starts or removes a container.
pub(super) const SLOW: Duration = Duration::from_secs(120);
/// What the client itself allows for the head of an answer; waiting for the end of a container has no bound of its own.
const HEAD: u64 = 365 * 24 * 3600;
/// Where engines listen over tcp, by Docker's documentation: without TLS, and with it.
const PORT: u16 = 2375;
const SECURED_PORT: u16 = 2376;
/// Where Docker's socket is unless it says otherwise.
const USUAL: &str = "/var/run/docker.sock";

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///PATH` or `tcp://HOST:PORT`.
    host: String,
    /// The directory of the certificates, where TLS is to be spoken.
    certificates: Option<PathBuf>,
    /// Whether the user named it; otherwise it was looked for.
    named: bool,
    /// The sockets that were looked for.
    tried: Vec<PathBuf>,
}

impl Endpoint {
    /// From the environment of this process, as Docker's own client reads it.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// A socket.
    pub fn socket(path: &Path) -> Self {
        Self {
            host: format!("unix://{}", path.display()),
            certificates: None,
            named: true,
            tried: Vec::new(),
        }
    }

    /// From variables by their names. One that is empty is as one that is not set.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(host) = variable("DOCKER_HOST") {
            let secured = host.starts_with("https://")
                || !host.starts_with("unix://") && variable("DOCKER_TLS_VERIFY").is_some();
            return Self {
                host,
                certificates: secured.then(|| certificates(variable)),
                named: true,
                tried: Vec::new(),
            };
        }
        let mut tried = vec![PathBuf::from(USUAL)];
        if let Some(directory) = variable("XDG_RUNTIME_DIR") {
            tried.push(Path::new(&directory).join("docker.sock"));
            tried.push(Path::new(&directory).join("podman/podman.sock"));
        }
        tried.push("/run/podman/podman.sock".into());
        let found = tried.iter().find(|path| path.exists());
        let path = found.map_or(Path::new(USUAL), |path| path);
        Self {
            host: format!("unix://{}", path.display()),
            certificates: None,
            named: false,
            tried,
        }
    }

    /// As a user would write it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The socket, where it is one.
    pub fn socket_path(&self) -> Option<&Path> {
        self.host.strip_prefix("unix://").map(Path::new)
    }

    /// A client, in the newest version of the API that both sides speak.
    ///
    /// # Errors
    /// Why there is no answer, and what to do about it.
    pub async fn connect(&self) -> Result<Docker, DockerError> {
        Ok(self.meet().await?.0)
    }

    /// The same, with what the engine says of itself.
    async fn meet(&self) -> Result<(Docker, Daemon), DockerError> {
        let client = self.client(API_DEFAULT_VERSION)?;
        let daemon = match tokio::time::timeout(QUICK, client.version()).await {
            Ok(Ok(version)) => Daemon::of(version),
            Ok(Err(error)) => return Err(self.unreached(error)),
            Err(_) => {
                return Err(DockerError::TimedOut {
                    action: "tell its version",
                    limit: QUICK,
                });
            }
        };
        let Some(version) = daemon.common_version() else {
            return Err(DockerError::TooOld {
                host: self.host.clone(),
                version: daemon.to_string(),
                api: daemon.api,
            });
        };
        Ok((speaking(self.client(&version)?, &version), daemon))
    }

    fn client(&self, version: &ClientVersion) -> Result<Docker, DockerError> {
        if let Some(path) = self.socket_path().filter(|path| *path != "") {
            // To bollard one that may not be looked at is one that is not there.
            let looked = path.try_exists();
            looked.map_err(|error| self.unreached(error.into()))?;
            return Docker::connect_with_unix(&self.host, HEAD, version)
                .map_err(|error| self.unreached(error));
        }
        let address = ["tcp://", "http://", "https://"]
            .iter()
            .find_map(|scheme| self.host.strip_prefix(scheme));
        let address = address.map(|address| address.trim_end_matches('/'));
        let Some(address) = address.filter(|address| !address.is_empty()) else {
            return Err(DockerError::WrongHost {
                host: self.host.clone(),
                reason: "it is neither a socket nor an address".to_owned(),
            });
        };
        let address = &with_port(address, self.certificates.is_some());
        match self.tls() {
            Some(tls) => tls.client(address, HEAD, version),
            None => Docker::connect_with_http(&format!("tcp://{address}"), HEAD, version)
                .map_err(|error| self.unreached(error)),
        }
    }

    fn tls(&self) -> Option<Tls<'_>> {
        let directory = self.certificates.as_deref()?;
        Some(Tls {
            host: &self.host,
            directory,
        })
    }

    /// Why there is no answer.
    fn unreached(&self, error: ApiError) -> DockerError {
        let host = self.host.clone();
        let fault = causes(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
        if let (Some(tls), Some(fault)) = (self.tls(), fault) {
            return tls.ended(fault.clone());
        }
        let socket = self.socket_path();
        let from_system = from_system(&error);
        match from_system.map(std::io::Error::kind) {
            Some(ErrorKind::PermissionDenied) if socket.is_some() => {
                return DockerError::PermissionDenied { host };
            }
            _ if !self.named && !self.tried.iter().any(|path| path.exists()) && !installed() => {
                let tried: Vec<String> = self
                    .tried
                    .iter()
                    .map(|path| format!("`{}`", path.display()))
                    .collect();
                return DockerError::NotInstalled {
                    tried: tried.join(", "),
                };
            }
            _ => {}
        }
        match &error {
            ApiError::DockerResponseServerError {
                status_code: 400,
                message,
            } if message.contains("HTTP request to an HTTPS server") => {
                TlsError::Needed { host }.into()
            }
            _ if speaks_otherwise(&error) => DockerError::NoEngine {
                host,
                source: Box::new(error),
            },
            _ if socket.is_none() && from_system.is_some_and(is_on_the_way) => {
                DockerError::Unreachable {
                    host,
                    source: Box::new(error),
                }
            }
            _ if lost(&error) => DockerError::NotRunning {
                host,
                source: Some(Box::new(error)),
            },
            ApiError::DockerResponseServerError { .. } => DockerError::Refused {
                action: "tell its version",
                source: Box::new(error),
            },
            _ => DockerError::WrongHost {
                host,
                reason: error.to_string(),
            },
        }
    }
}

/// Where the certificates are, as Docker's own client looks for them.
fn certificates(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let named = variable("DOCKER_CERT_PATH").or_else(|| variable("DOCKER_CONFIG"));
    named.map_or_else(
        || {
            let home = variable("HOME").map(PathBuf::from);
            let home = home.or_else(std::env::home_dir);
            home.unwrap_or_else(|| "/".into()).join(".docker")
        },
        PathBuf::from,
    )
}

/// A client whose requests name the version that was agreed on: bollard leaves it out of their paths, and an engine that is asked without one speaks its newest.
fn speaking(client: Docker, version: &ClientVersion) -> Docker {
    let prefix = format!("/v{version}");
    client.with_request_modifier(move |mut request| {
        let mut parts = request.uri().clone().into_parts();
        let path = parts.path_and_query.as_ref().map_or("/", |it| it.as_str());
        parts.path_and_query = format!("{prefix}{path}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        request
    })
}

/// An address with the port at which engines listen, where it names none.
fn with_port(address: &str, secured: bool) -> String {
    let port = if secured { SECURED_PORT } else { PORT };
    match address.parse::<Authority>() {
        Ok(authority) if authority.host() == address => format!("{address}:{port}"),
        Ok(_) | Err(_) => address.to_owned(),
    }
}

/// Whether there is a daemon that could be started.
fn installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| {
        ["dockerd", "podman"]
            .iter()
            .any(|it| directory.join(it).is_file())
    })
}

/// What the system answered, where it was asked: the innermost error of its kind.
fn from_system(error: &ApiError) -> Option<&std::io::Error> {
    let found = causes(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    found.last()
}

/// Whether a connection was not even refused: the network does not lead to the host, or nobody knows its name.
fn is_on_the_way(error: &std::io::Error) -> bool {
    match error.kind() {
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable
        | ErrorKind::PermissionDenied
        | ErrorKind::TimedOut => true,
        // A connection that ends early is not the system's doing.
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::Other => false,
        // Looking up a name fails without a number.
        _ => error.raw_os_error().is_none(),
    }
}

/// Whether an answer came that no engine would give: each tells its version.
fn speaks_otherwise(error: &ApiError) -> bool {
    let no_version = matches!(
        error,
        ApiError::JsonDataError { .. }
            | ApiError::JsonSerdeError { .. }
            | ApiError::DockerResponseServerError {
                status_code: 404 | 405 | 501,
                ..
            }
    );
    let mut http = causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>());
    no_version || http.any(|error| error.is_parse() || is_unasked(error))
}

/// Whether the other side spoke first, for which hyper has no question of its own: it is what nothing else caused and is nothing else either.
fn is_unasked(error: &hyper::Error) -> bool {
    let otherwise = error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || error.is_body_write_aborted()
        || error.is_shutdown()
        || error.is_timeout()
        || error.is_user();
    !otherwise && std::error::Error::source(error).is_none()
}

/// A client that is made when it is first needed.
pub(super) struct Connection {
    endpoint: Endpoint,
    met: OnceCell<(Docker, Daemon)>,
}

impl Connection {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            met: OnceCell::new(),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The client, in the newest version of the API that both sides speak.
    pub(super) async fn client(&self) -> Result<&Docker, DockerError> {
        let (client, _) = self.met().await?;
        Ok(client)
    }

    /// Whose engine it is that answers.
    pub(super) async fn maker(&self) -> Result<Maker, DockerError> {
        let (_, daemon) = self.met().await?;
        Ok(daemon.maker)
    }

    async fn met(&self) -> Result<&(Docker, Daemon), DockerError> {
        self.met.get_or_try_init(|| self.endpoint.meet()).await
    }

    /// One call with a time limit.
    pub(super) async fn call<T>(
        &self,
        action: &'static str,
        limit: Duration,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, DockerError> {
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failed(action, error)),
            Err(_) => Err(DockerError::TimedOut { action, limit }),
        }
    }

    /// As [`Self::call`]; absent where the engine knows of no such thing.
    pub(super) async fn look<T>(
        &self,
        action: &'static str,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<Option<T>, DockerError> {
        self.look_within(action, QUICK, call).await
    }

    /// As [`Self::look`], with a time limit of its own.
    pub(super) async fn look_within<T>(
        &self,
        action: &'static str,
        limit: Duration,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<Option<T>, DockerError> {
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(error)) if is_absent(&error) => Ok(None),
            Ok(Err(error)) => Err(self.failed(action, error)),
            Err(_) => Err(DockerError::TimedOut { action, limit }),
        }
    }

    pub(super) fn failed(&self, action: &'static str, error: ApiError) -> DockerError {
        if lost(&error) {
            self.endpoint.unreached(error)
        } else {
            DockerError::Refused {
                action,
                source: Box::new(error),
            }
        }
    }
}

/// Whether there is no such thing. Podman answers with 500 where a container goes while it is looked at.
fn is_absent(error: &ApiError) -> bool {
    match error {
        ApiError::DockerResponseServerError {
            status_code: 500,
            message,
        } => message.contains("no such container"),
        _ => status(error) == Some(404),
    }
}

/// States of podman between those that Docker's API has words for; each is over in a moment.
const BETWEEN: [&str; 2] = ["unknown variant `initialized`", "unknown variant `stopped`"];
/// Until the next look at a container that is in one of them.
const MOMENT: Duration = Duration::from_millis(20);

/// Asks about containers, and again while podman has one between two states.
pub(super) async fn settled<T, F>(ask: impl Fn() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    loop {
        match ask().await {
            Err(ApiError::JsonDataError { message, .. })
                if BETWEEN.iter().any(|state| message.contains(state)) =>
            {
                tokio::time::sleep(MOMENT).await;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests;
