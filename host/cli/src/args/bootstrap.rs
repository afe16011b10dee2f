//! `chora bootstrap`.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{ArgAction, Args, Subcommand, ValueEnum};

use super::{ConfigArgs, ResetArgs, RollbackArgs, StatusArgs, ValidateArgs, seconds};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  phase 0, Pre-Bootstrap Validation, failed
  2  phase 1, Core Services, failed
  3  phase 2, Infrastructure Services, failed
  4  phase 3, Capability Services, failed
  5  phase 4, Validation, failed
  6  interrupted by Ctrl-C, SIGTERM or SIGHUP; a second signal ends it at once
  7  configuration error, or wrong usage of the command line
  8  the state, the credentials or a record of a process is damaged
  9  another run holds the environment's lock

Examples:
  chora bootstrap --init           write the default configuration and bring it up
  chora bootstrap --dry-run        show what would be done
  chora bootstrap --format json    one event per line, the last one the summary";

/// Bring everything up, in five phases; go on where an earlier run ended
///
/// It may be run any number of times: what already holds is verified and left alone. After a failure, an
/// interruption or a reboot, the next run repairs what is missing and goes on from there.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, subcommand_help_heading = "Commands (also directly under chora)")]
pub(crate) struct BootstrapArgs {
    /// Go on where an earlier run ended (the default)
    #[arg(long, overrides_with = "no_resume", action = ArgAction::SetTrue)]
    pub(crate) resume: bool,
    /// Do not rely on what earlier runs recorded: do every step and check anew
    #[arg(long, overrides_with = "resume", action = ArgAction::SetTrue)]
    pub(crate) no_resume: bool,
    /// How many steps may run at once [default: as many as are independent, capped]
    #[arg(long, value_name = "N")]
    pub(crate) parallel: Option<NonZeroUsize>,
    /// How long the whole run may take; fractions are allowed
    #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = seconds::parse)]
    pub(crate) timeout: Duration,
    /// Leave out the last phase
    #[arg(long)]
    pub(crate) skip_validation: bool,
    /// Show what would be done and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What to do with a failed run's services: keep them for a look, or roll back what the run did
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) on_failure: OnFailure,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Write the default configuration first, where there is none
    #[arg(long)]
    pub(crate) init: bool,
    #[command(subcommand)]
    pub(crate) command: Option<BootstrapCommand>,
}

/// What a failed run leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OnFailure {
    /// Everything as it is
    #[default]
    Keep,
    /// What was there before the run
    Rollback,
}

/// How a run is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Live progress on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// Plain lines
    Plain,
    /// One JSON event per line, the last one the summary
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BootstrapCommand {
    Status(StatusArgs),
    Rollback(RollbackArgs),
    Reset(ResetArgs),
    Validate(ValidateArgs),
    Config(ConfigArgs),
}
