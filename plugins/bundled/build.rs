//! Compiles the bundled guests for `wasm32-wasip2` and writes the table of their bytes that `lib.rs` includes.

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use chora_guest_build::GuestBuild;

/// The plugins that chora carries; each is the package `chora-guest-<name>`.
const NAMES: [&str; 7] = [
    "preflight",
    "core-services",
    "infrastructure",
    "capabilities",
    "validation",
    "http-check",
    "tcp-check",
];

fn main() -> ExitCode {
    match build() {
        Ok(inputs) => {
            println!("cargo::rerun-if-changed=build.rs");
            for input in inputs {
                println!("cargo::rerun-if-changed={}", input.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            let mut cause = Some(&*error);
            while let Some(error) = cause {
                for line in error.to_string().lines().filter(|line| !line.is_empty()) {
                    println!("cargo::error={line}");
                }
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Returns what the components are made of.
fn build() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let manifest_dir = std::env::var("CARGO_MANIFEST_DIR")?;
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);

    let mut guests = GuestBuild::new(manifest_dir);
    for name in NAMES {
        guests = guests.package(format!("chora-guest-{name}"));
    }
    let built = guests.build(&out_dir)?;

    let mut table = String::from("&[\n");
    for (name, (_, component)) in NAMES.iter().zip(&built.components) {
        writeln!(
            table,
            "BundledPlugin {{ name: {name:?}, bytes: include_bytes!({component:?}) }},"
        )?;
    }
    table.push_str("]\n");
    std::fs::write(out_dir.join("table.rs"), table)?;
    Ok(built.inputs)
}
