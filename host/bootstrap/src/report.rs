//! From what went wrong to what the user is told: one failure with its code, causes, next actions and exit code. Every room's errors are translated here and nowhere else.

mod step;

use std::error::Error;

use chora_engine::EngineError;
use chora_model::config::ConfigError;
use chora_model::credentials::{self, CredentialError};
use chora_model::event::{Ending, RunKind};
use chora_model::failure::{Code, Failure};
use chora_model::file::{FileError, FileOperation};
use chora_model::lock::LockError;
use chora_model::plugin_lock::PluginLockError;
use chora_model::state::StateError;
use chora_plugin_host::PluginError;

use crate::planning::PlanError;

pub(crate) use step::{Time, Trouble, step_failure};

/// The exit code of the command line's contract for a run that ended like this.
pub fn exit_code(kind: RunKind, ending: Ending, failure: Option<&Failure>) -> u8 {
    match ending {
        Ending::Succeeded | Ending::Skipped => return 0,
        Ending::Interrupted => return 6,
        Ending::Failed => {}
    }
    let Some(failure) = failure else {
        return 1;
    };
    match failure.code {
        Code::StateCorrupted => return 8,
        Code::Locked => return 9,
        Code::UserInterrupted => return 6,
        // Found before anything ran.
        Code::ConfigError => return 7,
        Code::PluginInvalid
        | Code::PluginChanged
        | Code::PluginUntrusted
        | Code::PluginTrapped
        | Code::PluginTimeout
        | Code::PluginLimit
        | Code::PluginDenied
            if failure.phase.is_none() =>
        {
            return 7;
        }
        _ => {}
    }
    match kind {
        RunKind::Bootstrap => failure.phase.map_or(1, |phase| phase.min(4) + 1),
        RunKind::Rollback | RunKind::Reset | RunKind::Validate => 1,
    }
}

/// An error's causes, outermost first, without itself.
pub(crate) fn causes(error: &dyn Error) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = error.source();
    while let Some(cause) = at {
        found.push(cause.to_string());
        at = cause.source();
    }
    found
}

pub(crate) fn of(code: Code, error: &dyn Error) -> Failure {
    let mut failure = Failure::new(code, error.to_string());
    failure.details = causes(error);
    failure
}

/// A configuration that cannot be used.
pub fn config_failure(error: &ConfigError) -> Failure {
    let failure = of(Code::ConfigError, error);
    match error {
        ConfigError::Missing { path } => failure.next(format!(
            "correct `--config`, or make `{}` with `chora bootstrap --init`",
            path.display()
        )),
        ConfigError::Invalid { .. } | ConfigError::Unreadable(_) => {
            failure.next("correct it, and check it with `chora config validate`")
        }
        ConfigError::EnvironmentName { .. } => failure.next("correct `--environment`"),
    }
}

/// A state that cannot be used or written.
pub fn state_failure(error: &StateError) -> Failure {
    let code = match error {
        StateError::Encode(_) | StateError::Write(_) => Code::IoError,
        StateError::Unreadable { .. }
        | StateError::Corrupt { .. }
        | StateError::Foreign { .. }
        | StateError::WrongEnvironment { .. }
        | StateError::NewerSchema { .. } => Code::StateCorrupted,
    };
    of(code, error).next(error.hint())
}

/// A lock that was not taken.
pub fn lock_failure(error: &LockError) -> Failure {
    match error {
        LockError::Held(holder) => {
            let failure = of(Code::Locked, error);
            let failure = failure
                .next("wait for it to end, with `--lock-wait SECONDS` or by running the command again later");
            if holder.pid == 0 {
                failure
            } else {
                failure.next(format!("or end it with `kill {}`", holder.pid))
            }
        }
        LockError::File(error) => file_failure(error),
        LockError::Lock { .. } => {
            of(Code::IoError, error).next("put the project on a file system that has locks")
        }
    }
}

