//! `chora state`.

use clap::{Args, Subcommand};

const AFTER_HELP: &str = "\
Exit codes:
  0  done, or there was nothing to repair
  3  cancelled at the question
  7  configuration error, wrong usage of the command line, or nothing was ever started here
  8  there is nothing to make a state of, or a newer chora wrote it
  9  another run holds the environment's lock";

/// Look after the state file
#[derive(Debug, Clone, Args)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    pub(crate) command: StateCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum StateCommand {
    /// Make the state anew from the journals of the runs and from what runs now
    ///
    /// Shows what would change, and asks. A damaged file is moved aside and not deleted. Nothing that runs is touched.
    #[command(after_help = AFTER_HELP)]
    Repair {
        /// Do not ask
        #[arg(short, long)]
        force: bool,
        /// Show what would change and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}
