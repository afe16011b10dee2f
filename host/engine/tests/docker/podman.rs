//! The engine for containers on podman: what a run finds, repairs, replaces and refuses, by the tests of a Docker Engine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

mod drift;
mod ends;
mod exec;
mod files;
mod image;
mod life;
#[path = "place/podman.rs"]
mod place;
mod refusals;
mod unchecked;
mod world;
