//! `chora config`.

use clap::{Args, Subcommand, ValueEnum};

/// Show, check and edit the configuration
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show what the configuration amounts to: defaults filled in, environment merged, secrets covered
    Show {
        /// How to show it
        #[arg(long, value_enum, default_value_t)]
        format: ShowFormat,
    },
    /// Check the configuration and say everything that is wrong with it
    Validate,
    /// Edit the configuration with $VISUAL or $EDITOR; it is replaced only by one that is valid
    Edit,
}

/// How the configuration is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ShowFormat {
    /// As it would be written
    #[default]
    Yaml,
    /// For programs
    Json,
}
