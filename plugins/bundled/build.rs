//! Compiles the bundled guests for `wasm32-wasip2` and writes the table of their bytes that `lib.rs` includes.

use std::process::ExitCode;

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
    chora_guest_build::build_script(
        |_| Ok(NAMES.map(|name| format!("chora-guest-{name}")).into()),
        |components| {
            let rows = NAMES.iter().zip(components).map(|(name, (_, component))| {
                format!(
                    "BundledPlugin {{ name: {name:?}, bytes: include_bytes!({component:?}) }},\n"
                )
            });
            format!("&[\n{}]\n", rows.collect::<String>())
        },
    )
}
