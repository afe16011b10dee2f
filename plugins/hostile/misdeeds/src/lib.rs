//! A phase plugin whose steps misbehave: a step's id says how.
//!
//! `describe` misbehaves where a test says so in the component's bytes.
//!
//! Settings: `steps`, the ids that `plan` lists; `plan`, a misdeed of `plan` itself; `timeout`, every step's own in milliseconds; `url` and `silent`, where requests go; `calls`, how many `many-calls` makes.

mod describing;
mod echoing;
mod planning;
mod steps;

use chora_plugin::{Context, Error, Metadata, Outcome, Phase, Step};

struct Misdeeds;

impl Phase for Misdeeds {
    fn describe() -> Metadata {
        describing::describe()
    }

    fn plan(_context: &Context) -> Result<Vec<Step>, Error> {
        planning::plan()
    }

    fn apply(_context: &Context, step: &str) -> Result<Outcome, Error> {
        steps::apply(step)
    }
}

chora_plugin::export_phase!(Misdeeds);
