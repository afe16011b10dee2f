//! `chora runs`.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand, ValueEnum};

const AFTER_HELP: &str = "\
A run is named by its identifier or the beginning of it, by `latest`, or by `latest~N` for the
N-th before that. Nothing is changed and no lock is taken: looking back works while a run goes on,
and whatever became of the state.

Exit codes:
  0  done, also where there is no run yet
  1  the journals cannot be listed, or the run's journal cannot be read
  7  there is no such run, or several fit; configuration error, or wrong usage of the command line

Examples:
  chora runs list                          the latest runs, the newest first
  chora runs show                          what the latest run did, and the failure as it was told
  chora runs report latest~1               what took the time in the run before
  chora runs list --format json --limit 5  for programs";

/// Look back at runs: which there were, what they did, what took the time
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) command: RunsCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RunsCommand {
    /// List the runs of the environment, the newest first
    List {
        /// How many
        #[arg(short = 'n', long, value_name = "N", default_value = "20")]
        limit: NonZeroUsize,
        /// How to show them
        #[arg(long, value_enum, default_value_t)]
        format: RunsFormat,
    },
    /// Show what a run did, step by step, and the failure as the run told it
    Show {
        /// The run [default: latest]
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// How to show it
        #[arg(long, value_enum, default_value_t)]
        format: RunsFormat,
    },
    /// Analyse a run: critical path, slow steps, retries, denied calls, plugins
    ///
    /// A step is compared with earlier runs of the same kind that succeeded, and in which it changed something, or
    /// did not, as in this one.
    Report {
        /// The run [default: latest]
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// How to show it
        #[arg(long, value_enum, default_value_t)]
        format: RunsFormat,
    },
}

/// How runs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum RunsFormat {
    /// For people
    #[default]
    Table,
    /// One JSON document
    Json,
}
