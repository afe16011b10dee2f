//! The error of a phase's step, and how the errors of the host functions become one through `?`.

use crate::bindings::exports::phase;
use crate::{Failure, credentials, docker, health, http, machine, services, tcp};

/// Why a step did not end well, or ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It failed in a way that the plugin can explain.
    Failed(Failure),
    /// The step is not in this plugin's plan.
    UnknownStep(String),
    /// Not a failure: this is a dry run, and the host would have done the rest. The step ends as planned.
    Planned,
    /// Anything else.
    Other(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for phase::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Failed(failure) => Self::Failed(failure),
            Error::UnknownStep(step) => Self::UnknownStep(step),
            Error::Planned => Self::Other("the step would have been done".to_owned()),
            Error::Other(text) => Self::Other(text),
        }
    }
}

/// Says of an error which service it is about.
pub trait ResultExt<T> {
    /// Names the service, where the error names none yet.
    ///
    /// # Errors
    /// The same as before, as an [`Error`].
    fn about(self, service: &str) -> Result<T, Error>;
}

impl<T, E: Into<Error>> ResultExt<T> for Result<T, E> {
    fn about(self, service: &str) -> Result<T, Error> {
        self.map_err(|error| match error.into() {
            Error::Failed(mut failure) => {
                failure.service.get_or_insert_with(|| service.to_owned());
                Error::Failed(failure)
            }
            Error::Other(text) => Failure::new(text).service(service).into(),
            other @ (Error::UnknownStep(_) | Error::Planned) => other,
        })
    }
}

fn denied(text: &str) -> Error {
    Failure::new(format!("the host refused: {text}"))
        .cause("the plugin was not granted what it tried to do")
        .next("Add the grant to the plugin under `plugins:` in the configuration, if it is meant to have it.")
        .into()
}

fn unknown_service(name: &str) -> Error {
    Failure::new(format!("no service is called `{name}`"))
        .next("See what is configured with `chora config show`.")
        .into()
}

