//! The bundled phase 2: starts the infrastructure, independent services at once, and sees that those with a role of their own have
//! registered themselves where the ecosystem has a registry.

use std::time::Duration;

use chora_plugin::registry::Registry;
use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Service, Step, lifecycle, progress};

/// What a step gets besides the service's own timeout, so that its failure tells more than that the time was up.
const SLACK_MS: u64 = 10_000;

struct Infrastructure;

impl Phase for Infrastructure {
    fn describe() -> Metadata {
        Metadata::new(
            "infrastructure",
            env!("CARGO_PKG_VERSION"),
            "starts the infrastructure services and sees that they registered",
        )
        .asks(
            "services=@phase:2:start+remove",
            "to start the infrastructure services, and to remove them at a rollback",
        )
        .asks("health=@phase:2", "to wait until they are healthy")
        .asks(
            "http=GET @role:registry/v1/services/*",
            "to see whether they registered",
        )
    }

    fn plan(context: &Context) -> Result<Vec<Step>, Error> {
        let mut steps = lifecycle::plan_starts(context)?;
        if let Some(registry) = Registry::of(context) {
            steps.extend(registering(context, &registry).map(|service| {
                Step::new(
                    format!("registered:{}", service.name),
                    format!("See {} registered", service.name),
                )
                .needs(lifecycle::step_id(service))
                .service(&service.name)
                .timeout(service.timeout.saturating_add(SLACK_MS))
            }));
        }
        Ok(steps)
    }

    fn apply(context: &Context, step: &str) -> Result<Outcome, Error> {
        if !step.starts_with("registered:") {
            return lifecycle::start(lifecycle::subject(context, "start", step)?);
        }
        let service = lifecycle::subject(context, "registered", step)?;
        let registry = Registry::of(context).ok_or_else(|| Error::UnknownStep(step.to_owned()))?;
        progress::doing(format!(
            "waiting for {} at {}",
            service.name, registry.service
        ));
        let up = registry.await_up(service, Duration::from_millis(service.timeout))?;
        Ok(Outcome::unchanged(match up {
            1 => "registered and up".to_owned(),
            _ => format!("{up} instances registered and up"),
        }))
    }

    fn revert(context: &Context, step: &str) -> Result<Outcome, Error> {
        if step.starts_with("registered:") {
            return Ok(Outcome::unchanged("ends with the service"));
        }
        lifecycle::remove(lifecycle::subject(context, "start", step)?)
    }
}

chora_plugin::export_phase!(Infrastructure);

/// The services of this phase that register themselves: those with a role, but for the registry, which its own phase registers.
fn registering<'a>(
    context: &'a Context,
    registry: &'a Registry,
) -> impl Iterator<Item = &'a Service> {
    context
        .own_services()
        .filter(|service| service.role.is_some() && service.name != registry.service)
}

#[cfg(test)]
mod tests {
    use chora_plugin::{Context, Phase, Service};

    use super::Infrastructure;

    fn service(name: &str, phase: u8, role: Option<&str>, dependencies: &[&str]) -> Service {
        Service {
            name: name.to_owned(),
            phase,
            role: role.map(str::to_owned),
            deploy_via: None,
            version: None,
            port: Some(1),
            health_endpoint: None,
            dependencies: dependencies.iter().map(ToString::to_string).collect(),
            timeout: 1_000,
        }
    }

    fn steps(services: Vec<Service>) -> Vec<(String, Vec<String>)> {
        let context = Context {
            run_id: "run".to_owned(),
            environment: "dev".to_owned(),
            phase: 2,
            dry_run: false,
            services,
        };
        let steps = Infrastructure::plan(&context).unwrap();
        steps
            .into_iter()
            .map(|step| (step.id, step.needs))
            .collect()
    }

    #[test]
    fn services_with_a_role_are_seen_registered_once_started() {
        let planned = steps(vec![
            service("names", 1, Some("registry"), &[]),
            service("boss", 2, Some("orchestrator"), &["names"]),
            service("door", 2, Some("gateway"), &["names", "boss"]),
            service("cache", 2, None, &[]),
        ]);
        let told: Vec<_> = planned
            .iter()
            .map(|(id, needs)| (id.as_str(), needs.join(",")))
            .collect();
        assert_eq!(
            told,
            [
                ("start:boss", String::new()),
                ("start:door", "start:boss".to_owned()),
                ("start:cache", String::new()),
                ("registered:boss", "start:boss".to_owned()),
                ("registered:door", "start:door".to_owned()),
            ]
        );
    }

    #[test]
    fn without_a_registry_nobody_is_asked() {
        let planned = steps(vec![service("boss", 2, Some("orchestrator"), &[])]);
        assert_eq!(planned, [("start:boss".to_owned(), Vec::new())]);
    }
}
