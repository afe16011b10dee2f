//! `chora status`.

use clap::{Args, ValueEnum};

const AFTER_HELP: &str = "\
Exit codes:
  0  every service is healthy
  1  something is not healthy, or a run is under way
  2  not bootstrapped yet
  3  the last bootstrap failed
  7  configuration error, or wrong usage of the command line
  8  the state file is corrupted";

/// Show how each service is, asked live
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct StatusArgs {
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: StatusFormat,
    /// Go on showing it: every second on a terminal, at each change elsewhere; JSON as one object per line. Ctrl-C ends
    /// it with the exit code of what was shown last
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Only these services
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) services: Vec<String>,
}

/// How the status is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum StatusFormat {
    /// For people
    #[default]
    Table,
    /// One JSON object
    Json,
    /// One YAML document
    Yaml,
}
