//! The real binary on a real Docker Engine: the reference ecosystem as containers, and what happens to them behind chora's back.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod choice;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod docker;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod environments;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod images;
#[cfg(test)]
mod life;
#[cfg(test)]
mod one_offs;
#[cfg(test)]
mod own_checks;
#[cfg(test)]
mod project_names;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod shells;
#[cfg(test)]
mod switching;
#[cfg(test)]
mod unreached;
#[cfg(test)]
mod volumes;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod warnings;
