//! A phase plugin whose steps misbehave: a step's id says how.
//!
//! Settings: `steps`, the ids that `plan` lists; `plan`, a misdeed of `plan` itself; `timeout`, every step's own in milliseconds; `url`, where requests go.

mod planning;
mod steps;

use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step};

struct Misdeeds;

impl Phase for Misdeeds {
    fn describe() -> Metadata {
        Metadata::new(
            "misdeeds",
            env!("CARGO_PKG_VERSION"),
            "does what no plugin should",
        )
    }

    fn plan(_context: &Context) -> Result<Vec<Step>, Error> {
        planning::plan()
    }

    fn apply(_context: &Context, step: &str) -> Result<Outcome, Error> {
        steps::apply(step)
    }
}

chora_plugin::export_phase!(Misdeeds);
