//! Builds guest crates of this workspace into components, from a build script or a test.
//!
//! Called by `plugins/bundled` for the plugins that chora carries, by crates that need guests made for tests, and by `xtask`, which
//! shares its way of finding the toolchain. It knows cargo and rustup; it does not know what a plugin is.
//!
//! ```no_run
//! # fn main() -> Result<(), chora_guest_build::Error> {
//! let guests = chora_guest_build::GuestBuild::new(env!("CARGO_MANIFEST_DIR"))
//!     .package("chora-guest-preflight")
//!     .build("target/components")?;
//! for (package, component) in guests.components {
//!     assert!(component.ends_with(format!("{package}.wasm")));
//! }
//! # Ok(())
//! # }
//! ```

mod build;
mod discover;
mod environment;
mod error;
mod script;
mod toolchain;
mod watch;

pub use build::{Built, GuestBuild};
pub use discover::{Guest, guests};
pub use error::Error;
pub use script::{build_script, script_for_guests_below};
pub use toolchain::{TARGET, Toolchain};
