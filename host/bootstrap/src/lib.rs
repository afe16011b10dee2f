//! Bringing an environment up and taking it down: opening a project, planning, scheduling, waiting for health, remembering, resuming, rolling back.
//!
//! The command line calls [`Project::open`] and then one of [`bootstrap`], [`rollback`], [`reset`], [`validate`] and [`status`]; `chora plugin` works on a [`Store`]. What happens meanwhile is heard through
//! [`chora_model::event::EventSink`]; nothing here prints.
//!
//! **Invariant:** no service and no phase is treated by its name. What a phase does is its plugin's business; this room decides when it is asked, and remembers what it answered.

#![expect(
    clippy::result_large_err,
    reason = "a failure is made once a run, on the way to the user, and carries everything that is told"
)]

mod asked;
mod bundled;
mod cancel;
mod compose;
mod dispatch;
mod graph;
mod health;
pub mod history;
mod journal;
mod observe;
mod planner;
mod planning;
mod plugins;
mod project;
mod record;
mod removal;
mod repair;
mod replay;
mod report;
mod reset;
mod rollback;
mod rotation;
mod run;
mod schedule;
mod session;
mod stage;
mod status;
mod store;
#[cfg(test)]
mod test_config;
#[cfg(test)]
mod tests;
mod trust;
mod validate;
mod wishes;

pub use bundled::{BUNDLED, Bundled, bundled};
pub use cancel::{Cancel, Urgency};
pub use compose::check_compose;
pub use journal::Lines as JournalLines;
pub use project::{OpenOptions, Project};
pub use repair::{Difference, Repair, repair};
pub use report::{config_failure, exit_code, lock_failure, state_failure};
pub use reset::{ResetOptions, reset, reset_preview};
pub use rollback::{Preview, RollbackOptions, rollback, rollback_preview};
pub use rotation::{RotateOptions, Rotated, rotate_credentials};
pub use run::{BootstrapOptions, bootstrap};
pub use status::{Overall, RunStatus, ServiceStatus, StatusReport, status};
pub use store::{
    Added, Component, Doing, Given, Inspection, Listed, Origin, Place, PluginDifference, Signed,
    Store, StoreOptions, Update, Verified, Wish, where_it_runs,
};
pub use validate::{ValidateOptions, validate};
