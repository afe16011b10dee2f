//! Talking to the service that deploys others: the one with the role `orchestrator`, or the one that a `deploy_via` names. Grants:
//! `http=METHOD @role:orchestrator/v1/…`, and `credentials=jwt_secret:use` for what changes something.

use serde_json::Value;

use crate::http::{self, Request, Response};
use crate::{Context, Error, Failure, ResultExt, Service, credentials};

/// The credential whose bearer is a token that lives for a minute.
const TOKEN: &str = "jwt_secret";

/// A service that deploys others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orchestrator {
    /// The service that it is.
    pub service: String,
    /// Its origin, without a slash at the end.
    pub origin: String,
}

/// What an orchestrator says of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// `running`, `stopped`, `exited` or `crash_looping`.
    pub state: String,
    /// The version that was deployed.
    pub version: Option<String>,
}

impl Deployed {
    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }
}

impl Orchestrator {
    /// The orchestrator of this ecosystem; absent where no service has the role, or it has no address.
    #[must_use]
    pub fn of(context: &Context) -> Option<Self> {
        Self::is(context.with_role("orchestrator")?)
    }

    /// The orchestrator that deploys a service; absent where it is not deployed by another one, or that one has no address.
    #[must_use]
    pub fn deploying(context: &Context, service: &Service) -> Option<Self> {
        Self::is(context.service(service.deploy_via.as_deref()?)?)
    }

    fn is(service: &Service) -> Option<Self> {
        Some(Self {
            service: service.name.clone(),
            origin: service.origin()?,
        })
    }

    /// What it says of a service; absent where it has not deployed it.
    ///
    /// # Errors
    /// It does not answer, or not as an orchestrator does.
    pub fn state_of(&self, name: &str) -> Result<Option<Deployed>, Error> {
        let url = format!("{}/v1/services/{name}", self.origin);
        let answer = Request::get(url).send().about(&self.service)?;
        self.read(&answer)
    }

    fn read(&self, answer: &Response) -> Result<Option<Deployed>, Error> {
        if answer.status == 404 {
            return Ok(None);
        }
        let body = answer.json().filter(|_| answer.is_success());
        let text = |key: &str| Some(body.as_ref()?.get(key)?.as_str()?.to_owned());
        match text("state") {
            Some(state) => Ok(Some(Deployed {
                state,
                version: text("version"),
            })),
            None => Err(self.refused("gave an answer that is none", answer)),
        }
    }

    /// Sends a request that changes something, with a token: `path` begins with `/`.
    ///
    /// # Errors
    /// There is no token, or no answer. Any status is an answer.
    pub fn change(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        timeout: u64,
    ) -> Result<Response, ChangeError> {
        let bearer = credentials::bearer_of(TOKEN).map_err(ChangeError::Credential)?;
        let mut request = Request::new(method, format!("{}{path}", self.origin))
            .bearer(&bearer)
            .timeout(timeout);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().map_err(ChangeError::Http)
    }

    /// The failure of an answer that was not hoped for; `what` tells what the orchestrator did, for example `did not start `x``.
    #[must_use]
    pub fn refused(&self, what: &str, answer: &Response) -> Error {
        let name = &self.service;
        let failure = Failure::new(format!("service `{name}` {what}: {}", answer.problem()));
        let failure = match answer.status {
            401 | 403 => failure.cause(format!(
                "`{name}` was started with other credentials than there are now"
            )),
            409 => failure.cause("a service of this name runs already, and another one started it"),
            400 | 422 => failure.cause("the service cannot be run as it is configured"),
            500.. => failure.cause(format!("`{name}` itself failed")),
            _ => failure.cause("another program answers on its port"),
        };
        failure
            .next(format!("Read its log with `chora logs {name}`."))
            .next("Correct what it names, then run `chora bootstrap` again; it goes on from here.")
            .into()
    }
}

/// Why a request that changes something got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeError {
    /// There is no token to send.
    Credential(credentials::Error),
    /// There was no answer.
    Http(http::Error),
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Credential(error) => error.into(),
            ChangeError::Http(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Orchestrator;
    use crate::Error;
    use crate::http::Response;
    use crate::service::tests::{context, service};

    fn answer(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn boss() -> Orchestrator {
        Orchestrator {
            service: "boss".to_owned(),
            origin: "http://localhost:8600".to_owned(),
        }
    }

    #[test]
    fn it_is_found_by_role_or_by_whom_it_deploys() {
        let mut one = service("boss", 2);
        one.port = Some(8600);
        let mut deployed = service("x", 3);
        deployed.deploy_via = Some("boss".to_owned());
        let context = context(3, vec![one, deployed.clone()]);
        assert_eq!(Orchestrator::of(&context), None);
        assert_eq!(Orchestrator::deploying(&context, &deployed), Some(boss()));
    }

    #[test]
    fn states_are_read_and_strange_answers_fail() {
        let running = boss().read(&answer(
            200,
            r#"{"name":"x","state":"running","version":"1.0.0"}"#,
        ));
        assert!(running.unwrap().unwrap().is_running());
        assert_eq!(boss().read(&answer(404, "")), Ok(None));
        assert!(boss().read(&answer(200, "{}")).is_err());
        assert!(boss().read(&answer(500, r#"{"state":"running"}"#)).is_err());
    }

    #[test]
    fn refusals_tell_why() {
        let Error::Failed(failure) = boss().refused(
            "did not deploy `x`",
            &answer(409, r#"{"error":"conflict","message":"taken"}"#),
        ) else {
            panic!("a failure");
        };
        assert_eq!(
            failure.message,
            "service `boss` did not deploy `x`: status 409: taken"
        );
        assert!(failure.causes[0].contains("runs already"));
    }
}
