//! An engine that is restarted, or stopped for good, in the middle of a run: a daemon of the test's own, without networks.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bollard::query_parameters::ListContainersOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker};
use rustix::process::Signal;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::shells::{project, until_started, write};
use crate::support::docker::make_shell_image;
use crate::support::{Ecosystem, Told, signal};

/// No limit on speed: a daemon that takes this long does not answer at all.
const LIMIT: Duration = Duration::from_secs(60);

/// A Docker Engine of a test's own.
pub(crate) struct Daemon {
    folder: tempfile::TempDir,
    child: Child,
}

impl Daemon {
    fn new() -> Self {
        Self::run_by(run)
    }

    /// With a disk of its own, of a size as `mount` takes it, which goes with it.
    pub(crate) fn with_disk(size: &str) -> Self {
        Self::run_by(|folder| run_after(folder, &mount(folder, &format!("size={size}"))))
    }

    fn run_by(run: impl FnOnce(&Path) -> Child) -> Self {
        let folder = tempfile::Builder::new().prefix("dockerd").tempdir();
        let folder = folder.expect("a directory");
        let child = run(folder.path());
        let daemon = Self { folder, child };
        daemon.with_image();
        daemon
    }

    /// Makes its disk another size.
    pub(crate) fn resize_disk(&self, size: &str) {
        let mount = mount(self.folder.path(), &format!("remount,size={size}"));
        let mounted = Command::new("nsenter")
            .args(["--mount", "--target", &self.child.id().to_string()])
            .args(["sh", "-c", &mount])
            .status();
        assert!(mounted.expect("a program").success());
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    pub(crate) fn variables(&self) -> [(&'static str, String); 1] {
        [("DOCKER_HOST", format!("unix://{}", self.socket().display()))]
    }

    /// Waits until it answers, and sees to it that it has the image.
    fn with_image(&self) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let began = Instant::now();
            loop {
                let path = self.socket().display().to_string();
                // There is no client without a socket.
                if let Ok(docker) = Docker::connect_with_unix(&path, 60, API_DEFAULT_VERSION)
                    && let Ok(docker) = docker.negotiate_version().await
                {
                    return make_shell_image(&docker).await;
                }
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                assert!(began.elapsed() < LIMIT, "it does not answer: {log:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }

    /// Waits until it has a container, whether or not that runs.
    fn until_made(&self) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let path = self.socket().display().to_string();
            let docker = Docker::connect_with_unix(&path, 60, API_DEFAULT_VERSION);
            let docker = docker.expect("a client").negotiate_version().await;
            let docker = docker.expect("an engine");
            let all = ListContainersOptionsBuilder::default().all(true).build();
            let made = async || docker.list_containers(Some(all.clone())).await;
            while made().await.expect("a list").is_empty() {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Listens on a port of the network that the daemon alone is in.
    fn listener(&self) -> TcpListener {
        let pid = self.child.id();
        let up = Command::new("nsenter")
            .args(["--net", "--target", &pid.to_string()])
            .args(["busybox", "ip", "link", "set", "lo", "up"])
            .status();
        assert!(up.expect("a program").success());
        let network = File::open(format!("/proc/{pid}/ns/net")).expect("a network");
        // A thread's network is its own, and a socket stays where it was made.
        let made = std::thread::spawn(move || {
            let kind = LinkNameSpaceType::Network;
            move_into_link_name_space(network.as_fd(), Some(kind)).expect("the network");
            TcpListener::bind("127.0.0.1:0").expect("a port")
        });
        made.join().expect("a listener")
    }

    fn stop(&mut self) {
        signal(self.child.id(), Signal::TERM);
        self.child.wait().expect("an ended process");
    }

    fn start(&mut self) {
        self.child = run(self.folder.path());
        self.with_image();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // With all that it runs.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.stop();
        }
    }
}

/// Where a daemon has its images and containers.
const DATA: &str = "data";

/// A line of shell that makes or changes the disk of a daemon.
fn mount(folder: &Path, options: &str) -> String {
    let data = folder.join(DATA).display().to_string();
    format!("mkdir -p {data} && mount -t tmpfs -o {options} none {data}")
}

fn run(folder: &Path) -> Child {
    run_after(folder, ":")
}

/// Runs a daemon when a line of shell has run where only the daemon sees it.
fn run_after(folder: &Path, before: &str) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log");
    let path = |name: &str| folder.join(name).display().to_string();
    // In a network of its own: a daemon without a bridge removes that of the machine's daemon.
    Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c"])
        .arg(format!("{before} && exec dockerd \"$@\""))
        .arg("sh")
        .args(["--data-root", &path(DATA), "--exec-root", &path("exec")])
        .args(["--pidfile", &path("pid")])
        .args(["--host", &format!("unix://{}", path("docker.sock"))])
        .args(["--bridge", "none", "--iptables=false", "--ip6tables=false"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("a daemon")
}

/// Something that is up, and something that is waited for until `answering` answers for it.
fn waited_for(port: u16, timeout: u32) -> Ecosystem {
    let config = format!(
        "services:\n  - {{name: first, phase: 1, docker_compose: shells.yml, health: none}}\n  - {{name: slow, phase: 2, docker_compose: shells.yml, health_endpoint: \"http://127.0.0.1:{port}/health\", timeout: {timeout}, dependencies: [first]}}\nretry: {{max_delay: 0.2}}\n"
    );
    let lines = "command: [sleep, \"1000\"]\nnetwork_mode: none\nrestart: unless-stopped";
    project(&config, &[("first", lines), ("slow", lines)], "")
}

/// A port on which nobody listens yet.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Says that all is well to everybody who asks, until the tests end.
fn answering(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            // Whoever asked may have gone.
            let _ = stream.read(&mut request);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
}

fn started(ecosystem: &Ecosystem, daemon: &Daemon) -> Told {
    let mut command = ecosystem.command(&["bootstrap", "--format", "json"]);
    command.envs(daemon.variables());
    let mut run = Told::by(command);
    until_started(&mut run, "slow");
    run
}

#[test]
fn a_run_outlasts_a_restart_of_the_engine() {
    let mut daemon = Daemon::new();
    let port = port();
    let ecosystem = waited_for(port, 120);
    let run = started(&ecosystem, &daemon);

    daemon.stop();
    daemon.start();
    answering(port);

    run.end().exits(0);
    let variables = daemon.variables();
    ecosystem.chora_with(&variables, &["status"]).exits(0);
    let reset = ["reset", "--force", "--volumes"];
    ecosystem.chora_with(&variables, &reset).exits(0);
}

#[test]
fn an_engine_stopped_for_good_is_told_and_the_next_run_goes_on() {
    let mut daemon = Daemon::new();
    let port = port();
    let ecosystem = waited_for(port, 3);
    let run = started(&ecosystem, &daemon);

    daemon.stop();

    let failed = run.end().exits(3);
    let socket = daemon.socket().display().to_string();
    failed.complains(&["INFRA_FAILED", &socket, "start it"]);
    let variables = daemon.variables();
    let refused = ecosystem.chora_with(&variables, &["bootstrap"]).exits(1);
    refused.complains(&["does not run", &socket]);
    let status = ecosystem.chora_with(&variables, &["status"]).exits(3);
    assert!(status.stdout.contains("unknown"), "{}", status.stdout);

    daemon.start();
    answering(port);
    ecosystem.chora_with(&variables, &["bootstrap"]).exits(0);
    ecosystem.chora_with(&variables, &["status"]).exits(0);
    let reset = ["reset", "--force", "--volumes"];
    ecosystem.chora_with(&variables, &reset).exits(0);
}

/// One container, by the lines of its service.
fn one(lines: &str) -> Ecosystem {
    let config =
        "services:\n  - {name: ship, phase: 1, docker_compose: shells.yml, health: none}\n";
    project(config, &[("ship", lines)], "")
}

const ALONE: &str = "command: [sleep, \"1000\"]\nnetwork_mode: none";

fn until_asked(run: &mut Told) {
    run.until_document(|event| {
        event["event"] == "step_started" && event["step"] == "core-services/start:ship"
    });
}

/// The run fails because of its engine, and the next one goes on once that is back.
fn goes_on(ecosystem: &Ecosystem, daemon: &mut Daemon, failed: Told) {
    let socket = daemon.socket().display().to_string();
    let failed = failed.end().exits(2);
    failed.complains(&["CORE_FAILED", &socket, "does not run", "start it"]);
    assert_eq!(ecosystem.state()["status"], "failed");
    daemon.start();
    let variables = daemon.variables();
    write(ecosystem, &[("ship", ALONE)], "");
    ecosystem.chora_with(&variables, &["bootstrap"]).exits(0);
    ecosystem.chora_with(&variables, &["status"]).exits(0);
    let reset = ["reset", "--force"];
    ecosystem.chora_with(&variables, &reset).exits(0);
}

#[test]
fn an_engine_stopped_in_a_pull_is_told_and_the_next_run_goes_on() {
    let mut daemon = Daemon::new();
    // It takes the request and never answers.
    let registry = daemon.listener();
    let address = registry.local_addr().expect("an address");
    let ecosystem = one(&format!("image: {address}/ship:1\n{ALONE}"));
    let mut command = ecosystem.command(&["bootstrap", "--format", "json"]);
    command.envs(daemon.variables());
    let mut run = Told::by(command);
    until_asked(&mut run);
    let asked = registry.accept().expect("a request");

    daemon.stop();

    goes_on(&ecosystem, &mut daemon, run);
    drop(asked);
}

#[test]
fn an_engine_stopped_before_a_container_is_started_is_told_and_the_next_run_goes_on() {
    let mut daemon = Daemon::new();
    let ecosystem = one(ALONE);
    let mut command = ecosystem.command(&["bootstrap", "--format", "json"]);
    command.envs(daemon.variables());
    // Until the engine has gone.
    command.env("FAILPOINTS", "container.create.after=sleep(5000)");
    let mut run = Told::by(command);
    until_asked(&mut run);
    daemon.until_made();

    daemon.stop();

    goes_on(&ecosystem, &mut daemon, run);
}
