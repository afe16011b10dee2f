//! The engine for containers on a real Docker Engine.
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
mod one_off;
mod refusals;
mod restarts;
mod words;
mod world;
