//! The bundled phase 0: whether the machine can run the ecosystem. It looks at the engine, the machine and the ports, and makes the
//! environment's directories and credentials. Reverting does nothing: credentials live as long as the data, which is the host's concern.

mod directories;
mod engine;
mod ports;
mod resources;

use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step};

struct Preflight;

impl Phase for Preflight {
    fn describe() -> Metadata {
        Metadata::new(
            "preflight",
            env!("CARGO_PKG_VERSION"),
            "checks the engine, the machine and the ports, and makes directories and credentials",
        )
        .asks(
            "machine=engine+resources+ports+directories",
            "to see what the machine has, who holds the services' ports, and to make the environment's directories",
        )
        .asks(
            "credentials=*:ensure",
            "to make the services' credentials where they are missing",
        )
    }

    fn plan(context: &Context) -> Result<Vec<Step>, Error> {
        resources::Requirements::from_settings()?;
        Ok(steps(context))
    }

    fn apply(context: &Context, step: &str) -> Result<Outcome, Error> {
        match step {
            "engine" => engine::check(),
            "resources" => resources::check(),
            "ports" => ports::check(context),
            "directories" => directories::make(),
            "credentials" => directories::make_credentials(),
            other => Err(Error::UnknownStep(other.to_owned())),
        }
    }
}

chora_plugin::export_phase!(Preflight);

fn steps(context: &Context) -> Vec<Step> {
    let mut steps = vec![
        Step::new("engine", "Check the engine"),
        Step::new("resources", "Check processors, memory and disk"),
    ];
    if context
        .services
        .iter()
        .any(|service| service.port.is_some())
    {
        steps.push(Step::new("ports", "Check the services' ports"));
    }
    steps.push(Step::new("directories", "Make the directories"));
    steps.push(Step::new("credentials", "Make the credentials").needs("directories"));
    steps
}

#[cfg(test)]
mod tests {
    use chora_plugin::{Context, Service};

    use super::steps;

    pub(crate) fn context(ports: &[(&str, Option<u16>)]) -> Context {
        let service = |(name, port): &(&str, Option<u16>)| Service {
            name: (*name).to_owned(),
            phase: 1,
            role: None,
            deploy_via: None,
            version: None,
            port: *port,
            health_endpoint: None,
            dependencies: Vec::new(),
            timeout: 1_000,
        };
        Context {
            run_id: "run".to_owned(),
            environment: "dev".to_owned(),
            phase: 0,
            dry_run: false,
            services: ports.iter().map(service).collect(),
        }
    }

    fn ids(context: &Context) -> Vec<String> {
        steps(context).into_iter().map(|step| step.id).collect()
    }

    #[test]
    fn ports_are_checked_where_there_are_any() {
        assert!(ids(&context(&[("a", Some(1))])).contains(&"ports".to_owned()));
        assert!(!ids(&context(&[("a", None)])).contains(&"ports".to_owned()));
    }

    #[test]
    fn credentials_need_their_directory() {
        let steps = steps(&context(&[]));
        let credentials = steps.iter().find(|step| step.id == "credentials").unwrap();
        assert_eq!(credentials.needs, ["directories"]);
    }
}
