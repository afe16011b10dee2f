//! What chora keeps when it is killed, refused or hurried at any point: the injection points of `chora_model::fault`, and nothing made up about the rest.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
#[allow(dead_code, reason = "the suite of the life cycle uses more of it")]
#[path = "../lifecycle/observe.rs"]
mod observe;

#[cfg(test)]
mod answers;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod concurrent;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod on_processes;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod points;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod repair;
#[cfg(test)]
mod seeds;
