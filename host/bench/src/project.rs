//! A project directory of its own, with ports of its own, for one measured life of the ecosystem.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Below the range from which the system takes ports for connections, so that none is lost to one between the look and the start.
const PORTS: std::ops::Range<u16> = 30_000..32_500;

/// Where a project's configuration is.
const CONFIG: &str = ".chora/bootstrap-config.yml";
/// Where the search for ports goes on.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// A project directory that is reset when it is dropped.
pub(crate) struct Project<'a> {
    chora: &'a Path,
    directory: tempfile::TempDir,
}

/// What a command that succeeded left.
pub(crate) struct Ran {
    /// From before it was started until it was gone.
    pub(crate) took: Duration,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The events of a run with `--format json`.
    pub(crate) fn events(&self) -> impl Iterator<Item = Value> {
        self.stdout.lines().filter_map(event)
    }
}

/// A line of `--format json`.
pub(crate) fn event(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

impl<'a> Project<'a> {
    /// A directory with the default configuration on free ports, for processes.
    pub(crate) fn new(chora: &'a Path) -> Result<Self> {
        let directory = tempfile::tempdir().context("failed to make a directory")?;
        let home = directory.path().join(".chora");
        std::fs::create_dir(&home).context("failed to make `.chora`")?;
        let mut text = chora_model::config::DEFAULT.replace("engine: auto", "engine: process");
        for port in ["8500", "8600", "8700", "8800"] {
            text = text.replace(port, &free_port()?.to_string());
        }
        std::fs::write(directory.path().join(CONFIG), text)
            .context("failed to write the configuration")?;
        Ok(Self { chora, directory })
    }

    /// Puts another configuration into its place; `PORT` in it becomes a free port.
    pub(crate) fn configure(&self, text: &str) -> Result<()> {
        let text = text.replace("PORT", &free_port()?.to_string());
        std::fs::write(self.directory.path().join(CONFIG), text)
            .context("failed to write the configuration")
    }

    /// The project's directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// `chora` in this project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.chora);
        command
            .arg("-C")
            .arg(self.directory.path())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs `chora` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ran> {
        timed(&mut self.command(arguments))
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        // Nothing can be reported from here; a directory that is not reset is left to be looked at.
        let _ = self.run(&["reset", "--force", "--volumes"]);
    }
}

/// Runs a command to its end and times it.
pub(crate) fn timed(command: &mut Command) -> Result<Ran> {
    let name = command.get_program().to_os_string();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_os_string).collect();
    let began = Instant::now();
    let output = command
        .output()
        .with_context(|| format!("failed to run `{}`", name.display()))?;
    let took = began.elapsed();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.success(),
        "`{}` with {arguments:?} failed:\n{stdout}{stderr}",
        name.display()
    );
    Ok(Ran {
        took,
        stdout,
        stderr,
    })
}

/// A port on which nobody listens.
pub(crate) fn free_port() -> Result<u16> {
    let count = PORTS.end - PORTS.start;
    for _ in 0..count {
        let port = PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % count;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("failed to find a free port in {PORTS:?}")
}
