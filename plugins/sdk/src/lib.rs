//! What authors of chora plugins depend on.
//!
//! A plugin is a WebAssembly component that does nothing by itself: services, HTTP, credentials and the machine are reached through the
//! host functions in [`services`], [`health`], [`http`], [`tcp`], [`credentials`], [`machine`], [`docker`], [`settings`] and [`progress`],
//! each of which the user grants. There are three kinds: a [`Phase`] plans steps and brings each one about, a [`HealthCheck`] answers whether a
//! service is healthy, an [`Observer`] is told what happens in a run.
//!
//! # A phase
//!
//! A crate with `crate-type = ["cdylib"]`, this crate among its dependencies, and:
//!
//! ```
//! use chora_plugin::http::Request;
//! use chora_plugin::{Context, Error, Failure, Metadata, Outcome, Phase, Step};
//!
//! /// Loads the first data set into the service that is called `search`.
//! struct Seed;
//!
//! impl Phase for Seed {
//!     fn describe() -> Metadata {
//!         Metadata::new("seed", env!("CARGO_PKG_VERSION"), "loads the first data set")
//!             .asks("http=POST @phase:3/v1/load", "to load the data set")
//!     }
//!
//!     fn plan(_context: &Context) -> Result<Vec<Step>, Error> {
//!         Ok(vec![Step::new("load", "Load the first data set").service("search")])
//!     }
//!
//!     fn apply(context: &Context, step: &str) -> Result<Outcome, Error> {
//!         if step != "load" {
//!             return Err(Error::UnknownStep(step.to_owned()));
//!         }
//!         let origin = context.service("search").and_then(|service| service.origin());
//!         let origin = origin.ok_or_else(|| Failure::new("service `search` has no address"))?;
//!         let answer = Request::post(format!("{origin}/v1/load")).send()?;
//!         if !answer.is_success() {
//!             return Err(Failure::new(format!("`search` took no data: {}", answer.problem()))
//!                 .service("search")
//!                 .next("Read its log with `chora logs search`.")
//!                 .into());
//!         }
//!         Ok(Outcome::changed("loaded"))
//!     }
//! }
//!
//! chora_plugin::export_phase!(Seed);
//! # fn main() {}
//! ```
//!
//! It is built with `cargo build --target wasm32-wasip2 --release`, and added to a project with `chora plugin add`. The host makes a fresh instance for each call, so nothing is
//! remembered between them, and every step may be applied more than once. Retrying and time limits are the host's work.
//!
//! # Errors and dry runs
//!
//! Every host function's error becomes an [`Error`] through `?`, with a sentence, causes and next actions. In a dry run the host
//! answers each change with `planned`; as an error that is [`Error::Planned`], which ends the step as planned and not as failed.
//!
//! # Tests
//!
//! A plugin also compiles for the machine it is developed on, where `cargo test` runs what does not call the host; a call of the host
//! panics there. Keep planning and the reading of answers in functions of their own.

#[doc(hidden)]
pub mod bindings;
pub mod docker;
mod error;
mod failure;
mod health_check;
pub mod http;
pub mod lifecycle;
mod metadata;
mod observer;
pub mod orchestrator;
mod phase;
pub mod poll;
pub mod progress;
pub mod registry;
mod service;
pub mod settings;

pub use bindings::exports::health_check::{Target, Verdict};
pub use bindings::exports::phase::{Context, Failure, Outcome, Step};
pub use bindings::imports::chora::bootstrap::types::{Change, GrantRequest, Metadata, Service};
pub use bindings::imports::chora::bootstrap::{credentials, health, machine, services, tcp};
pub use error::{Error, ResultExt};
pub use health_check::{HealthCheck, ProbeError};
pub use observer::{Event, Observer, Run, RunKind};
pub use phase::Phase;

/// Makes the component's exports out of a type that is a [`Phase`]. Once in a crate, at its root.
#[macro_export]
macro_rules! export_phase {
    ($plugin:ident) => {
        // Only a component has exports with names such as `chora:bootstrap/phase@0.1.1#plan`; other linkers refuse them.
        #[cfg(target_family = "wasm")]
        $crate::bindings::phase::export_phase_plugin!($plugin with_types_in $crate::bindings::phase);
        const _: fn() -> $crate::Metadata = <$plugin as $crate::Phase>::describe;
    };
}

/// Makes the component's exports out of a type that is a [`HealthCheck`]. Once in a crate, at its root.
#[macro_export]
macro_rules! export_health_check {
    ($plugin:ident) => {
        // Only a component has exports with names such as `chora:bootstrap/phase@0.1.1#plan`; other linkers refuse them.
        #[cfg(target_family = "wasm")]
        $crate::bindings::health_check::export_health_plugin!($plugin with_types_in $crate::bindings::health_check);
        const _: fn() -> $crate::Metadata = <$plugin as $crate::HealthCheck>::describe;
    };
}

/// Makes the component's exports out of a type that is an [`Observer`]. Once in a crate, at its root.
#[macro_export]
macro_rules! export_observer {
    ($plugin:ident) => {
        // Only a component has exports with names such as `chora:bootstrap/phase@0.1.1#plan`; other linkers refuse them.
        #[cfg(target_family = "wasm")]
        $crate::bindings::observer::export_observer_plugin!($plugin with_types_in $crate::bindings::observer);
        const _: fn() -> $crate::Metadata = <$plugin as $crate::Observer>::describe;
    };
}
