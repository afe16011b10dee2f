//! What is wrong with a configuration: everything at once, each at its place.

use std::path::PathBuf;

use crate::file::FileError;
use crate::yaml::Problem;

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
