//! Plugins that misbehave, against the real host: real components, a real process engine, real HTTP. What is shown here is that a plugin can do nothing that it was not granted, that
//! every limit ends it by name, and that the host goes on as if nothing had happened.

#[cfg(test)]
#[allow(dead_code, reason = "other suites use more of it")]
#[path = "../support/docker.rs"]
mod docker_engine;

#[cfg(test)]
#[path = "../support/slow.rs"]
mod slow;

#[cfg(test)]
mod bad_check;
#[cfg(test)]
mod bearers;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod courier;
#[cfg(test)]
mod courier_next;
#[cfg(test)]
mod describing;
#[cfg(test)]
mod harbour;
#[cfg(test)]
mod herald;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod malformed;
#[cfg(test)]
mod misdeeds;
#[cfg(test)]
mod names;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod pulse;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod said;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod vintage;

/// A module for each guest: one that no test uses does not compile.
#[cfg(test)]
macro_rules! tested {
    ($($guest:ident)*) => {
        const _: &[&[u8]] = &[$($guest::COMPONENT),*];
    };
}
#[cfg(test)]
chora_hostile_plugins::every_guest!(tested);
#[cfg(test)]
chora_test_guests::every_guest!(tested);
