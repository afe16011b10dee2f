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
