//! What is wrong with Compose files: everything at once, each at its place.

use std::path::PathBuf;

pub use chora_model::yaml::Problem;

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// A file cannot be read.
    #[error("the file `{}` cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files were read and something in them is wrong.
    #[error("{}", lines(.problems))]
    Invalid {
        /// Everything that is wrong, by file, line and column. Never empty.
        problems: Vec<Problem>,
    },
}

impl ComposeError {
    /// Everything that is wrong in the files; empty when one could not be read.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid { problems } => problems,
            Self::Unreadable { .. } => &[],
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
