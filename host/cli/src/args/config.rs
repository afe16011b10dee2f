//! `chora config`.

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

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
    /// Make the signing secret and every service's API key anew
    ///
    /// Services that run go on with the old ones until `chora config apply-credentials`, or the next `chora bootstrap`,
    /// starts them again.
    RotateCredentials {
        /// Do not ask
        #[arg(short, long)]
        force: bool,
        /// Make them anew although the services have data that was made with the old ones
        #[arg(long)]
        despite_data: bool,
    },
    /// Start again every service that runs with other credentials than those of the file
    ///
    /// It is a `chora bootstrap` without its last phase, with the same report and the same exit codes.
    ApplyCredentials {
        /// How to report
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
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
