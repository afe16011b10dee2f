//! Deploying one service through its orchestrator, and undoing that.

use std::time::Duration;

use chora_plugin::http::{self, Response};
use chora_plugin::orchestrator::{ChangeError, Deployed, Orchestrator};
use chora_plugin::registry::Registry;
use chora_plugin::services::Definition;
use chora_plugin::{
    Change, Context, Error, Outcome, ResultExt, Service, credentials, lifecycle, progress, services,
};
use serde_json::{Map, Value, json};

/// How long the orchestrator may take to answer; it stops an older deployment first, which takes its time.
const DEPLOY_MS: u64 = 60_000;

pub(crate) fn apply(context: &Context, service: &Service) -> Result<Outcome, Error> {
    let orchestrator = orchestrator(context, service)?;
    if context.dry_run {
        let deployed = orchestrator.state_of(&service.name)?;
        if runs_already(service, deployed.as_ref()) {
            return Ok(Outcome::unchanged("already deployed"));
        }
        return Err(Error::Planned);
    }
    let definition = services::definition_of(&service.name).about(&service.name)?;
    let body = request(&definition, &context.environment);
    progress::doing(format!(
        "deploying {} through {}",
        service.name, orchestrator.service
    ));
    let answer = orchestrator
        .change("POST", "/v1/deploy", Some(&body), DEPLOY_MS)
        .about(&service.name)?;
    let change = judge(&orchestrator, service, &answer)?;

    progress::doing(format!("waiting until {} is healthy", service.name));
    let outcome = lifecycle::await_health(service, change)?;
    if let Some(registry) = Registry::of(context) {
        progress::doing(format!(
            "waiting for {} at {}",
            service.name, registry.service
        ));
        registry.await_up(service, Duration::from_millis(service.timeout))?;
    }
    Ok(outcome)
}

pub(crate) fn revert(context: &Context, service: &Service) -> Result<Outcome, Error> {
    let orchestrator = orchestrator(context, service)?;
    let path = format!("/v1/services/{}", service.name);
    let reason = match orchestrator.change("DELETE", &path, None, DEPLOY_MS) {
        Ok(answer) if answer.is_success() => {
            return Ok(Outcome::changed(format!(
                "removed by {}",
                orchestrator.service
            )));
        }
        // Nobody deployed it, as far as the orchestrator knows; whether something of that name runs is the engine's to say.
        Ok(answer) if answer.status == 404 => return lifecycle::remove(service),
        Ok(answer) => {
            let what = format!("did not remove `{}`", service.name);
            return Err(orchestrator.refused(&what, &answer)).about(&service.name);
        }
        Err(error) => without(&orchestrator, error).about(&service.name)?,
    };
    let outcome = lifecycle::remove(service)?;
    Ok(match outcome.change {
        Change::Unchanged => outcome,
        Change::Changed | Change::Planned => outcome.warning(format!(
            "{reason}, so `{}` was removed without it",
            service.name
        )),
    })
}

fn orchestrator(context: &Context, service: &Service) -> Result<Orchestrator, Error> {
    Orchestrator::deploying(context, service)
        .ok_or_else(|| Error::UnknownStep(format!("deploy:{}", service.name)))
}

/// Why the service has to be removed without the orchestrator; an error where it must not be, because the orchestrator may be there.
fn without(orchestrator: &Orchestrator, error: ChangeError) -> Result<String, Error> {
    let name = &orchestrator.service;
    match error {
        ChangeError::Http(http::Error::Unreachable(_)) => Ok(format!("`{name}` does not answer")),
        ChangeError::Credential(credentials::Error::UnknownCredential(_)) => {
            Ok(format!("there are no credentials left for `{name}`"))
        }
        error @ (ChangeError::Http(_) | ChangeError::Credential(_)) => Err(error.into()),
    }
}

/// Only for a dry run, where the orchestrator cannot be told the definition and compare it.
fn runs_already(service: &Service, deployed: Option<&Deployed>) -> bool {
    deployed.is_some_and(|deployed| deployed.is_running() && deployed.version == service.version)
}

fn request(definition: &Definition, environment: &str) -> Value {
    let object = |pairs: &[(String, String)]| -> Map<String, Value> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect()
    };
    json!({
        "name": definition.name,
        "version": definition.version,
        "command": definition.command,
        "image": definition.image,
        "docker_compose": definition.docker_compose,
        "compose_files": definition.compose_files,
        "compose_variables": object(&definition.compose_variables),
        "port": definition.port,
        "health_endpoint": definition.health_endpoint,
        "dependencies": definition.dependencies,
        "environment": object(&definition.environment),
        "environment_name": environment,
    })
}

