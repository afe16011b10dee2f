//! An engine that is restarted or stopped: a daemon of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chora_compose::{NetworkMode, Restart, Service};
use chora_engine::docker::{DockerError, Endpoint};
use chora_engine::{Engine as _, EngineError, Exit, RunState, SecretEnv, Started};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::world::{World, chain};

/// A Docker Engine of a test's own, without networks.
struct Daemon {
    folder: TempDir,
    child: Child,
}

impl Daemon {
    async fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dockerd")
            .tempdir()
            .unwrap();
        let child = run(folder.path());
        let daemon = Self { folder, child };
        daemon.answers().await;
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    async fn answers(&self) {
        let path = self.socket();
        let answer = async {
            loop {
                let version = bollard::API_DEFAULT_VERSION;
                // There is no client without a socket.
                let client = bollard::Docker::connect_with_unix(path.to_str().unwrap(), 5, version);
                if let Ok(client) = client
                    && client.ping().await.is_ok()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), answer)
            .await
            .is_err()
        {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            panic!("the engine does not answer: {log:?}");
        }
    }

    fn stop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let _ = self.child.wait();
    }

    async fn start(&mut self) {
        self.child = run(self.folder.path());
        self.answers().await;
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(folder: &Path) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    // In a network of its own: a daemon without a bridge removes that of the machine's daemon.
    Command::new("unshare")
        .args(["--net", "dockerd"])
        .args(["--data-root", &path("data"), "--exec-root", &path("exec")])
        .args([
            "--pidfile",
            &path("pid"),
            "--host",
            &format!("unix://{}", path("docker.sock")),
        ])
        .args(["--bridge", "none", "--iptables=false", "--ip6tables=false"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A container on an engine without networks.
pub(crate) fn alone(service: &mut Service) {
    service.networks.clear();
    service.network_mode = Some(NetworkMode::None);
}

#[tokio::test]
async fn waits_outlast_a_restart_of_the_engine() {
    let mut daemon = Daemon::new().await;
    let world = World::at(Endpoint::socket(&daemon.socket())).await;
    let ending = world.service_with("ending", &["sleep"], alone);
    let lasting = world.service_with("lasting", &["sleep"], |service| {
        alone(service);
        service.restart = Some(Restart::Always);
    });
    world.start(&ending).await;
    world.start(&lasting).await;
    let wait = |name: &'static str| {
        let engine = world.another_engine();
        tokio::spawn(async move { engine.wait_exit(name).await.unwrap() })
    };
    let (ended, mut lasts) = (wait("ending"), wait("lasting"));
    daemon.stop();
    let error = world.engine.inspect("ending").await.unwrap_err();
    let EngineError::Docker { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(
        matches!(**source, DockerError::NotRunning { .. }),
        "{}",
        chain(&error)
    );
    daemon.start().await;
    let exit = ended.await.unwrap();
    assert!(exit != Exit::UNKNOWN, "{exit:?}");
    assert!(matches!(world.state("ending").await, RunState::Exited(_)));
    assert_eq!(world.start(&ending).await, Started::Started);
    // The engine itself started the other one again, and who waits for its end waits on.
    assert_eq!(world.state("lasting").await, RunState::Running);
    let again = world
        .engine
        .start(&lasting, &SecretEnv::default())
        .await
        .unwrap();
    assert_eq!(again, Started::AlreadyRunning);
    let early = tokio::time::timeout(Duration::from_millis(500), &mut lasts).await;
    assert!(early.is_err(), "{early:?}");
    lasts.abort();
    drop(world);
}
