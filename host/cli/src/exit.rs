//! Exit codes: part of the command line's contract, listed in the help of each command that has codes of its own.

use chora_model::failure::Code;

/// The exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    /// Done.
    pub(crate) const DONE: Self = Self(0);
    /// Something that has no code of its own failed.
    pub(crate) const FAILED: Self = Self(1);
    /// `rollback`: there is no such phase to go back to.
    pub(crate) const INVALID_TARGET: Self = Self(2);
    /// `rollback` and `reset`: the question was answered with no.
    pub(crate) const DECLINED: Self = Self(3);
    /// A signal ended the run.
    pub(crate) const INTERRUPTED: Self = Self(6);
    /// The configuration or the command line is wrong. Usage errors end here and not in clap's 2, which says other things of a run.
    pub(crate) const CONFIG: Self = Self(7);

    /// The exit code of a command that failed before there was a run to speak for it.
    pub(crate) fn of(code: Code) -> Self {
        match code {
            Code::PrereqFailed
            | Code::EngineUnavailable
            | Code::IoError
            | Code::RollbackFailed
            | Code::FetchFailed
            | Code::ObserverFailed
            | Code::SelftestFailed
            | Code::TimedOut => Self::FAILED,
            Code::CoreFailed => Self(2),
            Code::InfraFailed => Self(3),
            Code::CapFailed => Self(4),
            Code::ValidationFailed => Self(5),
            Code::UserInterrupted => Self::INTERRUPTED,
            // Before there is a run, a plugin fails only while it is loaded: it is as good as configured wrongly.
            Code::ConfigError
            | Code::PluginInvalid
            | Code::PluginChanged
            | Code::PluginUntrusted
            | Code::PluginDenied
            | Code::PluginTrapped
            | Code::PluginTimeout
            | Code::PluginLimit => Self::CONFIG,
            Code::StateCorrupted => Self(8),
            Code::Locked => Self(9),
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
