//! The engine for containers on podman: what a run finds, repairs and replaces, by the tests of a Docker Engine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]
#![expect(
    dead_code,
    reason = "some of the helpers are for tests that only a Docker Engine has"
)]

mod drift;
mod image;
#[path = "place/podman.rs"]
mod place;
mod unchecked;
mod world;
