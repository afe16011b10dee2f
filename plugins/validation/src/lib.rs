//! The bundled phase 4: proves that the ecosystem works as a whole. Who should be registered is found, a real request goes through the
//! gateway, a service is stopped and started through the orchestrator, and everything is healthy in the end. What there is no registry,
//! gateway or orchestrator for is left out.

mod control;
mod discovery;
mod health;
mod plan;
mod routing;

use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step};

use plan::Checks;

struct Validation;

impl Phase for Validation {
    fn describe() -> Metadata {
        Metadata::new(
            "validation",
            env!("CARGO_PKG_VERSION"),
            "proves discovery, routing, control and the health of all services",
        )
        .asks("health=*", "to look at the health of every service")
        .asks(
            "http=GET @role:registry/v1/services/*",
            "to find the services that should be registered",
        )
        .asks(
            "http=* @role:gateway/api/v1/*",
            "to send a real request, with the configured method, through the gateway",
        )
        .asks(
            "http=GET+POST @role:orchestrator/v1/services/*",
            "to stop and start a service through the orchestrator",
        )
        .asks(
            "credentials=jwt_secret:use",
            "to be known to the orchestrator",
        )
    }

    fn plan(context: &Context) -> Result<Vec<Step>, Error> {
        Ok(Checks::from_settings(context)?.steps())
    }

    fn apply(context: &Context, step: &str) -> Result<Outcome, Error> {
        let unknown = || Error::UnknownStep(step.to_owned());
        match step {
            "discovery" => discovery::check(context),
            "health" => health::check(context),
            "routing" => {
                let checks = Checks::from_settings(context)?;
                routing::check(context, &checks.routing.ok_or_else(unknown)?)
            }
            "control" => {
                let checks = Checks::from_settings(context)?;
                control::check(context, checks.control.ok_or_else(unknown)?)
            }
            _ => Err(unknown()),
        }
    }
}

chora_plugin::export_phase!(Validation);
