//! Plugins by anyone: added, run in their place, looked at, updated, removed, and stopped where something is wrong with them. With the real binary, real components, a real server and a real registry.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
#[path = "../support/slow.rs"]
mod slow;

#[cfg(test)]
mod adding;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod auditing;
#[cfg(test)]
mod fetching;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod looking;
#[cfg(test)]
mod observing;
#[cfg(test)]
mod places;
#[cfg(test)]
mod pulling;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod selftest;
#[cfg(test)]
mod server;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod updating;
