//! What can be typed: clap types, one file per command. No behaviour lives here.

mod bootstrap;
mod completions;
mod config;
mod image;
mod logs;
mod plugin;
mod reset;
mod rollback;
mod runs;
mod seconds;
mod serve;
mod state;
mod status;
mod validate;

use std::path::PathBuf;
use std::time::Duration;

use chora_model::config::EngineChoice;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(crate) use bootstrap::{BootstrapArgs, BootstrapCommand, Format, OnFailure};
pub(crate) use completions::CompletionsArgs;
pub(crate) use config::{ConfigArgs, ConfigCommand, ShowFormat};
pub(crate) use image::{ImageArgs, ImageCommand};
pub(crate) use logs::LogsArgs;
pub(crate) use plugin::{
    AddArgs, AuditArgs, ConsentArgs, PluginArgs, PluginCommand, PluginFormat, UpdateArgs,
};
pub(crate) use reset::ResetArgs;
pub(crate) use rollback::RollbackArgs;
pub(crate) use runs::{RunsArgs, RunsCommand, RunsFormat};
pub(crate) use serve::{Role, ServeArgs};
pub(crate) use state::{StateArgs, StateCommand};
pub(crate) use status::{StatusArgs, StatusFormat};
pub(crate) use validate::{ValidateArgs, ValidateFormat};

const AFTER_HELP: &str = "\
Exit codes of all commands; the `--help` of each lists its own:
  0  done
  6  interrupted by Ctrl-C, SIGTERM or SIGHUP
  7  configuration error, or wrong usage of the command line
  8  the state, the credentials or a record of a process is damaged
  9  another run holds the environment's lock";

/// Take an ecosystem of services from nothing to running, healthy and validated
#[derive(Debug, Parser)]
#[command(
    name = "chora",
    version,
    propagate_version = false,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = AFTER_HELP
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Work in this directory instead of the current one
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// The environment to work on [default: the configuration's, or dev]
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) environment: Option<String>,
    /// The configuration [default: .chora/bootstrap-config.yml]
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// What runs the services [default: the configuration's, or auto]
    #[arg(long, value_enum, global = true)]
    pub(crate) engine: Option<EngineArg>,
    /// How long to wait for another command that changes the environment, instead of ending with 9 at once
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "0",
        hide_default_value = true,
        value_parser = seconds::parse_or_none,
        global = true
    )]
    pub(crate) lock_wait: Duration,
    /// Say more: each step's beginning and its log lines; and log to stderr, which CHORA_LOG refines
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    pub(crate) verbose: bool,
    /// When to use colours; NO_COLOR turns them off where this is auto
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    pub(crate) color: ColorArg,
}

/// What runs the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArg {
    /// The engine that runs the services already, else Docker where it answers, else processes
    Auto,
    /// Processes of this machine
    Process,
    /// Containers of a Docker Engine
    Docker,
}

impl From<EngineArg> for EngineChoice {
    fn from(engine: EngineArg) -> Self {
        match engine {
            EngineArg::Auto => Self::Auto,
            EngineArg::Process => Self::Process,
            EngineArg::Docker => Self::Docker,
        }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorArg {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Bootstrap(BootstrapArgs),
    Status(StatusArgs),
    Rollback(RollbackArgs),
    Reset(ResetArgs),
    Validate(ValidateArgs),
    Config(ConfigArgs),
    Logs(LogsArgs),
    Plugin(PluginArgs),
    State(StateArgs),
    Runs(RunsArgs),
    Serve(ServeArgs),
    Image(ImageArgs),
    Completions(CompletionsArgs),
}