/// Credentials that cannot be used.
pub(crate) fn credential_failure(error: &CredentialError) -> Failure {
    match error {
        CredentialError::File(
            error @ FileError {
                path,
                operation: FileOperation::Open | FileOperation::Read,
                ..
            },
        ) => of(Code::StateCorrupted, error).next(format!(
            "let the user who runs chora read it, for example with `chmod u+rw {}`, then run the command again",
            path.display()
        )),
        CredentialError::File(error) => file_failure(error),
        CredentialError::Mode { path, .. } | CredentialError::Owner { path, .. } => {
            of(Code::StateCorrupted, error).next(format!(
                "do that, then run the command again; where somebody else may have read `{}`, make new ones afterwards with `chora config rotate-credentials`",
                path.display()
            ))
        }
        CredentialError::Corrupt { path, .. } | CredentialError::Value { path, .. } => {
            let failure = of(Code::StateCorrupted, error);
            match credentials::last_good(path) {
                Some(good) => failure.next(format!(
                    "put the last good copy back with `cp -p {} {}`, then run the command again",
                    good.display(),
                    path.display()
                )),
                None => failure.next("restore it, then run the command again"),
            }
        }
        CredentialError::DataWithout { .. } => of(Code::StateCorrupted, error),
        CredentialError::Random(_) | CredentialError::Encode(_) => of(Code::IoError, error),
    }
}

/// A file that could not be read or written.
pub(crate) fn file_failure(error: &FileError) -> Failure {
    of(Code::IoError, error).next(format!(
        "see to it that `{}` can be used and that the disk is not full",
        error.path.display()
    ))
}

/// What the system answered about a file.
pub(crate) fn io_failure(what: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    let mut failure = Failure::new(
        Code::IoError,
        format!("failed to {what} `{}`", path.display()),
    );
    failure.details = vec![error.to_string()];
    failure.next("see to it that it can be used and that the disk is not full")
}

/// An engine that failed outside of any step.
pub(crate) fn engine_failure(error: &EngineError) -> Failure {
    if let EngineError::DamagedRecord { path, .. } = error {
        return of(Code::StateCorrupted, error).next(format!(
            "end the process where it still runs, delete `{}`, and run the command again",
            path.display()
        ));
    }
    of(Code::EngineUnavailable, error)
        .next("see to it that the engine works, or choose another with `--engine`")
}

/// A record of added plugins that cannot be used.
pub(crate) fn plugin_lock_failure(error: &PluginLockError) -> Failure {
    of(Code::ConfigError, error).next(error.hint())
}

/// What to do about a component that is not the one that was added.
fn changed_actions(plugin: &str) -> Vec<String> {
    vec![
        format!(
            "fetch it again from where it came from, and see what is different, with `chora plugin update {plugin}`"
        ),
        format!("or take it out with `chora plugin remove {plugin}`"),
    ]
}

/// What to do first about a plugin that was not compiled in time.
pub(crate) const AGAIN: &str =
    "run the command again when the machine has less else to do, if it had much";

/// A plugin that could not be loaded.
pub(crate) fn load_failure(error: &PluginError) -> Failure {
    let code = error.code().unwrap_or(Code::PluginInvalid);
    let mut failure = of(code, error);
    if matches!(error, PluginError::Changed { .. }) {
        failure.plugin = Some(error.plugin().to_owned());
        failure.next_actions = changed_actions(error.plugin());
    } else if matches!(error, PluginError::Host { .. }) {
        // Not the plugin's doing.
        failure.next_actions.push(
            "see to it that the machine has memory and disk to spare, then run the command again"
                .to_owned(),
        );
    } else if !error.plugin().is_empty() {
        failure.plugin = Some(error.plugin().to_owned());
        if matches!(error, PluginError::NotCompiled { .. }) {
            failure.next_actions.push(AGAIN.to_owned());
        }
        failure.next_actions.push(format!(
            "mend plugin `{0}`, or leave it out with `enabled: false`",
            error.plugin()
        ));
    }
    step::trap_details(error, &mut failure);
    failure
}