impl From<services::Error> for Error {
    fn from(error: services::Error) -> Self {
        match error {
            services::Error::Denied(text) => denied(&text),
            services::Error::UnknownService(name) => unknown_service(&name),
            services::Error::NotRunnable(text) => Failure::new(text)
                .cause("its `command`, `image` or another part of its configuration is missing or wrong")
                .next("Correct the service in the configuration, and see that `chora config validate` is content.")
                .next("Run `chora bootstrap` again; it goes on from here.")
                .into(),
            services::Error::NotRunning => Failure::new("the service is not running")
                .next("See what runs with `chora status`, and start it with `chora bootstrap`.")
                .into(),
            services::Error::Engine(text) => Failure::new(format!("the engine failed: {text}"))
                .cause("the engine stopped, or it refused what it was asked to do")
                .next("See that the engine works, then run `chora bootstrap` again; it goes on from here.")
                .into(),
            services::Error::Planned => Self::Planned,
            services::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<health::Error> for Error {
    fn from(error: health::Error) -> Self {
        match error {
            health::Error::Denied(text) => denied(&text),
            health::Error::UnknownService(name) => unknown_service(&name),
            health::Error::Exited(text) | health::Error::TimedOut(text) => {
                Failure::new(first_line(&text)).into()
            }
            health::Error::Plugin(text) => Failure::new(format!("the health check failed: {text}"))
                .cause("the health plugin is broken, or it does not suit the service")
                .next("Choose another check with the service's `health` in the configuration.")
                .into(),
            health::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<credentials::Error> for Error {
    fn from(error: credentials::Error) -> Self {
        match error {
            credentials::Error::Denied(text) => denied(&text),
            credentials::Error::UnknownCredential(name) => {
                Failure::new(format!("there is no credential called `{name}`"))
                    .cause("the credentials were made before the service was configured")
                    .next("Run `chora bootstrap`; its first phase makes those that are missing.")
                    .into()
            }
            credentials::Error::Storage(text) => {
                Failure::new(format!("the credentials cannot be used: {text}"))
                    .cause("the credential file was lost, has another owner or mode, or is damaged")
                    .next("Do what the message says, then run `chora bootstrap` again.")
                    .into()
            }
            credentials::Error::Planned => Self::Planned,
            credentials::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        match error {
            http::Error::Denied(text) => denied(&text),
            http::Error::Invalid(text) => {
                Failure::new(format!("the request cannot be sent: {text}")).into()
            }
            http::Error::Unreachable(text) => Failure::new(format!("nobody answers: {text}"))
                .cause("the service is not running, or it listens on another port")
                .next("See what runs with `chora status`.")
                .into(),
            http::Error::TimedOut => Failure::new("the answer took too long")
                .cause("the service is overloaded, or it hangs")
                .next("See what runs with `chora status`.")
                .into(),
            http::Error::TooLarge => Failure::new("the answer is larger than allowed").into(),
            http::Error::Planned => Self::Planned,
            http::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<tcp::Error> for Error {
    fn from(error: tcp::Error) -> Self {
        match error {
            tcp::Error::Denied(text) => denied(&text),
            tcp::Error::Refused(text) => Failure::new(format!("nobody listens: {text}"))
                .cause("the service is not running, or it listens on another port")
                .next("See what runs with `chora status`.")
                .into(),
            tcp::Error::TimedOut => Failure::new("the connection took too long")
                .cause("a firewall drops it, or the machine is gone")
                .into(),
            tcp::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<machine::Error> for Error {
    fn from(error: machine::Error) -> Self {
        match error {
            machine::Error::Denied(text) => denied(&text),
            machine::Error::System(text) => Failure::new(text)
                .cause("the user who runs chora may not do this")
                .next("Give that user the permission, then run `chora bootstrap` again.")
                .into(),
            // There are many reasons for that, and the text tells the one.
            machine::Error::Engine(text) => Failure::new(text)
                .next("Do what the message says, or choose another engine with `--engine process`.")
                .into(),
            machine::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<docker::Error> for Error {
    fn from(error: docker::Error) -> Self {
        match error {
            docker::Error::Denied(text) => denied(&text),
            docker::Error::Invalid(text) => {
                Failure::new(format!("the Docker Engine cannot be asked for that: {text}")).into()
            }
            docker::Error::NotOurs(text) => Failure::new(text)
                .cause("another project, another environment or a person uses that name")
                .next("Rename or remove it, or choose another name in the plugin's settings.")
                .into(),
            docker::Error::OfService(text) => Failure::new(text).into(),
            docker::Error::NoImage(text) => Failure::new(text)
                .next("Pull or build the image, then run `chora bootstrap` again; it goes on from here.")
                .into(),
            docker::Error::Missing(text) | docker::Error::NotRunning(text) => {
                Failure::new(text)
                    .cause("it was removed or stopped, or the step that makes it has not been run")
                    .into()
            }
            docker::Error::InUse(text) => Failure::new(text).into(),
            docker::Error::NotRunnable(text) => Failure::new(text)
                .cause("the image does not have the program, or it is made for another processor")
                .into(),
            docker::Error::TimedOut => Failure::new("a container took too long").into(),
            docker::Error::Engine(text) => {
                Failure::new(format!("the Docker Engine failed: {text}"))
                    .cause("the Docker Engine does not run, or it refused what it was asked to do")
                    .next("See that `docker version` works, then run `chora bootstrap` again; it goes on from here.")
                    .into()
            }
            docker::Error::Planned => Self::Planned,
            docker::Error::Other(text) => Self::Other(text),
        }
    }
}

pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{Error, ResultExt};
    use crate::{credentials, docker, http, services};

    #[test]
    fn planned_is_not_a_failure() {
        assert_eq!(Error::from(http::Error::Planned), Error::Planned);
        assert_eq!(Error::from(services::Error::Planned), Error::Planned);
        assert_eq!(Error::from(docker::Error::Planned), Error::Planned);
        let bearer: Result<(), _> = Err(credentials::Error::Planned);
        assert_eq!(bearer.about("x"), Err(Error::Planned));
    }

    #[test]
    fn about_names_the_service_once() {
        let failed: Result<(), _> = Err(services::Error::NotRunning);
        let Err(Error::Failed(failure)) = failed.about("one").about("two") else {
            panic!("a failure");
        };
        assert_eq!(failure.service.as_deref(), Some("one"));
        assert!(!failure.next_actions.is_empty());
    }

    #[test]
    fn denial_keeps_the_grant() {
        let Error::Failed(failure) = Error::from(services::Error::Denied("services=x:stop".into()))
        else {
            panic!("a failure");
        };
        assert!(failure.message.contains("services=x:stop"));
    }
}
