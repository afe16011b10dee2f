//! What the tests need besides Rust: programs and libraries of the system. What is missing is installed where that is possible without a question, and named where it is not.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::workspace::succeed;

/// Something that the tests need.
struct Need {
    /// What it is for.
    purpose: &'static str,
    /// The package of Debian and its kin.
    package: &'static str,
    /// Whether it is there.
    is_there: fn() -> bool,
}

const NEEDS: [Need; 4] = [
    Need {
        purpose: "tests step the clock of processes with libfaketime",
        package: "faketime",
        is_there: has_faketime,
    },
    Need {
        purpose: "tests run a shell in containers that have nothing else",
        package: "busybox-static",
        is_there: has_static_busybox,
    },
    Need {
        purpose: "tests speak with the socket of podman too",
        package: "podman",
        is_there: || has_program("podman"),
    },
    Need {
        purpose: "tests get components from an OCI registry",
        package: "docker-registry",
        is_there: || has_program("docker-registry"),
    },
];

/// Only where no Docker Engine answers.
const DOCKER_NEEDS: [Need; 2] = [
    Need {
        purpose: "tests run containers on a Docker Engine",
        package: "docker.io",
        is_there: || has_program("dockerd"),
    },
    Need {
        purpose: "the Docker Engine makes its networks with iptables",
        package: "iptables",
        is_there: || has_program("iptables"),
    },
];

/// Sees to it that everything is there but the Docker Engine, which need not be of this machine.
pub(crate) fn ensure() -> Result<()> {
    ensure_all(&NEEDS)
}

/// Sees to it that a Docker Engine can be started.
pub(crate) fn ensure_docker() -> Result<()> {
    ensure_all(&DOCKER_NEEDS)
}

fn ensure_all(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    eprintln!("installing {}", packages.join(", "));
    let installed = install(&packages);
    let Some(need) = missing.iter().find(|need| !(need.is_there)()) else {
        return Ok(());
    };
    let hint = format!(
        "install it, on Debian and its kin with `apt-get install {}`",
        need.package
    );
    match installed {
        Ok(()) => bail!(
            "`{}` is missing: {}\nhint: {hint}",
            need.package,
            need.purpose
        ),
        Err(error) => bail!(
            "`{}` is missing ({}), and installing it failed: {error:#}\nhint: {hint}",
            need.package,
            need.purpose
        ),
    }
}

fn install(packages: &[&str]) -> Result<()> {
    if apt_get(&["install"], packages).is_ok() {
        return Ok(());
    }
    // A fresh machine has no list of packages yet.
    apt_get(&["update"], &[])?;
    apt_get(&["install"], packages)
}

/// As the superuser, or through `sudo` where that asks no question.
fn apt_get(action: &[&str], packages: &[&str]) -> Result<()> {
    let is_root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
    if !is_root {
        command.args(["-n", "apt-get"]);
    }
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["--quiet", "--yes"])
        .args(action)
        .args(packages);
    succeed(&mut command)
}

fn has_faketime() -> bool {
    let below = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    below
        .map(|entry| entry.path())
        .chain([Path::new("/usr/lib").to_owned()])
        .any(|place| place.join("faketime/libfaketimeMT.so.1").is_file())
}

/// One that needs no other file: it names no loader.
fn has_static_busybox() -> bool {
    let loader = b"/ld-linux";
    ["/bin/busybox", "/usr/bin/busybox"].iter().any(|path| {
        std::fs::read(path)
            .is_ok_and(|bytes| !bytes.windows(loader.len()).any(|part| part == loader))
    })
}

/// Where the superuser's programs are counts too: a user's `PATH` may leave it out.
fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|directory| directory.join(name).is_file())
}
