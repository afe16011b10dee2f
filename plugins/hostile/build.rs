//! Compiles every guest below this directory and writes the constants of their bytes that `lib.rs` includes.

use std::process::ExitCode;

fn main() -> ExitCode {
    chora_guest_build::script_for_guests_below("chora-hostile-")
}
