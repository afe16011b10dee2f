//! The next version of the courier: it also waits for health, for which it asks anew, and it asks for something that it does not use.

use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step, health, services};

struct Courier;

impl Phase for Courier {
    fn describe() -> Metadata {
        Metadata::new(
            "courier",
            "2.0.0",
            "looks after the service `db`, and its health",
        )
        .asks("services=db:inspect", "to see whether db runs")
        .asks("health=db", "to see whether db is well")
        .asks("machine=ports", "for a version to come")
    }

    fn plan(_context: &Context) -> Result<Vec<Step>, Error> {
        Ok(vec![Step::new("look", "Look after db and its health")])
    }

    fn apply(_context: &Context, step: &str) -> Result<Outcome, Error> {
        if step != "look" {
            return Err(Error::UnknownStep(step.to_owned()));
        }
        services::inspect("db")?;
        health::probe("db")?;
        Ok(Outcome::unchanged("db is well"))
    }
}

chora_plugin::export_phase!(Courier);
