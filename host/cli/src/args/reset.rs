//! `chora reset`.

use clap::Args;

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  something could not be removed; run it again to go on
  3  cancelled at the question
  6  interrupted by Ctrl-C, SIGTERM or SIGHUP
  7  configuration error, or wrong usage of the command line
  9  another run holds the environment's lock";

/// Stop and remove everything and forget the state
///
/// The services' data and the credentials are kept, unless --volumes is given.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ResetArgs {
    /// Do not ask
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Delete the services' data and the credentials too
    #[arg(long)]
    pub(crate) volumes: bool,
    /// Spare the credentials where --volumes deletes the data
    #[arg(long)]
    pub(crate) keep_credentials: bool,
}