fn judge(
    orchestrator: &Orchestrator,
    service: &Service,
    answer: &Response,
) -> Result<Change, Error> {
    match answer.status {
        200 => Ok(Change::Unchanged),
        201 | 202 => Ok(Change::Changed),
        _ => {
            let what = format!("did not deploy `{}`", service.name);
            Err(orchestrator.refused(&what, answer)).about(&service.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use chora_plugin::http::{self, Response};
    use chora_plugin::orchestrator::{ChangeError, Deployed, Orchestrator};
    use chora_plugin::services::Definition;
    use chora_plugin::{Change, Error, Service, credentials};
    use serde_json::json;

    use super::{judge, request, runs_already, without};

    fn boss() -> Orchestrator {
        Orchestrator {
            service: "boss".to_owned(),
            origin: "http://localhost:8600".to_owned(),
        }
    }

    fn search() -> Service {
        Service {
            name: "search".to_owned(),
            phase: 3,
            role: None,
            deploy_via: Some("boss".to_owned()),
            version: Some("1.0.0".to_owned()),
            port: None,
            health_endpoint: None,
            dependencies: Vec::new(),
            timeout: 1_000,
        }
    }

    #[test]
    fn the_request_is_the_whole_definition() {
        let definition = Definition {
            name: "search".to_owned(),
            version: Some("1.0.0".to_owned()),
            command: vec!["search".to_owned(), "--fast".to_owned()],
            image: None,
            docker_compose: Some("compose/search.yml".to_owned()),
            compose_files: vec![
                "compose/index.yml".to_owned(),
                "compose/search.yml".to_owned(),
            ],
            compose_variables: vec![("CHORA_PORT_SEARCH".to_owned(), "8900".to_owned())],
            port: Some(8900),
            health_endpoint: None,
            dependencies: vec!["index".to_owned()],
            environment: vec![("MODE".to_owned(), "fast".to_owned())],
        };
        assert_eq!(
            request(&definition, "dev"),
            json!({
                "name": "search",
                "version": "1.0.0",
                "command": ["search", "--fast"],
                "image": null,
                "docker_compose": "compose/search.yml",
                "compose_files": ["compose/index.yml", "compose/search.yml"],
                "compose_variables": { "CHORA_PORT_SEARCH": "8900" },
                "port": 8900,
                "health_endpoint": null,
                "dependencies": ["index"],
                "environment": { "MODE": "fast" },
                "environment_name": "dev",
            })
        );
    }

    #[test]
    fn answers_tell_whether_anything_was_done() {
        let answer = |status| Response {
            status,
            headers: Vec::new(),
            body: br#"{"error":"not_runnable","message":"program `search` not found"}"#.to_vec(),
        };
        assert_eq!(judge(&boss(), &search(), &answer(201)), Ok(Change::Changed));
        assert_eq!(
            judge(&boss(), &search(), &answer(200)),
            Ok(Change::Unchanged)
        );
        let Err(Error::Failed(failure)) = judge(&boss(), &search(), &answer(422)) else {
            panic!("a failure");
        };
        assert_eq!(failure.service.as_deref(), Some("search"));
        assert!(
            failure
                .message
                .contains("did not deploy `search`: status 422: program `search` not found")
        );
    }

    #[test]
    fn only_an_orchestrator_that_is_gone_is_done_without() {
        let gone = ChangeError::Http(http::Error::Unreachable("refused".to_owned()));
        assert!(without(&boss(), gone).is_ok());
        let lost = credentials::Error::UnknownCredential("jwt_secret".to_owned());
        assert!(without(&boss(), ChangeError::Credential(lost)).is_ok());
        assert!(without(&boss(), ChangeError::Http(http::Error::TimedOut)).is_err());
        assert_eq!(
            without(&boss(), ChangeError::Http(http::Error::Planned)),
            Err(Error::Planned)
        );
    }

    #[test]
    fn a_dry_run_compares_state_and_version() {
        let mut deployed = Deployed {
            state: "running".to_owned(),
            version: Some("1.0.0".to_owned()),
        };
        assert!(runs_already(&search(), Some(&deployed)));
        deployed.version = Some("0.9.0".to_owned());
        assert!(!runs_already(&search(), Some(&deployed)));
        assert!(!runs_already(&search(), None));
    }
}
