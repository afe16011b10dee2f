//! Why a plugin's call did not succeed. What the guest said, what happened to the guest and what the host refused are told apart.

use std::time::Duration;

use chora_model::failure::Code;

use crate::gate::Denial;

/// A failure as a guest explained it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestFailure {
    /// One sentence.
    pub message: String,
    /// The service it happened to.
    pub service: Option<String>,
    /// Likely causes.
    pub causes: Vec<String>,
    /// What to do, in order.
    pub next_actions: Vec<String>,
}

/// Why a call of a plugin did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The component cannot be used, or what it answered breaks the rules.
    #[error("plugin `{plugin}` cannot be used: {reason}")]
    Invalid {
        /// The plugin.
        plugin: String,
        /// What is wrong with it.
        reason: String,
        /// What wasmtime says of it.
        #[source]
        source: Option<wasmtime::Error>,
    },
    /// Compiling the component takes too long.
    #[error(
        "plugin `{plugin}` was not compiled within {limit:?}, which is the most that it may take"
    )]
    NotCompiled {
        /// The plugin.
        plugin: String,
        /// The time that there was.
        limit: Duration,
    },
    /// The bytes are not those that were added.
    #[error("the component of plugin `{plugin}` is not the one that was added: {}", found_instead(.expected, .found.as_ref()))]
    Changed {
        /// The plugin.
        plugin: String,
        /// SHA-256 of the component that was added, hex.
        expected: String,
        /// SHA-256 of what is there now; absent where nothing is.
        found: Option<String>,
    },
    /// The guest trapped.
    #[error("plugin `{plugin}` crashed in `{call}`{}: {message}", after(.denial.as_deref()))]
    Trapped {
        /// The plugin.
        plugin: String,
        /// The call, with the step.
        call: String,
        /// What kind of trap, or the panic's first line.
        message: String,
        /// What the guest wrote to standard error: a panic's whole text.
        stderr: String,
        /// Function names, innermost first.
        backtrace: Box<[String]>,
        /// The last that the host had refused it: some languages' plugins crash at that.
        denial: Option<Box<Denial>>,
    },
    /// The call did not end in time.
    #[error("plugin `{plugin}` did not end `{call}` within {limit:?}{}", waiting_in(.outstanding.as_ref()))]
    TimedOut {
        /// The plugin.
        plugin: String,
        /// The call, with the step.
        call: String,
        /// The time it had.
        limit: Duration,
        /// The host call that was under way.
        outstanding: Option<String>,
    },
    /// The guest reached a ceiling.
    #[error("plugin `{plugin}` was stopped in `{call}`: {what} is limited to {limit}{}", waiting_in(.outstanding.as_ref()))]
    Limit {
        /// The plugin.
        plugin: String,
        /// The call, with the step.
        call: String,
        /// What there was too much of.
        what: String,
        /// How much there may be.
        limit: String,
        /// The host call that was under way.
        outstanding: Option<String>,
    },
    /// The guest failed after the host had refused it something.
    #[error("plugin `{plugin}` may not call `{}` in `{call}`: {}", .denial.function, missing(.denial))]
    Denied {
        /// The plugin.
        plugin: String,
        /// The call, with the step.
        call: String,
        /// The last that it was refused.
        denial: Box<Denial>,
        /// What the guest said.
        guest: Box<GuestFailure>,
    },
    /// The guest returned an error.
    #[error("{}", failure.message)]
    Guest {
        /// The plugin.
        plugin: String,
        /// The call, with the step.
        call: String,
        /// What it said.
        failure: Box<GuestFailure>,
    },
    /// Compiled components cannot be kept.
    #[error("{problem}{}; {mend}", because(.error.as_ref()))]
    Cache {
        /// What is wrong with the cache or its key, with the path.
        problem: String,
        /// What the system answered.
        error: Option<std::io::Error>,
        /// What to do about it.
        mend: String,
    },
    /// The host could not do its part.
    #[error("the plugin host failed for plugin `{plugin}`: {reason}")]
    Host {
        /// The plugin, or empty when none is concerned.
        plugin: String,
        /// What it could not do.
        reason: String,
        /// Why.
        #[source]
        source: Option<wasmtime::Error>,
    },
}

fn found_instead(expected: &str, found: Option<&String>) -> String {
    match found {
        Some(found) => format!("its SHA-256 is {found}, and {expected} was added"),
        None => format!("it is gone, and SHA-256 {expected} was added"),
    }
}

fn because(error: Option<&std::io::Error>) -> String {
    error.map_or_else(String::new, |error| format!(": {error}"))
}

fn waiting_in(outstanding: Option<&String>) -> String {
    outstanding.map_or_else(String::new, |call| format!(" (it was in `{call}`)"))
}

fn after(denial: Option<&Denial>) -> String {
    denial.map_or_else(String::new, |denial| {
        let why = missing(denial);
        format!(" after `{}` was refused ({why})", denial.function)
    })
}

fn missing(denial: &Denial) -> String {
    denial.needed.as_ref().map_or_else(
        || "it changes something or touches a secret, which is refused outside of `apply` and `revert`".to_owned(),
        |grant| format!("the grant `{grant}` is missing"),
    )
}

impl PluginError {
    /// The plugin's name; empty where none is concerned.
    pub fn plugin(&self) -> &str {
        match self {
            Self::Cache { .. } => "",
            Self::Invalid { plugin, .. }
            | Self::NotCompiled { plugin, .. }
            | Self::Changed { plugin, .. }
            | Self::Trapped { plugin, .. }
            | Self::TimedOut { plugin, .. }
            | Self::Limit { plugin, .. }
            | Self::Denied { plugin, .. }
            | Self::Guest { plugin, .. }
            | Self::Host { plugin, .. } => plugin,
        }
    }

    /// The stable code; absent when the guest itself explained a failure, whose code is its phase's.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Invalid { .. } => Some(Code::PluginInvalid),
            Self::Changed { .. } => Some(Code::PluginChanged),
            Self::Trapped { .. } => Some(Code::PluginTrapped),
            Self::NotCompiled { .. } | Self::TimedOut { .. } => Some(Code::PluginTimeout),
            Self::Limit { .. } => Some(Code::PluginLimit),
            Self::Denied { .. } => Some(Code::PluginDenied),
            Self::Guest { .. } => None,
            Self::Cache { .. } | Self::Host { .. } => Some(Code::IoError),
        }
    }
}
