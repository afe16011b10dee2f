//! Where the tests run: on a podman of their own, which speaks Docker's language. It has a storage and networks of its own, so no container of this machine's podman is seen.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use chora_engine::docker::Endpoint;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// The most files and processes that a container may have.
const MOST: u64 = 1 << 14;

/// Podman asks for limits that not every machine allows: here it asks for less than this process has.
fn settings(folder: &Path) -> String {
    let limit = |name: &str, resource| {
        let hard = getrlimit(resource).maximum.unwrap_or(MOST).min(MOST);
        format!("\"{name}={hard}:{hard}\"")
    };
    let (files, processes) = (
        limit("nofile", Resource::Nofile),
        limit("nproc", Resource::Nproc),
    );
    let networks = folder.join("networks");
    format!(
        "[containers]\ndefault_ulimits = [{files}, {processes}]\n[engine]\nruntime = \"runc\"\n[network]\nnetwork_config_dir = {networks:?}\n"
    )
}

/// Holds the service for as long as a test needs it.
pub(crate) type Hold = Arc<Service>;

/// The service of podman that all tests of this program share; it ends with the last of them.
pub(crate) struct Service {
    child: Child,
    folder: TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
        // The storage is mounted below its own directory.
        let _ = podman(self.folder.path())
            .args(["system", "reset", "--force"])
            .output();
    }
}

static RUNNING: Mutex<Weak<Service>> = Mutex::const_new(Weak::new());

pub(crate) async fn engine() -> (Endpoint, Hold) {
    let mut running = RUNNING.lock().await;
    let service = match running.upgrade() {
        Some(service) => service,
        None => {
            let service = Arc::new(start().await);
            *running = Arc::downgrade(&service);
            service
        }
    };
    (Endpoint::socket(&socket(service.folder.path())), service)
}

fn socket(folder: &Path) -> std::path::PathBuf {
    folder.join("podman.sock")
}

fn podman(folder: &Path) -> Command {
    let mut command = Command::new("podman");
    command
        .env("CONTAINERS_CONF", folder.join("containers.conf"))
        .arg("--root")
        .arg(folder.join("root"))
        .arg("--runroot")
        .arg(folder.join("run"))
        .stdin(Stdio::null());
    command
}

async fn start() -> Service {
    let folder = tempfile::Builder::new().prefix("podman").tempdir().unwrap();
    std::fs::write(
        folder.path().join("containers.conf"),
        settings(folder.path()),
    )
    .unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let child = podman(folder.path())
        .args(["system", "service", "--time", "0"])
        .arg(format!("unix://{}", socket(folder.path()).display()))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut service = Service { child, folder };
    let endpoint = Endpoint::socket(&socket(service.folder.path()));
    // It has no other way to say that it listens.
    while endpoint.connect().await.is_err() {
        if let Some(ended) = service.child.try_wait().unwrap() {
            let log = std::fs::read_to_string(service.folder.path().join("log"));
            panic!("podman ended with {ended}: {log:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service
}