/// A plugin that failed while it was asked for its plan.
pub(crate) fn planning_failure(error: &PluginError, phase: u8) -> Failure {
    let mut failure = load_failure(error);
    if error.code().is_none() {
        failure.code = Code::of_phase(phase);
    }
    if let PluginError::Guest { failure: said, .. } = error {
        failure.service.clone_from(&said.service);
        failure.causes.clone_from(&said.causes);
        failure.next_actions.clone_from(&said.next_actions);
    }
    failure.phase = Some(phase);
    failure
}

/// Plans that do not fit together.
pub(crate) fn plan_failure(error: &PlanError) -> Failure {
    let (plugin, phase) = error.blame();
    let mut failure = match error {
        PlanError::Placement { .. } => of(Code::ConfigError, error).next(format!(
            "correct `before:` or `after:` of plugin `{plugin}`"
        )),
        PlanError::Step { .. } | PlanError::Cycle { .. } | PlanError::TooMany { .. } => {
            of(Code::PluginInvalid, error)
                .next(format!("tell the author of plugin `{plugin}`"))
                .next(format!("leave plugin `{plugin}` out with `enabled: false`"))
        }
    };
    failure.plugin = Some(plugin.to_owned());
    failure.phase = phase;
    failure
}

/// The failure of a run that the user stopped.
pub(crate) fn interrupted(kind: RunKind, reason: &str) -> Failure {
    let command = match kind {
        RunKind::Bootstrap => "chora bootstrap",
        RunKind::Rollback => "chora rollback",
        RunKind::Reset => "chora reset",
        RunKind::Validate => "chora validate",
    };
    let reason = if reason.is_empty() {
        "the user"
    } else {
        reason
    };
    Failure::new(Code::UserInterrupted, format!("interrupted by {reason}")).next(format!(
        "go on with `{command}`: it looks at what holds and does the rest"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_plugin_that_was_not_compiled_in_time_is_tried_again_or_left_out() {
        let failure = load_failure(&PluginError::NotCompiled {
            plugin: "mine".to_owned(),
            limit: Duration::from_secs(60),
        });
        assert_eq!(failure.code, Code::PluginTimeout);
        assert_eq!(failure.plugin.as_deref(), Some("mine"));
        let leave = "mend plugin `mine`, or leave it out with `enabled: false`";
        assert_eq!(failure.next_actions, [AGAIN, leave]);
        let exit = exit_code(RunKind::Bootstrap, Ending::Failed, Some(&failure));
        assert_eq!(exit, 7);
    }

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let failed = |code, phase: Option<u8>| {
            let mut failure = Failure::new(code, "x");
            failure.phase = phase;
            exit_code(RunKind::Bootstrap, Ending::Failed, Some(&failure))
        };
        for phase in 0..5 {
            assert_eq!(failed(Code::of_phase(phase), Some(phase)), phase + 1);
            assert_eq!(failed(Code::PluginTrapped, Some(phase)), phase + 1);
            assert_eq!(failed(Code::TimedOut, Some(phase)), phase + 1);
        }
        assert_eq!(failed(Code::ConfigError, None), 7);
        assert_eq!(failed(Code::PluginInvalid, None), 7);
        assert_eq!(failed(Code::PluginUntrusted, None), 7);
        assert_eq!(failed(Code::StateCorrupted, None), 8);
        assert_eq!(failed(Code::Locked, None), 9);
        assert_eq!(exit_code(RunKind::Bootstrap, Ending::Interrupted, None), 6);
        assert_eq!(exit_code(RunKind::Bootstrap, Ending::Succeeded, None), 0);
        let failure = Failure::new(Code::RollbackFailed, "x");
        assert_eq!(
            exit_code(RunKind::Rollback, Ending::Failed, Some(&failure)),
            1
        );
    }
}
