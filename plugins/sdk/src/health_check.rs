//! Health checks: the trait that a plugin implements, and what it answers with.

use crate::bindings::exports::health_check as exported;
use crate::{Metadata, Target, Verdict, http, tcp};

pub use exported::Error as ProbeError;

/// A plugin that answers whether a service is healthy. [`export_health_check!`](crate::export_health_check) makes a component of it.
pub trait HealthCheck {
    /// Who the plugin is and what it asks for; `@target` in a grant stands for the service being probed.
    fn describe() -> Metadata;

    /// Asks the service once. Repeating, confirming, backing off and giving up are the host's work.
    ///
    /// # Errors
    /// The probe could not be made at all. A service that does not answer is a [`Verdict`].
    fn probe(target: &Target) -> Result<Verdict, ProbeError>;
}

impl<T: HealthCheck> exported::Guest for T {
    fn describe() -> Metadata {
        T::describe()
    }

    fn probe(target: Target) -> Result<Verdict, ProbeError> {
        T::probe(&target)
    }
}

impl Verdict {
    /// The service does its work; the summary is its answer in one line.
    #[must_use]
    pub fn healthy(summary: impl Into<String>) -> Self {
        Self {
            healthy: true,
            summary: summary.into(),
        }
    }

    /// The service does not do its work; the summary says what is wrong.
    #[must_use]
    pub fn unhealthy(summary: impl Into<String>) -> Self {
        Self {
            healthy: false,
            summary: summary.into(),
        }
    }
}

impl From<http::Error> for ProbeError {
    fn from(error: http::Error) -> Self {
        Self::Other(match error {
            http::Error::Denied(text) => format!("the host refused: {text}"),
            http::Error::Invalid(text)
            | http::Error::Unreachable(text)
            | http::Error::Other(text) => text,
            http::Error::TimedOut => "the answer took too long".to_owned(),
            http::Error::TooLarge => "the answer is larger than allowed".to_owned(),
            http::Error::Planned => "a dry run sends nothing".to_owned(),
        })
    }
}

impl From<tcp::Error> for ProbeError {
    fn from(error: tcp::Error) -> Self {
        Self::Other(match error {
            tcp::Error::Denied(text) => format!("the host refused: {text}"),
            tcp::Error::Refused(text) | tcp::Error::Other(text) => text,
            tcp::Error::TimedOut => "the connection took too long".to_owned(),
        })
    }
}
