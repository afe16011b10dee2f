//! The life of an ecosystem, end to end: the real `chora`, the bundled components, real processes.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod asking;
#[cfg(test)]
mod beginning;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod ecosystems;
#[cfg(test)]
mod editing;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod failing;
#[cfg(test)]
mod following;
#[cfg(test)]
mod fresh;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod observe;
#[cfg(test)]
mod removing;
#[cfg(test)]
mod resuming;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod status;
#[cfg(test)]
mod watching;
