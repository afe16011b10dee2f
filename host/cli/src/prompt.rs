//! Asking before something is undone.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;
use chora_model::failure::{Code, Failure};

use crate::failure::{Ended, usage};
use crate::output::Output;
use crate::signals;

/// Nobody can answer: fails at once, and names the flag that answers beforehand.
pub(crate) fn must_be_able_to_ask(command: &str) -> Result<(), Ended> {
    must_be_able_to_ask_unless(command, "--force")
}

/// The same for a command with another flag.
pub(crate) fn must_be_able_to_ask_unless(command: &str, flag: &str) -> Result<(), Ended> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    let message =
        format!("`chora {command}` asks before it acts, and standard input is not a terminal");
    let action = format!("pass `{flag}` to go ahead without being asked: `chora {command} {flag}`");
    Err(usage(message).next(action).into())
}

/// Whether the question is answered with yes. Everything else is no, the end of the input too. A signal is no answer: it ends the command.
pub(crate) async fn confirms(
    output: &Output,
    command: &str,
    question: &str,
) -> Result<bool, Ended> {
    let signal = signals::first()?;
    output.error(&format!("{question} [y/N]"));
    // Nothing can call the thread that reads back from it; when a signal comes it is left to end with the process.
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut answer)
            .map(|_| answer)
    });
    tokio::select! {
        biased;
        name = signal => {
            let message = format!("interrupted by {name} at the question; nothing was changed");
            let failure = Failure::new(Code::UserInterrupted, message);
            Err(failure.next(format!("begin again with `chora {command}`")).into())
        }
        answer = answer => {
            let answer = answer.context("the thread that reads the answer broke off")?;
            // Who cannot be heard has not agreed.
            let answer = answer.unwrap_or_default();
            Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
        }
    }
}
