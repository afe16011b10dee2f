//! A failure as the user is told of it: a stable code, what happened, and what to do.

use serde::{Deserialize, Serialize};

/// The stable code of a failure. Part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// A step of phase 0 failed.
    PrereqFailed,
    /// A step of phase 1 failed.
    CoreFailed,
    /// A step of phase 2 failed.
    InfraFailed,
    /// A step of phase 3 failed.
    CapFailed,
    /// A step of phase 4 failed.
    ValidationFailed,
    /// Ctrl-C, SIGTERM or SIGHUP.
    UserInterrupted,
    /// The configuration, a plugin's placement or a grant is wrong.
    ConfigError,
    /// The state, journal or credential file cannot be used as it is.
    StateCorrupted,
    /// Another run holds the environment's lock.
    Locked,
    /// A plugin called what it was not granted.
    PluginDenied,
    /// A plugin trapped.
    PluginTrapped,
    /// A plugin, or a host call it made, did not end in time.
    PluginTimeout,
    /// A plugin went past a limit.
    PluginLimit,
    /// A plugin could not be loaded, or its answer breaks the rules.
    PluginInvalid,
    /// The component of a plugin is not the one that was added, or is gone.
    PluginChanged,
    /// The configuration asks for a signature of a plugin, and the plugin has none by a key that it lists.
    PluginUntrusted,
    /// An observer that the configuration calls required did not do its part.
    ObserverFailed,
    /// An attack of `chora plugin selftest` was not stopped, or could not be made.
    SelftestFailed,
    /// Something could not be fetched from where it was said to be.
    FetchFailed,
    /// A step did not end within its phase or the whole run.
    TimedOut,
    /// The engine does not answer.
    EngineUnavailable,
    /// Rolling back or resetting did not end well.
    RollbackFailed,
    /// A file or directory could not be read or written.
    IoError,
}

impl Code {
    /// The code of a failed step of this phase.
    pub fn of_phase(phase: u8) -> Self {
        match phase {
            0 => Self::PrereqFailed,
            1 => Self::CoreFailed,
            2 => Self::InfraFailed,
            3 => Self::CapFailed,
            _ => Self::ValidationFailed,
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Serialising a unit variant to a JSON string cannot fail; the code's spelling is kept in one place, serde's.
        let quoted = serde_json::to_string(self).map_err(|_| std::fmt::Error)?;
        f.write_str(quoted.trim_matches('"'))
    }
}

/// A failure, ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// One sentence: what happened to which service.
    pub message: String,
    /// The phase in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<u8>,
    /// The step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The service that it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The plugin that it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Services and steps that were waiting for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
    /// Likely causes, most likely first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_actions: Vec<String>,
    /// The last lines of the service's log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_tail: Vec<String>,
    /// The whole log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_path: Option<String>,
    /// The last answer of the health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_probe: Option<String>,
    /// Details for who wants to dig: a panic's text, a trap's backtrace, the chain of causes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl Failure {
    /// A failure that has only a code and a sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            phase: None,
            step: None,
            service: None,
            plugin: None,
            waiting: Vec::new(),
            causes: Vec::new(),
            next_actions: Vec::new(),
            log_tail: Vec::new(),
            log_path: None,
            last_probe: None,
            details: Vec::new(),
        }
    }

    /// The same failure with one more thing to do.
    #[must_use]
    pub fn next(mut self, action: impl Into<String>) -> Self {
        self.next_actions.push(action.into());
        self
    }
}
