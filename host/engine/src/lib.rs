//! Engines: what makes a configured service run, behind one trait.
//!
//! **Invariant:** an engine does not know that plugins, phases or health checks exist. It is told what to run and says what is true.

mod choice;
pub mod docker;
mod engine;
mod error;
pub mod process;
mod spec;

pub use choice::{Choice, Chosen, engine_for};
pub use engine::{
    Engine, ExecOutput, Exit, Health, HealthState, LogLines, RunState, Started, Status, Swept,
};
pub use error::EngineError;
pub use spec::{
    Definition, SecretEnv, ServiceSpec, Surroundings, compose_files, compose_variables,
};
