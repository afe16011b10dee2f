//! The engine for containers on podman: life, ends and drift of services, by the tests of a Docker Engine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

mod drift;
mod ends;
mod files;
mod image;
mod life;
#[path = "place/podman.rs"]
mod place;
mod unchecked;
mod world;
