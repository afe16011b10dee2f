//! The bundled phase 3: has each service with `deploy_via` deployed through that service's API, and starts the others itself;
//! independent ones at once.

mod deploy;

use chora_plugin::orchestrator::Orchestrator;
use chora_plugin::{Context, Error, Failure, Metadata, Outcome, Phase, Step, lifecycle};

struct Capabilities;

impl Phase for Capabilities {
    fn describe() -> Metadata {
        Metadata::new(
            "capabilities",
            env!("CARGO_PKG_VERSION"),
            "has the capability services deployed, and sees that they are up",
        )
        .asks(
            "services=@phase:3:inspect+start+remove",
            "to tell the orchestrator what to run, to start what it does not deploy, and to remove all of it at a rollback",
        )
        .asks("health=@phase:3", "to wait until they are healthy")
        .asks("http=POST @role:orchestrator/v1/deploy", "to have services deployed")
        .asks("http=GET+DELETE @role:orchestrator/v1/services/*", "to see what is deployed, and to undo it at a rollback")
        .asks("http=GET @role:registry/v1/services/*", "to see that they registered")
        .asks("credentials=jwt_secret:use", "to be known to the orchestrator")
    }

    fn plan(context: &Context) -> Result<Vec<Step>, Error> {
        for service in context.own_services() {
            let Some(via) = &service.deploy_via else {
                continue;
            };
            if Orchestrator::deploying(context, service).is_none() {
                return Err(Failure::new(format!(
                    "service `{}` is deployed by `{via}`, which has no address",
                    service.name
                ))
                .service(&service.name)
                .next(format!(
                    "Give `{via}` a `port` or a `health_endpoint` in the configuration."
                ))
                .into());
            }
        }
        Ok(lifecycle::plan(context))
    }

    fn apply(context: &Context, step: &str) -> Result<Outcome, Error> {
        if step.starts_with("deploy:") {
            return deploy::apply(context, lifecycle::subject(context, "deploy", step)?);
        }
        lifecycle::start(lifecycle::subject(context, "start", step)?)
    }

    fn revert(context: &Context, step: &str) -> Result<Outcome, Error> {
        if step.starts_with("deploy:") {
            return deploy::revert(context, lifecycle::subject(context, "deploy", step)?);
        }
        lifecycle::remove(lifecycle::subject(context, "start", step)?)
    }
}

chora_plugin::export_phase!(Capabilities);

#[cfg(test)]
mod tests {
    use chora_plugin::{Context, Phase, Service};

    use super::Capabilities;

    fn service(name: &str, phase: u8, via: Option<&str>, port: Option<u16>) -> Service {
        Service {
            name: name.to_owned(),
            phase,
            role: None,
            deploy_via: via.map(str::to_owned),
            version: None,
            port,
            health_endpoint: None,
            dependencies: Vec::new(),
            timeout: 1_000,
        }
    }

    fn context(services: Vec<Service>) -> Context {
        Context {
            run_id: "run".to_owned(),
            environment: "dev".to_owned(),
            phase: 3,
            dry_run: false,
            services,
        }
    }

    #[test]
    fn deployed_services_wait_for_each_other_and_others_are_started() {
        let mut search = service("search", 3, Some("boss"), None);
        search.dependencies = vec!["index".to_owned(), "boss".to_owned()];
        let steps = Capabilities::plan(&context(vec![
            service("boss", 2, None, Some(8600)),
            search,
            service("index", 3, None, None),
        ]))
        .unwrap();
        let told: Vec<_> = steps
            .iter()
            .map(|step| (step.id.as_str(), step.needs.join(",")))
            .collect();
        assert_eq!(
            told,
            [
                ("deploy:search", "start:index".to_owned()),
                ("start:index", String::new()),
            ]
        );
    }

    #[test]
    fn who_deploys_must_have_an_address() {
        let services = vec![
            service("boss", 2, None, None),
            service("search", 3, Some("boss"), None),
        ];
        assert!(Capabilities::plan(&context(services)).is_err());
    }
}
