//! One call from its store to its result: deadline, limits, and the telling apart of every way to fail.

use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::error::Elapsed;
use wasmtime::component::ResourceTableError;
use wasmtime::{Engine, Store, Trap, UpdateDeadline, WasmBacktrace};

use super::PluginHost;
use crate::call::{CallParts, CallState};
use crate::gate::Denial;
use crate::limits::{DeadlinePassed, LimitReached, Limits, STACK};
use crate::output::clean_line;
use crate::{GuestFailure, PluginError};

/// The longest that is told of what went wrong inside a guest, in characters.
const MESSAGE: usize = 4_000;

/// A call that is about to be made, with the store made for it alone.
pub(super) struct Open {
    pub(super) store: Store<CallState>,
    plugin: String,
    call: String,
    limit: Duration,
    /// The call's place in the pool. It comes after the store, which has to be gone before the place is free.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

impl PluginHost {
    /// Makes the store for one call.
    pub(super) fn open(
        &self,
        plugin: &str,
        call: String,
        parts: CallParts,
        limit: Duration,
    ) -> Result<Open, PluginError> {
        self.open_in(&self.inner.engine, plugin, call, parts, limit)
    }

    /// The same, in the engine that the plugin was linked for.
    pub(super) fn open_in(
        &self,
        engine: &Engine,
        plugin: &str,
        call: String,
        parts: CallParts,
        limit: Duration,
    ) -> Result<Open, PluginError> {
        let limits = &self.inner.limits;
        let mut store = Store::new(engine, CallState::new(parts, limits));
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.bytes_per_host_call);
        // The timeout around the call ends waits of the host; yielding at each tick lets it end a busy guest as well. The trap is for a timer that never gets its turn.
        let last = Instant::now().checked_add(limit.saturating_add(Duration::from_secs(1)));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            if last.is_some_and(|last| Instant::now() > last) {
                Err(wasmtime::Error::new(DeadlinePassed))
            } else {
                Ok(UpdateDeadline::Yield(1))
            }
        });
        Ok(Open {
            store,
            plugin: plugin.to_owned(),
            call,
            limit,
            place: None,
        })
    }
}

impl Open {
    /// Turns how the call ended into what it means. The store ends here.
    pub(super) fn settle<T>(
        self,
        ended: Result<wasmtime::Result<Result<T, GuestFailure>>, Elapsed>,
    ) -> Result<T, PluginError> {
        match ended {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(guest))) => Err(self.guest_failed(guest)),
            Ok(Err(error)) if is_of_the_system(&error) => Err(PluginError::Host {
                reason: format!("the system refuses what `{}` needs to run", self.call),
                plugin: self.plugin,
                source: Some(error),
            }),
            Ok(Err(error)) => Err(self.trapped(&error)),
            Err(Elapsed { .. }) => Err(self.timed_out()),
        }
    }

    fn guest_failed(self, guest: GuestFailure) -> PluginError {
        // The last denial is the one that the guest gave up at.
        match self.last_denial() {
            Some(denial) => PluginError::Denied {
                denial,
                plugin: self.plugin,
                call: self.call,
                guest: Box::new(guest),
            },
            None => PluginError::Guest {
                plugin: self.plugin,
                call: self.call,
                failure: Box::new(guest),
            },
        }
    }

    fn timed_out(self) -> PluginError {
        let outstanding = self.outstanding();
        PluginError::TimedOut {
            plugin: self.plugin,
            call: self.call,
            limit: self.limit,
            outstanding,
        }
    }

    fn outstanding(&self) -> Option<String> {
        self.store.data().outstanding.get()
    }

    fn last_denial(&self) -> Option<Box<Denial>> {
        self.store.data().denials.last().cloned().map(Box::new)
    }

    fn trapped(self, error: &wasmtime::Error) -> PluginError {
        if error.is::<DeadlinePassed>() {
            return self.timed_out();
        }
        let outstanding = self.outstanding();
        if let Some(LimitReached { what, limit }) = ceiling(error, &self.store.data().limits) {
            return PluginError::Limit {
                plugin: self.plugin,
                call: self.call,
                what: what.to_owned(),
                limit,
                outstanding,
            };
        }
        let denial = self.last_denial();
        let stderr = self.store.data().stderr.text();
        let backtrace = error
            .downcast_ref::<WasmBacktrace>()
            .map(|backtrace| {
                let names = backtrace
                    .frames()
                    .iter()
                    .filter_map(|frame| frame.func_name());
                names.map(|name| clean_line(&demangle(name), 300)).collect()
            })
            .unwrap_or_default();
        PluginError::Trapped {
            message: panic_line(&stderr)
                .unwrap_or_else(|| clean_line(&error.root_cause().to_string(), MESSAGE)),
            plugin: self.plugin,
            call: self.call,
            stderr,
            backtrace,
            denial,
        }
    }
}

/// Whether the system answered so to the host: no memory, or no file for the guest's memory. A guest can raise no such error.
fn is_of_the_system(error: &wasmtime::Error) -> bool {
    let cause = error.root_cause();
    cause.is::<std::io::Error>() || cause.is::<rustix::io::Errno>()
}

/// The ceiling that a trap came from, where it came from one.
fn ceiling(error: &wasmtime::Error, limits: &Limits) -> Option<LimitReached> {
    if let Some(reached) = error.downcast_ref::<LimitReached>() {
        return Some(reached.clone());
    }
    let reached = |what, limit| Some(LimitReached { what, limit });
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return reached("the call stack", format!("{} KiB", STACK >> 10));
    }
    if matches!(
        error.downcast_ref::<ResourceTableError>(),
        Some(ResourceTableError::Full)
    ) {
        return reached("the number of open resources", limits.resources.to_string());
    }
    // These have no type of their own to be known by; a test for each keeps the texts true.
    let text = error.root_cause().to_string();
    if text.starts_with("too much data is being copied between the host and the guest") {
        let limit = format!("{} KiB", limits.bytes_per_host_call >> 10);
        return reached("the bytes of one host call", limit);
    }
    [
        ("instance", "the number of instances"),
        ("memory", "the number of memories"),
        ("table", "the number of tables"),
    ]
    .into_iter()
    .find(|(kind, _)| text.starts_with(&format!("resource limit exceeded: {kind} count")))
    .and_then(|(_, what)| reached(what, limits.instances.to_string()))
}

fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// The sentence of a Rust panic: the line after `panicked at FILE:LINE:COLUMN:`.
fn panic_line(stderr: &str) -> Option<String> {
    let (_, after) = stderr.split_once("panicked at ")?;
    let mut lines = after.lines();
    let place = lines.next()?.trim_end_matches(':');
    let text = lines.next().unwrap_or_default();
    Some(clean_line(&format!("panicked at {place}: {text}"), MESSAGE))
}

#[cfg(test)]
mod ceilings;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_of_a_panic_is_found() {
        let stderr =
            "noise\n\nthread '<unnamed>' panicked at src/lib.rs:3:5:\nboom\nnote: run with\n";
        assert_eq!(
            panic_line(stderr).unwrap(),
            "panicked at src/lib.rs:3:5: boom"
        );
        assert_eq!(panic_line("all is well"), None);
    }
}
