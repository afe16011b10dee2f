//! Compose files as plain data: what a project is made of, interpolated, merged and typed.
//!
//! This crate knows nothing of Docker's API, of chora's configuration or of plugins. The Docker engine builds containers from what it answers.

mod model;

pub use model::*;
