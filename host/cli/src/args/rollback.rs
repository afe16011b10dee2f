//! `chora rollback`.

use clap::Args;

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  something could not be rolled back; run it again to go on
  2  invalid target phase
  3  cancelled at the question
  6  interrupted by Ctrl-C, SIGTERM or SIGHUP
  7  configuration error, or wrong usage of the command line
  8  the state, the credentials or a record of a process is damaged
  9  another run holds the environment's lock";

/// Undo what later phases made, in reverse order of dependency
///
/// Going back to phase 0 deletes the services' data together with the credentials that were made with it, or keeps both
/// with --keep-data.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RollbackArgs {
    /// The phase to go back to, 0 to 3 [default: the one before the current one]
    #[arg(long, value_name = "PHASE", allow_hyphen_values = true)]
    pub(crate) to_phase: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Keep the services' data, and the credentials with it
    #[arg(long)]
    pub(crate) keep_data: bool,
    /// Show what would be done and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
