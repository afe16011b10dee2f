//! Which checks there are, from the settings and the roles that services have.
//!
//! Settings: `skip`, a list of `discovery`, `routing` and `control`; `routing`, a map of `service`, `method`, `path`, `body` and
//! `expect_status`; `control`, a map of `service`.

use chora_plugin::orchestrator::Orchestrator;
use chora_plugin::registry::Registry;
use chora_plugin::{Context, Error, Service, Step, settings};
use serde_json::Value;

use crate::routing::Route;

const SKIPPABLE: [&str; 3] = ["discovery", "routing", "control"];

/// The checks of this ecosystem; that of health is always one.
#[derive(Debug)]
pub(crate) struct Checks<'a> {
    pub(crate) discovery: bool,
    pub(crate) routing: Option<Route>,
    /// The service that is stopped and started.
    pub(crate) control: Option<&'a Service>,
}

impl<'a> Checks<'a> {
    pub(crate) fn from_settings(context: &'a Context) -> Result<Self, Error> {
        Self::of(
            context,
            settings::value("skip"),
            settings::value("routing"),
            settings::value("control"),
        )
    }

    pub(crate) fn of(
        context: &'a Context,
        skip: Option<Value>,
        routing: Option<Value>,
        control: Option<Value>,
    ) -> Result<Self, Error> {
        let skip = skipped(skip)?;
        let asked = |check: &str| !skip.iter().any(|skipped| skipped == check);
        Ok(Self {
            discovery: asked("discovery") && Registry::of(context).is_some(),
            routing: match context.with_role("gateway").and_then(Service::origin) {
                Some(gateway) if asked("routing") => Route::of(context, &gateway, routing)?,
                _ => None,
            },
            control: match asked("control") {
                true => controlled(context, control)?,
                false => None,
            },
        })
    }

    /// Discovery, routing, control, and health at last: what the disturbing check left behind is seen too.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut add = |step: Step| {
            let step = match steps.last() {
                Some(before) => step.needs(&before.id),
                None => step,
            };
            steps.push(step);
        };
        if self.discovery {
            add(Step::new("discovery", "Discover the services"));
        }
        if let Some(route) = &self.routing {
            let title = format!("Reach {} through the gateway", route.service);
            add(Step::new("routing", title).service(&route.service));
        }
        if let Some(service) = self.control {
            let title = format!("Stop and start {} through its orchestrator", service.name);
            add(Step::new("control", title)
                .service(&service.name)
                .disturbs());
        }
        add(Step::new("health", "Check the health of all services"));
        steps
    }
}

fn skipped(skip: Option<Value>) -> Result<Vec<String>, Error> {
    let listed = match skip {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(settings::invalid("skip", "it is a list")),
    };
    let known = |check: Value| match check {
        Value::String(check) if SKIPPABLE.contains(&check.as_str()) => Ok(check),
        other => Err(settings::invalid(
            "skip",
            format!(
                "{other} cannot be skipped; `{}` can",
                SKIPPABLE.join("`, `")
            ),
        )),
    };
    listed.into_iter().map(known).collect()
}

/// The deployed service that is to be stopped and started: the configured one, else the first.
fn controlled(context: &Context, setting: Option<Value>) -> Result<Option<&Service>, Error> {
    let is_deployed = |service: &&Service| Orchestrator::deploying(context, service).is_some();
    let Some(name) = service_in("control", setting.as_ref())? else {
        return Ok(context.services.iter().find(is_deployed));
    };
    match context.service(name).filter(is_deployed) {
        Some(service) => Ok(Some(service)),
        None => Err(settings::invalid(
            "control",
            format!("no service `{name}` is deployed by another one"),
        )),
    }
}

/// The `service` of a setting that is a map.
pub(crate) fn service_in<'v>(
    key: &str,
    setting: Option<&'v Value>,
) -> Result<Option<&'v str>, Error> {
    match setting {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => match object.get("service") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) => Ok(Some(name)),
            Some(_) => Err(settings::invalid(key, "its `service` is a name")),
        },
        Some(_) => Err(settings::invalid(key, "it is a map")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chora_plugin::{Context, Service};
    use serde_json::json;

    use super::Checks;

    pub(crate) fn service(name: &str, phase: u8, role: Option<&str>, via: Option<&str>) -> Service {
        Service {
            name: name.to_owned(),
            phase,
            role: role.map(str::to_owned),
            deploy_via: via.map(str::to_owned),
            version: None,
            port: Some(1),
            health_endpoint: Some(format!("http://localhost:1/{name}/health")),
            dependencies: Vec::new(),
            timeout: 1_000,
        }
    }

    pub(crate) fn context(services: Vec<Service>) -> Context {
        Context {
            run_id: "run".to_owned(),
            environment: "dev".to_owned(),
            phase: 4,
            dry_run: false,
            services,
        }
    }

    pub(crate) fn whole() -> Context {
        context(vec![
            service("names", 1, Some("registry"), None),
            service("boss", 2, Some("orchestrator"), None),
            service("door", 2, Some("gateway"), None),
            service("search", 3, None, Some("boss")),
            service("mail", 3, None, Some("boss")),
        ])
    }

    fn told(checks: &Checks<'_>) -> Vec<(String, String)> {
        let steps = checks.steps();
        steps
            .into_iter()
            .map(|step| (step.id, step.needs.join(",")))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(id, needs)| ((*id).to_owned(), (*needs).to_owned()))
            .collect()
    }

    #[test]
    fn a_whole_ecosystem_has_all_checks_and_health_is_the_last() {
        let context = whole();
        let checks = Checks::of(&context, None, None, None).unwrap();
        assert_eq!(
            told(&checks),
            pairs(&[
                ("discovery", ""),
                ("routing", "discovery"),
                ("control", "routing"),
                ("health", "control"),
            ])
        );
        assert!(checks.steps()[2].disturbs);
        assert_eq!(checks.control.unwrap().name, "search");
    }

    #[test]
    fn what_is_skipped_or_has_no_role_is_left_out() {
        let context = whole();
        let skip = Some(json!(["routing", "discovery"]));
        let checks = Checks::of(&context, skip, None, None).unwrap();
        assert_eq!(
            told(&checks),
            pairs(&[("control", ""), ("health", "control")])
        );
        let plain = super::tests::context(vec![service("web", 1, None, None)]);
        let checks = Checks::of(&plain, None, None, None).unwrap();
        assert_eq!(told(&checks), pairs(&[("health", "")]));
    }

    #[test]
    fn settings_that_make_no_sense_are_told() {
        let context = whole();
        assert!(Checks::of(&context, Some(json!(["health"])), None, None).is_err());
        assert!(Checks::of(&context, Some(json!("routing")), None, None).is_err());
        assert!(Checks::of(&context, None, None, Some(json!({"service": "names"}))).is_err());
        assert!(Checks::of(&context, None, Some(json!({"service": "nobody"})), None).is_err());
        let control = Some(json!({"service": "mail"}));
        let checks = Checks::of(&context, None, None, control).unwrap();
        assert_eq!(checks.control.unwrap().name, "mail");
    }
}
