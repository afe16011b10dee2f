//! Orchestrator control: a deployed service is stopped through the orchestrator's API, seen to be stopped, started again, and seen to be
//! healthy and registered again.

use std::time::{Duration, Instant};

use chora_plugin::orchestrator::Orchestrator;
use chora_plugin::registry::Registry;
use chora_plugin::{
    Change, Context, Error, Failure, Outcome, ResultExt, Service, lifecycle, poll, progress,
};

/// Stopping may take as long as the service's grace period.
const REQUEST_MS: u64 = 60_000;

pub(crate) fn check(context: &Context, service: &Service) -> Result<Outcome, Error> {
    let orchestrator = Orchestrator::deploying(context, service)
        .ok_or_else(|| Error::UnknownStep("control".to_owned()))?;
    let begun = Instant::now();
    progress::doing(format!("stopping {}", service.name));
    let stopped =
        order(&orchestrator, service, "stop").and_then(|()| see_stopped(&orchestrator, service));
    if matches!(stopped, Err(Error::Planned)) {
        return Err(Error::Planned);
    }
    // Whatever came of stopping it: a check must not leave a service behind that does not run.
    progress::doing(format!("starting {}", service.name));
    let started = order(&orchestrator, service, "start");
    stopped.and(started).about(&service.name)?;

    lifecycle::await_health(service, Change::Changed)?;
    if let Some(registry) = Registry::of(context) {
        registry.await_up(service, Duration::from_millis(service.timeout))?;
    }
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Outcome::changed(format!(
        "stopped, started and healthy again after {}",
        poll::said(took)
    )))
}

fn order(orchestrator: &Orchestrator, service: &Service, verb: &str) -> Result<(), Error> {
    let path = format!("/v1/services/{}/{verb}", service.name);
    let answer = orchestrator.change("POST", &path, None, REQUEST_MS)?;
    if answer.is_success() {
        return Ok(());
    }
    Err(orchestrator.refused(&format!("did not {verb} `{}`", service.name), &answer))
}

fn see_stopped(orchestrator: &Orchestrator, service: &Service) -> Result<(), Error> {
    let name = &service.name;
    let limit = Duration::from_millis(service.timeout);
    let seen = poll::until(limit, || {
        let state = orchestrator.state_of(name)?;
        Ok::<_, Error>((!state.is_some_and(|state| state.is_running())).then_some(()))
    })?;
    seen.ok_or_else(|| {
        Failure::new(format!(
            "`{}` took the order to stop `{name}`, which still runs {} later",
            orchestrator.service,
            poll::said(service.timeout)
        ))
        .cause(format!("`{name}` ignores being asked to end"))
        .next(format!(
            "Read the logs with `chora logs {name}` and `chora logs {}`.",
            orchestrator.service
        ))
        .into()
    })
}
