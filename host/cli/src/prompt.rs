//! Asking before something is undone.

use std::io::{BufRead, IsTerminal};

use crate::failure::{Ended, usage};
use crate::output::Output;

/// Nobody can answer: fails at once, and names the flag that answers beforehand.
pub(crate) fn must_be_able_to_ask(command: &str) -> Result<(), Ended> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    let message =
        format!("`chora {command}` asks before it acts, and standard input is not a terminal");
    let action =
        format!("pass `--force` to go ahead without being asked: `chora {command} --force`");
    Err(usage(message).next(action).into())
}

/// Whether the question is answered with yes. Everything else is no, the end of the input too.
pub(crate) fn confirms(output: &Output, question: &str) -> bool {
    output.error(&format!("{question} [y/N]"));
    let mut answer = String::new();
    match std::io::stdin().lock().read_line(&mut answer) {
        Ok(_) => matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
        Err(_) => false,
    }
}
