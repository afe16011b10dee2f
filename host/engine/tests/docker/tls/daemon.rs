//! A Docker Engine of the tests' own that speaks TLS over tcp, and one that does not.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Weak};

use chora_engine::docker::{DockerError, Endpoint, TlsError};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::authority::{Authority, Of, Signed, Valid, directory, write};

/// The daemon gets its socket from here, where the tests are: no address of its own network could be reached.
const RUN: &str = r#"exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec dockerd "$@""#;

/// A daemon that accepts only clients with a certificate of its authority.
pub(super) struct Daemon {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
    pub(super) authority: Authority,
    /// What a client of it has, as it should be.
    client: TempDir,
}

impl Daemon {
    /// The one that the tests share; it ends with the last of them.
    pub(super) async fn shared() -> Arc<Self> {
        static RUNNING: Mutex<Weak<Daemon>> = Mutex::const_new(Weak::new());
        let mut running = RUNNING.lock().await;
        if let Some(daemon) = running.upgrade() {
            return daemon;
        }
        let daemon = Arc::new(Self::start(Valid::Now));
        daemon.until(|answer| answer.is_ok()).await;
        *running = Arc::downgrade(&daemon);
        daemon
    }

    /// One whose certificate is not valid now.
    pub(super) async fn invalid(valid: Valid) -> Self {
        let daemon = Self::start(valid);
        // That is all that can be had of it.
        daemon
            .until(|answer| matches!(answer, Err(DockerError::Tls(_))))
            .await;
        daemon
    }

    fn start(valid: Valid) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dockerd")
            .tempdir()
            .unwrap();
        let authority = Authority::named("authority");
        let server = authority.sign(Of::Server, valid);
        write(folder.path(), "ca.pem", &authority.pem());
        write(folder.path(), "cert.pem", &server.certificate);
        write(folder.path(), "key.pem", &server.key);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = authority.sign(Of::Client, Valid::Now);
        Self {
            child: run(folder.path(), listener),
            client: directory(&authority, Some(&client)),
            folder,
            address,
            authority,
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The daemon as a client should ask it.
    pub(super) fn endpoint(&self) -> Endpoint {
        self.endpoint_with(self.client.path())
    }

    /// The daemon with certificates from elsewhere.
    pub(super) fn endpoint_with(&self, certificates: &Path) -> Endpoint {
        secured(&format!("tcp://{}", self.address), certificates)
    }

    /// What a client is told that has these instead of its own.
    pub(super) async fn refusal(
        &self,
        authority: &Authority,
        identity: Option<&Signed>,
    ) -> TlsError {
        let certificates = directory(authority, identity);
        refusal(&self.endpoint_with(certificates.path())).await
    }

    /// The kernel takes connections before the daemon does, so that nobody is sent away meanwhile; only an end of it would be waited for in vain.
    async fn until(&self, done: impl Fn(&Result<(), DockerError>) -> bool) {
        let answer = self.endpoint().connect().await.map(|_| ());
        if !done(&answer) {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            panic!("{answer:?}: {log:?}");
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn run(folder: &Path, listener: TcpListener) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    // In a network of its own: a daemon without a bridge removes that of the machine's daemon.
    Command::new("unshare")
        .args(["--net", "sh", "-c", RUN, "sh"])
        .args(["--data-root", &path("data"), "--exec-root", &path("exec")])
        .args(["--pidfile", &path("pid"), "--host", "fd://", "--tlsverify"])
        .args(["--tlscacert", &path("ca.pem")])
        .args(["--tlscert", &path("cert.pem"), "--tlskey", &path("key.pem")])
        .args(["--bridge", "none", "--iptables=false", "--ip6tables=false"])
        .stdin(OwnedFd::from(listener))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// What a user would set.
pub(super) fn secured(host: &str, certificates: &Path) -> Endpoint {
    endpoint(&[
        ("DOCKER_HOST", host),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", certificates.to_str().unwrap()),
    ])
}

pub(super) fn endpoint(variables: &[(&str, &str)]) -> Endpoint {
    Endpoint::from_variables(|name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// Why there is no TLS connection.
pub(super) async fn refusal(endpoint: &Endpoint) -> TlsError {
    match endpoint.connect().await {
        Ok(_) => panic!("it answers"),
        Err(DockerError::Tls(error)) => *error,
        Err(error) => panic!("{error:?}"),
    }
}

/// The machine's own daemon, at an address where it speaks plain HTTP.
pub(super) struct Plain {
    pub(super) address: SocketAddr,
    forwarding: JoinHandle<()>,
}

impl Plain {
    pub(super) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Endpoint::from_env().socket_path().unwrap().to_owned();
        let forwarding = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut socket = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(async move {
                    // Either side may go when it has heard enough.
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut socket).await;
                });
            }
        });
        Self {
            address,
            forwarding,
        }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}
