//! `chora serve`.

use clap::{Args, ValueEnum};

/// Run one of the reference services
///
/// It is set up through its environment: HOST, PORT, DATA_DIR, MANIFEST_URL, LOG_LEVEL and others.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Which one
    #[arg(value_enum, value_name = "ROLE")]
    pub(crate) role: Role,
    /// Do not run it: ask the one that runs beside this command whether it is healthy, and end with 0 or 1
    ///
    /// It is found by the same HOST and PORT. A container's HEALTHCHECK runs this.
    #[arg(long)]
    pub(crate) check: bool,
}

/// The reference services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The registry of services
    Manifest,
    /// Deploys services and keeps them running
    Orchestrator,
    /// Routes requests to services
    Gateway,
    /// The sample capability: analyses text
    Analyzer,
}
