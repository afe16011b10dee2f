//! Bringing configured services up and taking them down, one step each: what the bundled phases are made of, and any phase that
//! starts services of its own can use. Grants: `services=…:start+remove` and `health=…`.

use std::collections::BTreeMap;

use crate::error::first_line;
use crate::poll::said;
use crate::{Change, Context, Error, Failure, Outcome, ResultExt, Service, Step, health, services};

/// The identifier of the step that brings a service up: `deploy:NAME` where another service deploys it, else `start:NAME`.
#[must_use]
pub fn step_id(service: &Service) -> String {
    let verb = if service.deploy_via.is_some() {
        "deploy"
    } else {
        "start"
    };
    format!("{verb}:{}", service.name)
}

/// One step for each service of the plugin's own phase, which needs the steps of those services of the same phase that it depends on.
/// Services of earlier phases are healthy before this phase begins.
#[must_use]
pub fn plan(context: &Context) -> Vec<Step> {
    let ids: BTreeMap<&str, String> = context
        .own_services()
        .map(|service| (service.name.as_str(), step_id(service)))
        .collect();
    context
        .own_services()
        .map(|service| {
            let verb = if service.deploy_via.is_some() {
                "Deploy"
            } else {
                "Start"
            };
            let step = Step::new(step_id(service), format!("{verb} {}", service.name))
                .service(&service.name);
            let needed = service.dependencies.iter();
            needed
                .filter_map(|name| ids.get(name.as_str()))
                .fold(step, |step, id| step.needs(id))
        })
        .collect()
}

/// The same as [`plan`], for a phase that can start services but not have them deployed.
///
/// # Errors
/// A service of this phase has `deploy_via`.
pub fn plan_starts(context: &Context) -> Result<Vec<Step>, Error> {
    match context
        .own_services()
        .find(|service| service.deploy_via.is_some())
    {
        None => Ok(plan(context)),
        Some(service) => Err(Failure::new(format!(
            "service `{}` is to be deployed by another one, which phase {} does not do",
            service.name, context.phase
        ))
        .service(&service.name)
        .next(format!(
            "Give `{}` the phase 3, or take its `deploy_via` away.",
            service.name
        ))
        .into()),
    }
}

/// The service that a step `PREFIX:NAME` is about.
///
/// # Errors
/// The step is not `PREFIX:` and the name of a configured service.
pub fn subject<'a>(context: &'a Context, prefix: &str, step: &str) -> Result<&'a Service, Error> {
    step.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|name| context.service(name))
        .ok_or_else(|| Error::UnknownStep(step.to_owned()))
}

/// Starts a service, where it does not run as configured, and waits until it is healthy.
///
/// # Errors
/// It cannot be started, ended, or was not healthy in time.
pub fn start(service: &Service) -> Result<Outcome, Error> {
    let change = services::start(&service.name).about(&service.name)?;
    await_health(service, change)
}

/// Waits until a service is healthy, after something was (or was not) done to bring it up.
///
/// # Errors
/// It ended, or was not healthy in time.
pub fn await_health(service: &Service, change: Change) -> Result<Outcome, Error> {
    match health::wait(&service.name) {
        Ok(report) => Ok(Outcome::new(change, summary(change, &report))),
        Err(error) => Err(unhealthy(service, error)),
    }
}

/// Stops a service and forgets it.
///
/// # Errors
/// The engine could not.
pub fn remove(service: &Service) -> Result<Outcome, Error> {
    let change = services::remove(&service.name).about(&service.name)?;
    Ok(Outcome::new(
        change,
        match change {
            Change::Changed => "stopped and removed",
            Change::Unchanged => "was not there",
            Change::Planned => "would be stopped and removed",
        },
    ))
}

fn summary(change: Change, report: &health::Report) -> String {
    match (change, report.planned) {
        (Change::Planned, _) => "would be started".to_owned(),
        (Change::Unchanged, true) => "runs already".to_owned(),
        (Change::Unchanged, false) => "already healthy".to_owned(),
        (Change::Changed, _) => format!("healthy after {}", said(report.waited)),
    }
}

