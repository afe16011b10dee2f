//! The bundled phase 1: starts the core services in the order of their needs and, where one of them is the registry, registers it in
//! itself.

mod register;

use chora_plugin::registry::Registry;
use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step, lifecycle};

struct CoreServices;

impl Phase for CoreServices {
    fn describe() -> Metadata {
        Metadata::new(
            "core-services",
            env!("CARGO_PKG_VERSION"),
            "starts the core services and registers the registry in itself",
        )
        .asks(
            "services=@phase:1:start+remove",
            "to start the core services, and to remove them at a rollback",
        )
        .asks("health=@phase:1", "to wait until they are healthy")
        .asks(
            "http=GET @role:registry/v1/services/*",
            "to see whether the registry is registered",
        )
        .asks(
            "http=POST @role:registry/v1/services",
            "to register the registry in itself",
        )
        .asks(
            "credentials=@role:registry:use",
            "to register it with its own API key",
        )
    }

    fn plan(context: &Context) -> Result<Vec<Step>, Error> {
        let mut steps = lifecycle::plan_starts(context)?;
        steps.extend(registering(context));
        Ok(steps)
    }

    fn apply(context: &Context, step: &str) -> Result<Outcome, Error> {
        if step.starts_with("register:") {
            let service = lifecycle::subject(context, "register", step)?;
            return register::apply(context, service);
        }
        lifecycle::start(lifecycle::subject(context, "start", step)?)
    }

    fn revert(context: &Context, step: &str) -> Result<Outcome, Error> {
        if step.starts_with("register:") {
            return Ok(Outcome::unchanged("is forgotten with the registry's data"));
        }
        lifecycle::remove(lifecycle::subject(context, "start", step)?)
    }
}

chora_plugin::export_phase!(CoreServices);

/// The step that registers the registry, where this phase brings one up.
fn registering(context: &Context) -> Option<Step> {
    let registry = Registry::of(context)?;
    let service = context
        .own_services()
        .find(|service| service.name == registry.service)?;
    let name = &service.name;
    Some(
        Step::new(format!("register:{name}"), format!("Register {name}"))
            .needs(lifecycle::step_id(service))
            .service(name),
    )
}

#[cfg(test)]
mod tests {
    use chora_plugin::{Context, Phase, Service};

    use super::CoreServices;

    pub(crate) fn service(name: &str, phase: u8, role: Option<&str>) -> Service {
        Service {
            name: name.to_owned(),
            phase,
            role: role.map(str::to_owned),
            deploy_via: None,
            version: None,
            port: Some(8500),
            health_endpoint: None,
            dependencies: Vec::new(),
            timeout: 1_000,
        }
    }

    pub(crate) fn context(services: Vec<Service>) -> Context {
        Context {
            run_id: "run".to_owned(),
            environment: "dev".to_owned(),
            phase: 1,
            dry_run: false,
            services,
        }
    }

    fn ids(services: Vec<Service>) -> Vec<String> {
        let steps = CoreServices::plan(&context(services)).unwrap();
        steps.into_iter().map(|step| step.id).collect()
    }

    #[test]
    fn the_registry_is_registered_after_it_started() {
        let registry = service("names", 1, Some("registry"));
        assert_eq!(
            ids(vec![registry, service("api", 2, None)]),
            ["start:names", "register:names"]
        );
    }

    #[test]
    fn without_a_registry_in_this_phase_nothing_is_registered() {
        let later = service("names", 2, Some("registry"));
        assert_eq!(ids(vec![service("store", 1, None), later]), ["start:store"]);
        assert_eq!(ids(Vec::new()), [""; 0]);
    }
}
