//! `chora plugin`.

use clap::{Args, Subcommand, ValueEnum};

const AFTER_HELP: &str = "\
Added plugins are kept in `.chora/plugins` by their SHA-256 and recorded in `.chora/plugins.lock`,
which belongs into version control. They are the project's: every environment runs them, in the
place where they were added, unless `plugins:` in its configuration says another.

Exit codes:
  0  done, or there was nothing to do
  1  a file cannot be read or written, a URL or a registry gives nothing; `verify` and `inspect`: a component
     is not the one that was added, or not signed as the configuration asks for it; `selftest`: an attack
     was not stopped, or could not be made
  3  cancelled at the question
  6  interrupted by Ctrl-C, SIGTERM or SIGHUP
  7  a component that cannot be used or is not signed as the configuration asks for it, a wrong
     grant or place, a name that is taken or unknown, a damaged record; configuration error, or
     wrong usage of the command line
  9  a run or another command that changes plugins is at work

Examples:
  chora plugin add ./custom_phase.wasm --phase 3    show what it asks for, ask, add it
  chora plugin add https://example.org/seed.wasm --after db --yes
  chora plugin inspect seed                         what it is, what it may do, what it did
  chora plugin audit seed --unused                  which of its grants could be taken back
  chora plugin verify                               whether the components are still what was added
  chora plugin selftest                             whether hostile plugins are stopped on this machine";

/// Add plugins by anyone, look at them, update and remove them
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    pub(crate) command: PluginCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PluginCommand {
    Add(AddArgs),
    /// List the project's plugins: the bundled, the configured and the added ones
    List {
        /// How to show them
        #[arg(long, value_enum, default_value_t)]
        format: PluginFormat,
    },
    /// Show what a plugin is, what it imports and may do, and what it did in the latest runs
    Inspect {
        /// The plugin
        #[arg(value_name = "NAME")]
        name: String,
        /// How to show it
        #[arg(long, value_enum, default_value_t)]
        format: PluginFormat,
    },
    /// Take an added plugin out of the project, with its component
    ///
    /// Refused while the configuration of any environment names the plugin.
    Remove {
        /// The plugin
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    Update(UpdateArgs),
    Audit(AuditArgs),
    /// Attack this chora with hostile plugins, and show that each of them is stopped
    ///
    /// Real components try to get out of the sandbox or to harm whoever runs them: endless loops, unbounded memory, ungranted
    /// calls, requests to elsewhere, texts that steer a terminal, secrets that are told on. They work in temporary directories
    /// and ask only ports of this machine that the test itself opens; your project, its environments and the Docker Engine are
    /// not touched. `--verbose` shows how each attack was stopped.
    Selftest {
        /// How to show it
        #[arg(long, value_enum, default_value_t)]
        format: PluginFormat,
    },
    /// Compare every added component with what was recorded when it was added, and check signatures
    ///
    /// Signatures are checked where the configuration lists `plugin_keys`: those of the added components, and of those that
    /// the configuration itself names.
    Verify {
        /// How to show it
        #[arg(long, value_enum, default_value_t)]
        format: PluginFormat,
    },
}

/// Add a component as a plugin of the project
///
/// The component is looked at with nothing granted. What it is, what it imports and what it asks for, with the author's
/// reasons, is shown before anything is asked. The next `chora bootstrap` runs it in its place.
#[derive(Debug, Clone, Args)]
pub(crate) struct AddArgs {
    /// The component: a path, an `http` or `https` URL, or `oci://REGISTRY/REPOSITORY:TAG`
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Its signature: a path, or an `http` or `https` URL [default: SOURCE with `.minisig` after its path]
    ///
    /// Of a component in a registry it is the annotation `dev.chora.minisig` of its manifest, or of that of another address.
    /// It is read, and must be good, where the configuration lists `plugin_keys`.
    #[arg(long, value_name = "PATH|URL|oci://…")]
    pub(crate) signature: Option<String>,
    /// The name that it gets in this project [default: its own]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Run it as a part of this phase, 0 to 4
    #[arg(long, value_name = "N", conflicts_with_all = ["before", "after"])]
    pub(crate) phase: Option<String>,
    /// Run it before a phase or a service
    #[arg(long, value_name = "PHASE|SERVICE", conflicts_with = "after")]
    pub(crate) before: Option<String>,
    /// Run it after a phase or a service
    #[arg(long, value_name = "PHASE|SERVICE")]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

/// Put another component in the place of an added one
///
/// It is fetched again from where it came from, or from SOURCE. What is different is shown, and its grants are given
/// anew. A component that is the same is only put back where its copy was changed or is gone, without a question.
#[derive(Debug, Clone, Args)]
pub(crate) struct UpdateArgs {
    /// The plugin
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The other component: a path, an `http` or `https` URL, or `oci://REGISTRY/REPOSITORY:TAG` [default: where it came from]
    #[arg(value_name = "SOURCE")]
    pub(crate) source: Option<String>,
    /// Its signature: a path, or an `http` or `https` URL [default: where it came from, or SOURCE with `.minisig` after its path]
    ///
    /// Of a component in a registry it is the annotation `dev.chora.minisig` of its manifest, or of that of another address.
    /// It is read, and must be good, where the configuration lists `plugin_keys`.
    #[arg(long, value_name = "PATH|URL|oci://…")]
    pub(crate) signature: Option<String>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

/// Show what plugins called in past runs, and what they were denied
///
/// It reads the ledgers in the journals of the environment's latest runs, which hold every call of a plugin to chora.
/// With `--unused` it shows the grants, and the verbs of grants, that none of these calls needed: they could be taken
/// back, unless they are for something that these runs did not do.
#[derive(Debug, Clone, Args)]
pub(crate) struct AuditArgs {
    /// The plugin [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Show the grants that were not needed
    #[arg(long)]
    pub(crate) unused: bool,
    /// How many runs are looked back at, the latest first
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: PluginFormat,
}

/// What is given without a question.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConsentArgs {
    /// Give it these grants, as the configuration writes them, and do not ask; may be repeated
    #[arg(long, value_name = "SPEC[,SPEC…]", conflicts_with = "yes")]
    pub(crate) grant: Vec<String>,
    /// Give it all that it asks for, and do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// How plugins are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum PluginFormat {
    /// For people
    #[default]
    Table,
    /// One JSON document
    Json,
}
