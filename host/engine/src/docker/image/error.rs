//! What can go wrong with an image, and the engine's words for it.

use std::path::PathBuf;

use bollard::errors::Error;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It is not there, it may not be pulled, and there is nothing to build it from.
    #[error(
        "there is no image `{reference}`, it is not to be pulled, and nothing says how to build it; build or load it first"
    )]
    Absent {
        /// The image.
        reference: String,
    },
    /// The registry does not have it.
    #[error(
        "the registry has no image `{reference}` ({message}); correct the name, or build the image first"
    )]
    NotFound {
        /// The image.
        reference: String,
        /// What the engine said.
        message: String,
    },
    /// The registry does not answer.
    #[error(
        "the image `{reference}` cannot be pulled, because its registry cannot be reached ({message}); check the network, or build or load the image first"
    )]
    Unreachable {
        /// The image.
        reference: String,
        /// What the engine said.
        message: String,
    },
    /// The registry does not give it to this user.
    #[error(
        "the registry refuses the image `{reference}` ({message}); log in with `docker login {registry}`"
    )]
    Unauthorised {
        /// The image.
        reference: String,
        /// The registry.
        registry: String,
        /// What the engine said.
        message: String,
    },
    /// There is no room for it.
    #[error(
        "there is no room for the image `{reference}` on the engine's disk ({message}); make room, for example by removing images that are not needed"
    )]
    DiskFull {
        /// The image.
        reference: String,
        /// What the engine said.
        message: String,
    },
    /// A step of its build failed.
    #[error("building the image `{reference}` failed: {message}{}", tail(output))]
    BuildFailed {
        /// The image.
        reference: String,
        /// What the engine said.
        message: String,
        /// The last lines that the build printed.
        output: Vec<String>,
    },
    /// A file or directory that it is built from cannot be read.
    #[error("`{}`, from which the image is built, cannot be read", path.display())]
    Context {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line of a `.dockerignore` makes no sense.
    #[error("`{pattern}` in `{}` is no pattern; correct the line", path.display())]
    Pattern {
        /// The file.
        path: PathBuf,
        /// The line.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: globset::Error,
    },
    /// The program that it is made of cannot be used for that.
    #[error("no image can be made of the program `{}`: {why}", path.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
    /// The user's login for the registry cannot be had.
    #[error(
        "the login for the registry `{registry}` cannot be read from `{}`: {message}; mend it, or log in again with `docker login {registry}`",
        path.display()
    )]
    Login {
        /// The registry.
        registry: String,
        /// The file of the logins.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// The engine fails in another way.
    #[error("the engine failed to {doing} the image `{reference}`")]
    Engine {
        /// What it was asked for.
        doing: &'static str,
        /// The image.
        reference: String,
        /// What it answered.
        #[source]
        source: Error,
    },
}

/// The lines, each on one of its own.
fn tail(output: &[String]) -> String {
    output.iter().map(|line| format!("\n  {line}")).collect()
}

impl ImageError {
    /// An error of the engine while it was `doing` something with an image, by the name that it deserves. All that the engine tells of most of them is a text.
    pub(super) fn of(doing: &'static str, reference: &str, source: Error) -> Self {
        let reference = reference.to_owned();
        let Some((status, text)) = said(&source) else {
            return Self::Engine {
                doing,
                reference,
                source,
            };
        };
        let message = text.trim().to_owned();
        let has = |parts: &[&str]| {
            let lower = message.to_lowercase();
            parts.iter().any(|part| lower.contains(part))
        };
        if has(&["no space left on device"]) {
            return Self::DiskFull { reference, message };
        }
        if doing != "pull" {
            return Self::Engine {
                doing,
                reference,
                source,
            };
        }
        // The Docker Hub answers with this to whoever is not logged in, whether there is such an image or not.
        let hidden = has(&["repository does not exist or may require"]);
        if !hidden && has(UNAUTHORISED) {
            let registry = super::reference::registry(&reference).to_owned();
            return Self::Unauthorised {
                reference,
                registry,
                message,
            };
        }
        if has(UNREACHABLE) {
            return Self::Unreachable { reference, message };
        }
        if hidden || status == Some(404) || has(&["manifest unknown", "not found"]) {
            return Self::NotFound { reference, message };
        }
        Self::Engine {
            doing,
            reference,
            source,
        }
    }
}

const UNAUTHORISED: &[&str] = &[
    "unauthorized",
    "authentication required",
    "no basic auth credentials",
    "requested access to the resource is denied",
    "denied:",
    "forbidden",
];

const UNREACHABLE: &[&str] = &[
    "dial tcp",
    "no such host",
    "connection refused",
    "connection reset",
    "i/o timeout",
    "tls handshake timeout",
    "request canceled while waiting",
    "context deadline exceeded",
    "server misbehaving",
    "network is unreachable",
    "http: server gave http response to https client",
    "x509:",
];

/// The engine's own words, with the status of its answer where it had one.
fn said(error: &Error) -> Option<(Option<u16>, &str)> {
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => Some((Some(*status_code), message)),
        Error::DockerStreamError { error } => Some((None, error)),
        _ => None,
    }
}

/// Whether the engine says that there is no such thing.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(
        error,
        Error::DockerResponseServerError {
            status_code: 404,
            ..
        }
    )
}
