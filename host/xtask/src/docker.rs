//! A Docker Engine for the tests: one that answers is used as it is; on a machine where that is possible one is installed and started, detached,
//! and left running for the next time.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::packages;
use crate::workspace::Workspace;

const SOCKET: &str = "/var/run/docker.sock";
const START_LIMIT: Duration = Duration::from_secs(60);

/// Sees to it that an engine answers where the tests will look for it.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    match std::env::var("DOCKER_HOST") {
        Ok(address) if !address.is_empty() => ping_address(&address).map_err(|error| {
            anyhow!("no Docker Engine answers at `{address}`: {error}\nhint: start it, or unset `DOCKER_HOST`")
        }),
        _ => ensure_local(workspace),
    }
}

fn ensure_local(workspace: &Workspace) -> Result<()> {
    match ping(|| UnixStream::connect(SOCKET)) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => bail!(
            "the Docker Engine's socket `{SOCKET}` is not open to this user: {error}\n\
             hint: `sudo usermod -aG docker $USER`, and log in again"
        ),
        Err(_) => {}
    }
    if !cfg!(target_os = "linux") {
        bail!(
            "the tests need a Docker Engine, and none answers at `{SOCKET}`\nhint: start one, or name it with `DOCKER_HOST`"
        );
    }
    packages::ensure_docker()?;
    // The package starts the engine itself where a service manager runs.
    if ping(|| UnixStream::connect(SOCKET)).is_ok() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        bail!(
            "the tests need a Docker Engine, and none answers at `{SOCKET}`\n\
             hint: start it with `sudo systemctl start docker` (or `sudo dockerd`), or name another with `DOCKER_HOST`"
        );
    }
    start(&workspace.target.join("dockerd.log"))
}

/// Starts the engine in a session of its own. A second one started at the same time gives way by itself: both know the pid file.
fn start(log: &Path) -> Result<()> {
    eprintln!(
        "starting dockerd; its log is `{}`, its process id in `/var/run/docker.pid`",
        log.display()
    );
    let file =
        File::create(log).with_context(|| format!("failed to create `{}`", log.display()))?;
    let mut command = Command::new("setsid");
    command
        .arg("dockerd")
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file);
    let mut child = command
        .spawn()
        .context("failed to start `setsid dockerd`")?;
    wait(&mut child).map_err(|error| {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(10)..).unwrap_or(&[]);
        anyhow!(
            "failed to start `dockerd`: {error}; the end of `{}`:\n{}\nhint: start one by hand, or name another with `DOCKER_HOST`",
            log.display(),
            tail.join("\n")
        )
    })
}

fn wait(child: &mut Child) -> Result<()> {
    let began = Instant::now();
    let mut ended = None;
    loop {
        if ping(|| UnixStream::connect(SOCKET)).is_ok() {
            return Ok(());
        }
        if let (None, Some(status)) = (ended, child.try_wait()?) {
            ended = Some((status, Instant::now()));
        }
        // Another that was quicker may be about to answer.
        if let Some((status, at)) = ended
            && at.elapsed() > Duration::from_secs(5)
        {
            bail!("it ended with {status}");
        }
        if began.elapsed() > START_LIMIT {
            bail!("it does not answer after {} s", START_LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ping_address(address: &str) -> Result<()> {
    if let Some(path) = address.strip_prefix("unix://") {
        return Ok(ping(|| UnixStream::connect(path))?);
    }
    if let Some(host) = address.strip_prefix("tcp://") {
        // It may speak TLS, which is the tests' own affair.
        TcpStream::connect(host)?;
        return Ok(());
    }
    bail!("the address must begin with `unix://` or `tcp://`")
}

fn ping<S: Read + Write>(connect: impl FnOnce() -> io::Result<S>) -> io::Result<()> {
    let mut stream = connect()?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    let first = answer.split(|byte| *byte == b'\r').next().unwrap_or(&[]);
    if first.ends_with(b" 200 OK") {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "it answered `{}`",
            String::from_utf8_lossy(first)
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::ping;

    fn answered(answer: &'static [u8]) -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path)?;
        let server = std::thread::spawn(move || -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                request.extend(byte);
            }
            assert!(request.starts_with(b"GET /_ping HTTP/1.0\r\n"));
            stream.write_all(answer)
        });
        let result = ping(|| UnixStream::connect(&path));
        server.join().expect("the server does not panic")?;
        result
    }

    #[test]
    fn an_engine_that_answers_ok_is_there() {
        answered(b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n\r\nOK").expect("it is there");
    }

    #[test]
    fn an_engine_that_is_still_starting_is_not_there() {
        let error = answered(b"HTTP/1.0 503 Service Unavailable\r\n\r\n").expect_err("not yet");
        assert_eq!(
            error.to_string(),
            "it answered `HTTP/1.0 503 Service Unavailable`"
        );
    }

    #[test]
    fn nobody_at_the_socket_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        ping(|| UnixStream::connect(directory.path().join("socket"))).expect_err("nobody");
    }
}
