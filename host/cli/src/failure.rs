//! Failures that the command line itself finds, and the last lines that are printed when there is no run to print them.

use chora_model::failure::{Code, Failure};

use crate::exit::Exit;

/// Why a command ended early: the exit code, and what to print unless that was done already.
pub(crate) struct Ended {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What to tell.
    pub(crate) failure: Box<Failure>,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self {
            exit: Exit::of(failure.code),
            failure: Box::new(failure),
        }
    }
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        let mut chain = error.chain().map(ToString::to_string);
        let message = chain.next().unwrap_or_default();
        let mut failure = Failure::new(Code::IoError, message);
        failure.details = chain.collect();
        failure.into()
    }
}

/// The same failure with another exit code than its own.
pub(crate) fn with_exit(failure: Failure, exit: Exit) -> Ended {
    Ended {
        exit,
        failure: Box::new(failure),
    }
}

/// Wrong usage that clap cannot see.
pub(crate) fn usage(message: impl Into<String>) -> Failure {
    Failure::new(Code::ConfigError, message)
}

/// The name that was most likely meant.
pub(crate) fn nearest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= wrong.len().max(name.len()) / 3 + 1)
        .min()
        .map(|(_, name)| name)
}

/// A service that nobody knows.
pub(crate) fn unknown_service<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str> + Clone,
) -> Failure {
    let failure = usage(format!("there is no service `{wrong}`"));
    let known: Vec<&str> = names.clone().into_iter().collect();
    match nearest(wrong, names) {
        Some(name) => failure.next(format!("did you mean `{name}`?")),
        None if known.is_empty() => failure.next("the configuration has no services"),
        None => failure.next(format!("name one of: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_met_with_the_nearest_name_and_nonsense_with_all_of_them() {
        let names = ["manifest", "gateway", "analyzer"];
        assert_eq!(nearest("gatway", names), Some("gateway"));
        assert_eq!(nearest("analyser", names), Some("analyzer"));
        assert_eq!(nearest("x", names), None);
        let failure = unknown_service("zzz", names);
        assert_eq!(failure.code, Code::ConfigError);
        assert_eq!(
            failure.next_actions,
            ["name one of: manifest, gateway, analyzer"]
        );
    }
}
