//! A phase plugin with a step for each host function, which it calls once with arguments from its settings. The summary tells what came of it: `ok: …`, or the error with its text.
//!
//! Settings: those of `Arguments`; `plan`, a step's id whose call `plan` itself makes, and tells of in a step's title; `steps`, the ids of those that are planned, which are all otherwise; `fails`, so that an error ends the step as a plugin's errors do.

mod arguments;
mod step;

use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step, settings};

struct Calls;

impl Phase for Calls {
    fn describe() -> Metadata {
        let asked = Metadata::new(
            "calls",
            env!("CARGO_PKG_VERSION"),
            "calls each host function once",
        );
        // The host must refuse it here, and the summary shows whether it did.
        let summary = match step::call("services.definition-of") {
            Ok(answer) => answer,
            Err(refused) => refused.text,
        };
        Metadata { summary, ..asked }
    }

    fn plan(_context: &Context) -> Result<Vec<Step>, Error> {
        let planned: Option<String> = settings::read("plan")?;
        match planned {
            Some(id) => Ok(vec![Step::new("told", tell(&id)?)]),
            None => {
                let chosen: Option<Vec<String>> = settings::read("steps")?;
                let all = || step::IDS.map(str::to_owned).into();
                let chosen = chosen.unwrap_or_else(all).into_iter();
                Ok(chosen.map(|id| Step::new(id.clone(), id)).collect())
            }
        }
    }

    fn apply(_context: &Context, step: &str) -> Result<Outcome, Error> {
        tell(step).map(Outcome::unchanged)
    }
}

chora_plugin::export_phase!(Calls);

fn tell(id: &str) -> Result<String, Error> {
    let fails: bool = settings::read("fails")?.unwrap_or_default();
    match step::call(id) {
        Ok(answer) => Ok(format!("ok: {answer}")),
        Err(refused) if fails => Err(refused.error),
        Err(refused) => Ok(refused.text),
    }
}
