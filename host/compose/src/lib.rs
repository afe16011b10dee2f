//! Compose files as plain data: what a project is made of, merged, interpolated and typed.
//!
//! [`load`] is the way in. This crate knows nothing of Docker's API, of chora's configuration or of plugins; the Docker engine builds containers from what it answers. Whatever stands
//! in a file is read, has no effect and is warned of, or is an error with file, line and column: nothing is dropped in silence.
//!
//! # Why the types are its own
//!
//! Two libraries have types for Compose files, and neither can stand between a file and a [`Project`]. `docker-compose-types` 0.24 is kept, but has no place for `platform`, `cpus`,
//! `pids_limit`, `deploy.resources.limits.pids`, `ipam.config.ip_range`, `enable_ipv6` or `env_file.required`, and leaves durations, sizes, and the short forms of ports and mounts as texts. `compose_spec`
//! 0.3 has more types, but has had no release since 2024, counts `1k` as 1000 bytes where Compose counts 1024, refuses `host-gateway` and needs a YAML library that is archived.
//! Both are filled by serde, which stops at the first error and knows no place of it once files are merged and interpolated. What is used of the first is its judgement: the tests
//! compare with it what both read.

mod check;
pub mod dotenv;
mod error;
mod hash;
mod interpolate;
mod load;
mod merge;
mod model;
mod read;
mod values;

pub use error::{ComposeError, Problem};
pub use hash::config_hash;
pub use interpolate::{Fault, Lookup, interpolate};
pub use load::{Loaded, Options, Source, env_file, load, name};
pub use model::*;
pub use values::project_name;

#[cfg(test)]
mod tests;
