//! `cargo xtask ci`: every check of the CI, the same on a developer's machine. All of them run, whichever fails; the total of the tests
//! is the last line.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chora_guest_build::{TARGET, Toolchain};

use crate::workspace::{Workspace, succeed};
use crate::{docker, documents, packages, reproducible, setup, test};

pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let toolchain = setup::run(workspace)?;
    packages::ensure()?;
    docker::ensure(workspace)?;
    let checks: [(&str, &dyn Fn() -> Result<()>); 7] = [
        ("format", &|| format(workspace)),
        ("lints", &|| lints(workspace)),
        ("lints of the guests", &|| guest_lints(workspace, toolchain)),
        ("documentation", &|| documentation(workspace)),
        ("documents", &|| {
            documents::check(&workspace.root, &workspace.build_chora()?)
        }),
        ("no injection points", &|| {
            no_injection_points(&workspace.build_chora()?)
        }),
        ("reproducible plugins", &|| reproducible::check(workspace)),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        if let Err(error) = timed(name, check) {
            eprintln!("error: {error:#}");
            failed.push(name);
        }
    }

    let report = timed("tests", || test::run_tests(workspace, &[]))?;
    if !report.is_success() {
        failed.push("tests");
    }
    if !failed.is_empty() {
        println!("failed checks: {}", failed.join(", "));
    }
    report.print();
    Ok(if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Says what is checked, and how long it took.
fn timed<T>(name: &str, check: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {name}");
    let began = Instant::now();
    let result = check();
    eprintln!("<== {name}: {} s", began.elapsed().as_secs());
    result
}

/// The points that tests kill chora at are in the tests' binary only.
fn no_injection_points(chora: &Path) -> Result<()> {
    let bytes =
        std::fs::read(chora).with_context(|| format!("failed to read `{}`", chora.display()))?;
    let name = b"CHORA_FAULT_TRACE";
    if bytes.windows(name.len()).any(|part| part == name) {
        bail!("`{}` has injection points", chora.display());
    }
    Ok(())
}

fn format(workspace: &Workspace) -> Result<()> {
    succeed(workspace.cargo().args(["fmt", "--all", "--check"]))
}

fn lints(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]);
    succeed(&mut cargo)
}

/// The guests once more, for the target that they are made for; their native lints ran with everybody's.
fn guest_lints(workspace: &Workspace, toolchain: Toolchain) -> Result<()> {
    let mut probe = toolchain.cargo(&workspace.root);
    let has_clippy = probe
        .args(["clippy", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());

    let mut cargo = toolchain.cargo(&workspace.root);
    cargo.arg(if has_clippy { "clippy" } else { "check" });
    cargo
        .args(["--locked", "--target", TARGET, "--target-dir"])
        .arg(workspace.target.join("guests"));
    for guest in &workspace.guests {
        cargo.args(["--package", guest]);
    }
    if has_clippy {
        cargo.args(["--", "-D", "warnings"]);
    } else {
        cargo.env("RUSTFLAGS", "-D warnings");
    }
    succeed(&mut cargo)
}

fn documentation(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings");
    succeed(&mut cargo)
}
