//! `chora logs`.

use clap::Args;

/// Show what a service logged
#[derive(Debug, Clone, Args)]
pub(crate) struct LogsArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// Go on with each new line, until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub(crate) tail: usize,
}
