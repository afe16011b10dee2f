//! The environment of the inner cargo: the caller's, without what the outer cargo, rustup or clippy put there for another compiler
//! and another target. Only `toolchain` uses it.

use std::process::Command;

/// Cargo's settings that hold for any build on this machine: where crates come from, not how they are compiled.
const KEPT: [&str; 6] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
];

/// What cargo tells a build script about the *outer* compilation, and what steers a compiler.
const REMOVED: [&str; 14] = [
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "MFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "SYSROOT",
    "TARGET",
];

const REMOVED_PREFIXES: [&str; 6] = ["CARGO", "CLIPPY_", "DEP_", "RUSTC_", "RUSTDOC_", "__CARGO"];

pub(crate) fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_outer) {
            command.env_remove(name);
        }
    }
}

fn is_outer(name: &str) -> bool {
    if KEPT.iter().any(|kept| name.starts_with(kept)) {
        return false;
    }
    REMOVED.contains(&name)
        || REMOVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::is_outer;

    #[test]
    fn compiler_settings_of_the_outer_build_are_removed() {
        for name in [
            "CARGO",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MAKEFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_DIR",
            "CLIPPY_ARGS",
            "RUSTC",
            "RUSTC_BOOTSTRAP",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "TARGET",
        ] {
            assert!(is_outer(name), "{name} must not reach the inner cargo");
        }
    }

    #[test]
    fn what_finds_the_registry_is_kept() {
        for name in [
            "CARGO_HOME",
            "CARGO_HTTP_CAINFO",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
            "CARGO_SOURCE_MIRROR_REGISTRY",
            "HOME",
            "PATH",
            "RUSTUP_HOME",
        ] {
            assert!(!is_outer(name), "{name} must reach the inner cargo");
        }
    }
}
