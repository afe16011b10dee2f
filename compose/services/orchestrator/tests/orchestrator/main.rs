//! The orchestrator as its callers meet it: over HTTP, with real processes.
#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

mod changes;
mod crashes;
mod refusals;
mod restarts;
mod scene;
