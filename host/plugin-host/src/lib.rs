//! Plugins as sandboxed WebAssembly components: loading, limiting, calling, and the host functions that they may call.
//!
//! **Invariant:** no phase logic lives here. A host function does one thing to the engine, the network or the credentials, after its grant was checked and recorded; it does not know
//! which phase asked.

mod bindings;
mod call;
mod capability;
mod credentials;
mod error;
mod gate;
mod health;
mod host;
mod intent;
mod limits;
mod names;
mod output;
mod plugin;
mod scene;
mod types;

pub use call::Outstanding;
pub use credentials::{Bearer, CredentialVault};
pub use error::{GuestFailure, PluginError};
pub use gate::{Class, Denial, HostFunction};
pub use health::{HealthError, HealthReport, HealthService, ProbeTally};
pub use host::{Call, CompileCache, HostOptions, PluginHost, hex_sha256};
pub use intent::Intent;
pub use limits::Limits;
pub use names::Lookup;
pub use plugin::{GrantRequest, Metadata, Plugin, PluginKind, VERSIONS, served};
pub use scene::Scene;
pub use types::{
    Context, ObservedEvent, ObservedFailure, ObservedRun, Outcome, PlannedStep, Target, Verdict,
};
