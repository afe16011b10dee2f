//! What bad input gets: a named error with its exit code and a next action, nothing half-written, nothing left running.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod configuration;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod plugins;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod services;
#[cfg(test)]
mod storage;