/// Explains why a service was not declared healthy.
#[must_use]
pub fn unhealthy(service: &Service, error: health::Error) -> Error {
    let name = &service.name;
    let read_log = format!("Read its log with `chora logs {name}`.");
    let again = "Run `chora bootstrap` again; it goes on from here.";
    match error {
        health::Error::Exited(text) => {
            let tail: Vec<&str> = text
                .lines()
                .skip(1)
                .filter(|line| !line.trim().is_empty())
                .collect();
            let mut failure = Failure::new(first_line(&text)).service(name);
            if let (Some(port), true) = (service.port, port_is_taken(&tail)) {
                failure = failure.cause(format!("another process holds its port {port}"));
            }
            // The whole tail is shown by chora itself; its last line is the likeliest to say why.
            if let Some(last) = tail.last() {
                failure = failure.cause(format!("its last words were: {}", last.trim()));
            }
            failure
                .cause("its command, its settings or something that it needs is wrong")
                .next(read_log)
                .next("Correct what the log names.")
                .next(again)
                .into()
        }
        health::Error::TimedOut(text) => {
            let mut failure = Failure::new(first_line(&text)).service(name).cause(format!(
                "it needs longer than its `timeout` of {}",
                said(service.timeout)
            ));
            failure = match (&service.health_endpoint, service.port) {
                (Some(endpoint), _) => failure.cause(format!(
                    "it does not answer at {endpoint}, its `health_endpoint`"
                )),
                (None, Some(port)) => {
                    failure.cause(format!("it does not listen on its port {port}"))
                }
                (None, None) => failure,
            };
            failure = failure
                .cause("it waits for something that it needs")
                .next(read_log);
            if let Some(endpoint) = &service.health_endpoint {
                failure = failure.next(format!("Ask it yourself with `curl -i {endpoint}`."));
            }
            failure
                .next(format!(
                    "Raise the `timeout` of `{name}` in the configuration, if it is only slow."
                ))
                .next(again)
                .into()
        }
        other => match Err::<(), _>(other).about(name) {
            Err(error) => error,
            Ok(()) => Error::Other(format!("service `{name}` is not healthy")),
        },
    }
}

fn port_is_taken(log: &[&str]) -> bool {
    log.iter().any(|line| {
        let line = line.to_ascii_lowercase();
        ["address already in use", "address in use", "eaddrinuse"]
            .iter()
            .any(|sign| line.contains(sign))
    })
}

#[cfg(test)]
mod tests {
    use super::{plan, plan_starts, subject, summary, unhealthy};
    use crate::service::tests::{context, service};
    use crate::{Change, Error, Failure, health};

    fn failure(error: Error) -> Failure {
        let Error::Failed(failure) = error else {
            panic!("a failure, not {error:?}");
        };
        failure
    }

    #[test]
    fn steps_need_only_services_of_their_own_phase() {
        let mut store = service("store", 1);
        store.dependencies = vec!["disk".to_owned()];
        let mut api = service("api", 2);
        api.dependencies = vec!["store".to_owned(), "cache".to_owned()];
        let mut cache = service("cache", 2);
        cache.deploy_via = Some("store".to_owned());
        let context = context(2, vec![store, api, cache]);
        let steps = plan(&context);
        let told: Vec<_> = steps
            .iter()
            .map(|step| (step.id.as_str(), step.title.as_str(), step.needs.join(",")))
            .collect();
        assert_eq!(
            told,
            [
                ("start:api", "Start api", "deploy:cache".to_owned()),
                ("deploy:cache", "Deploy cache", String::new()),
            ]
        );
        assert!(plan_starts(&context).is_err());
    }

    #[test]
    fn a_step_of_another_plugin_is_unknown() {
        let context = context(1, vec![service("a", 1)]);
        assert_eq!(subject(&context, "start", "start:a").unwrap().name, "a");
        for step in ["start:b", "starta", "deploy:a", "start:"] {
            assert!(matches!(
                subject(&context, "start", step),
                Err(Error::UnknownStep(_))
            ));
        }
    }

    #[test]
    fn an_exit_keeps_code_and_log_and_finds_the_taken_port() {
        let mut one = service("one", 1);
        one.port = Some(8500);
        let text = "service `one` exited with code 3\nbinding\nerror: Address already in use (os error 98)";
        let failure = failure(unhealthy(&one, health::Error::Exited(text.to_owned())));
        assert_eq!(failure.message, "service `one` exited with code 3");
        assert_eq!(failure.causes[0], "another process holds its port 8500");
        assert!(failure.causes[1].ends_with("error: Address already in use (os error 98)"));
        assert!(failure.next_actions[0].contains("chora logs one"));
    }

    #[test]
    fn a_timeout_says_how_to_ask_and_what_to_raise() {
        let mut one = service("one", 1);
        one.health_endpoint = Some("http://localhost:1/health".to_owned());
        let text = "service `one` was not healthy within 60 s; the last probe: 503";
        let failure = failure(unhealthy(&one, health::Error::TimedOut(text.to_owned())));
        assert_eq!(failure.message, text);
        assert!(
            failure
                .next_actions
                .iter()
                .any(|action| action.contains("curl -i http://localhost:1/health"))
        );
        assert!(
            failure
                .next_actions
                .iter()
                .any(|action| action.contains("`timeout`"))
        );
    }

    #[test]
    fn summaries_tell_what_was_done() {
        let mut report = health::Report {
            waited: 80,
            probes: 3,
            planned: false,
            summary: String::new(),
        };
        assert_eq!(summary(Change::Changed, &report), "healthy after 80 ms");
        assert_eq!(summary(Change::Unchanged, &report), "already healthy");
        report.planned = true;
        assert_eq!(summary(Change::Planned, &report), "would be started");
    }
}
