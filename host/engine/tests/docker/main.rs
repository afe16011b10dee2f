//! The engine for containers on a real Docker Engine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

mod docker_only;
mod drift;
mod ends;
mod exec;
mod files;
mod health;
mod image;
mod life;
mod one_off;
#[path = "place/docker.rs"]
mod place;
mod refusals;
mod restarts;
mod tls;
mod words;
mod world;
