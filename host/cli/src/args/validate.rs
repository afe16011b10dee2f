//! `chora validate`.

use clap::{Args, ValueEnum};

const AFTER_HELP: &str = "\
Exit codes:
  0  every check holds
  1  a check failed
  2  services are not running
  6  interrupted by Ctrl-C, SIGTERM or SIGHUP
  7  configuration error, or wrong usage of the command line
  8  the state, the credentials or a record of a process is damaged
  9  another run holds the environment's lock";

/// Prove that the running services work together
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ValidateArgs {
    /// Leave out the check that services are found through the registry
    #[arg(long)]
    pub(crate) skip_discovery: bool,
    /// Leave out the check that requests go through the gateway
    #[arg(long)]
    pub(crate) skip_routing: bool,
    /// Leave out the check that the orchestrator stops and starts a service
    #[arg(long)]
    pub(crate) skip_control: bool,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ValidateFormat,
}

/// How the checks are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ValidateFormat {
    /// One line per check
    #[default]
    Table,
    /// One JSON event per line, the last one the summary
    Json,
}
