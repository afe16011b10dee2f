//! Every reason for which there is no engine: told as what it is, with the way out, before anything is begun.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::docker::{containers, made_for};
use crate::support::{Ecosystem, Output, as_ordinary_user};

fn ecosystem() -> Ecosystem {
    Ecosystem::with_config(containers)
}

/// Fails the test unless the run ended before it began, for this reason and with this way out.
#[track_caller]
fn refused(ecosystem: &Ecosystem, output: Output, parts: &[&str]) {
    let output = output.exits(1).complains(parts).complains(&[
        "error[PREREQ_FAILED]: the Docker Engine cannot be used: ",
        "1. Do what the message says, or choose another engine with `--engine process`.",
        "2. run `chora bootstrap` again: it goes on from here",
    ]);
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    assert!(made_for(ecosystem).is_empty());
    assert_eq!(ecosystem.state()["status"], "failed");
}

fn bootstrap(ecosystem: &Ecosystem, variables: &[(&str, String)]) -> Output {
    ecosystem.chora_with(variables, &["bootstrap"])
}

fn unix(path: &Path) -> [(&'static str, String); 1] {
    [("DOCKER_HOST", format!("unix://{}", path.display()))]
}

fn tcp(host: &str) -> (&'static str, String) {
    ("DOCKER_HOST", format!("tcp://{host}"))
}

/// The same command where no engine is installed: nothing runs, and no program would.
fn where_nothing_is_installed(chora: &Command) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c"])
        .arg("mount -t tmpfs none /run && PATH=/nonexistent exec \"$0\" \"$@\"")
        .arg(chora.get_program())
        .args(chora.get_args())
        .env_remove("DOCKER_HOST")
        .env("XDG_RUNTIME_DIR", "/run/user/4711")
        .stdin(Stdio::null());
    for (name, value) in chora.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}

#[test]
fn no_engine_installed_is_told_with_every_place_that_was_tried() {
    let ecosystem = ecosystem();
    let mut command = where_nothing_is_installed(&ecosystem.command(&["bootstrap"]));
    let output = Output::of(&command.output().expect("a namespace"));
    refused(
        &ecosystem,
        output,
        &[
            "no Docker Engine is installed here",
            "`/var/run/docker.sock`, `/run/user/4711/docker.sock`, `/run/user/4711/podman/podman.sock`, `/run/podman/podman.sock`",
            "install Docker Engine, or set DOCKER_HOST, or use `--engine process`",
        ],
    );
}

#[test]
fn a_socket_that_may_not_be_used_is_told_with_how_to_be_let_in() {
    let ecosystem = ecosystem();
    let path = ecosystem.path().join("docker.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    std::fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("a mode");
    let closed = ecosystem.path().join("closed");
    std::fs::create_dir(&closed).expect("a directory");
    let within = UnixListener::bind(closed.join("docker.sock")).expect("a socket");
    std::fs::set_permissions(&closed, Permissions::from_mode(0o000)).expect("a mode");
    for path in [path, closed.join("docker.sock")] {
        let mut command = ecosystem.command(&["bootstrap"]);
        command.envs(unix(&path));
        let output = as_ordinary_user(command);
        let path = path.display();
        refused(
            &ecosystem,
            output,
            &[
                &format!("you may not use the Docker Engine at `unix://{path}`"),
                &format!("see with `ls -l {path}` who may"),
            ],
        );
    }
    std::fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("a mode");
    drop((listener, within));
}

#[test]
fn a_socket_at_which_nobody_listens_is_an_engine_that_does_not_run() {
    let ecosystem = ecosystem();
    let path = ecosystem.path().join("docker.sock");
    // What an engine leaves that was killed.
    drop(UnixListener::bind(&path).expect("a socket"));
    let output = bootstrap(&ecosystem, &unix(&path));
    let path = path.display();
    refused(
        &ecosystem,
        output,
        &[
            &format!("the Docker Engine at `unix://{path}` does not run"),
            "`systemctl start docker`",
        ],
    );
}

#[test]
fn a_docker_host_that_makes_no_sense_is_told_with_what_would() {
    for host in ["nonsense", "ssh://somewhere", "unix://", "tcp://"] {
        let ecosystem = ecosystem();
        let output = bootstrap(&ecosystem, &[("DOCKER_HOST", host.to_owned())]);
        refused(
            &ecosystem,
            output,
            &[
                &format!("DOCKER_HOST is `{host}`, which chora cannot use"),
                "set it to `unix:///PATH` or `tcp://HOST:PORT`",
            ],
        );
    }
}

#[test]
fn a_host_that_nobody_knows_is_told_as_one_that_cannot_be_reached() {
    let ecosystem = ecosystem();
    let host = format!("{}:2375", "x".repeat(64));
    let output = bootstrap(&ecosystem, &[tcp(&host)]);
    refused(
        &ecosystem,
        output,
        &[
            &format!("the Docker Engine at `tcp://{host}` cannot be reached"),
            "correct the address in DOCKER_HOST",
        ],
    );
}

#[test]
fn certificates_that_are_missing_are_told_by_their_file() {
    let ecosystem = ecosystem();
    let directory = ecosystem.path().join("certificates");
    let variables = [
        tcp("127.0.0.1:1"),
        ("DOCKER_TLS_VERIFY", "1".to_owned()),
        ("DOCKER_CERT_PATH", directory.display().to_string()),
    ];
    let path = directory.join("ca.pem");
    let missing = format!("`{}`, the certificate of the engine's", path.display());
    let parts = [missing.as_str(), "is not there", "set DOCKER_CERT_PATH"];
    let output = bootstrap(&ecosystem, &variables);
    refused(&ecosystem, output, &parts);
    let output = ecosystem.chora_with(&variables, &["image", "build"]);
    let output = output.exits(1).complains(&["error[ENGINE_UNAVAILABLE]"]);
    output.complains(&parts);
}

/// An engine that says that it is an old one to everybody who asks.
struct Old {
    path: PathBuf,
}

impl Old {
    fn at(path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).expect("a socket");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(stream) = stream.ok().filter(asked) else {
                    return;
                };
                // Whoever asked may have gone.
                let _ = answer(stream);
            }
        });
        Self { path }
    }
}

/// Reads a request; there is none where somebody only came to end this.
fn asked(stream: &UnixStream) -> bool {
    let mut lines = BufReader::new(stream).lines();
    let read = lines.by_ref().map_while(Result::ok);
    read.take_while(|line| !line.is_empty()).count() > 0
}

fn answer(mut stream: UnixStream) -> std::io::Result<()> {
    let body = r#"{"Version":"19.03.15","ApiVersion":"1.40"}"#;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

impl Drop for Old {
    fn drop(&mut self) {
        // The one who accepts ends with this.
        let _ = UnixStream::connect(&self.path);
    }
}

#[test]
fn an_engine_that_is_too_old_is_told_with_its_version_and_what_is_needed() {
    let ecosystem = ecosystem();
    let old = Old::at(ecosystem.path().join("docker.sock"));
    let output = bootstrap(&ecosystem, &unix(&old.path));
    refused(
        &ecosystem,
        output,
        &[
            "is too old: 19.03.15 speaks version 1.40 of the API, and chora needs 1.41",
            "update it to Docker Engine 20.10 or podman 4.0, or newer",
        ],
    );
}
