//! What chora keeps when it is killed, refused or hurried at any point: the injection points of `chora_model::fault`, and nothing made up about the rest.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod crashes;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod points;
