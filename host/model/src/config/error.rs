//! What is wrong with a configuration: everything at once, each at its place.

use std::path::PathBuf;

use crate::file::FileError;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file it stands in.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.display();
        write!(f, "{file}:{}:{}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The files were read and something in them is wrong.
    #[error("{}", lines(.problems))]
    Invalid {
        /// Everything that is wrong, by file, line and column. Never empty.
        problems: Vec<Problem>,
    },
    /// The file given with `--config` does not exist.
    #[error("the configuration `{}` does not exist", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("the configuration cannot be read")]
    Unreadable(#[source] FileError),
    /// The name given with `--environment` is none.
    #[error(
        "`{name}` is no name of an environment: it has 1 to 64 lower-case letters, digits and `-`"
    )]
    EnvironmentName {
        /// What was given.
        name: String,
    },
}

impl ConfigError {
    /// Everything that is wrong in the files; empty when they could not be read.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid { problems } => problems,
            Self::Missing { .. } | Self::Unreadable(_) | Self::EnvironmentName { .. } => &[],
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
