//! A phase plugin as an author would write one: it asks for what it calls, with a reason, and does no more than that unless its setting `misdeed` says so.

use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step, services, settings};

struct Courier;

impl Phase for Courier {
    fn describe() -> Metadata {
        Metadata::new("courier", "1.0.0", "looks after the service `db`")
            .asks("services=db:inspect", "to see whether db runs")
    }

    fn plan(_context: &Context) -> Result<Vec<Step>, Error> {
        Ok(vec![Step::new("look", "Look after db")])
    }

    fn apply(_context: &Context, step: &str) -> Result<Outcome, Error> {
        if step != "look" {
            return Err(Error::UnknownStep(step.to_owned()));
        }
        let misdeed: Option<String> = settings::read("misdeed")?;
        if misdeed.is_some() {
            services::stop("db")?;
        }
        services::inspect("db")?;
        Ok(Outcome::unchanged("looked after db"))
    }
}

chora_plugin::export_phase!(Courier);
