//! How much a plugin may use, and the guard that stops it there and remembers why.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// The stack of a guest in bytes: the same for all, because it is part of the compiled code's engine.
pub(crate) const STACK: usize = 512 << 10;

/// The ceilings of one plugin call.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest that `describe` and `plan` may take; `apply` and `revert` have their step's timeout, and `probe` has its service's.
    pub call: Duration,
    /// Linear memory in bytes, all memories together.
    pub memory: usize,
    /// Resources of the host that are open at once: bearers, streams, timers.
    pub resources: usize,
    /// Elements of one table.
    pub table_elements: usize,
    /// Core instances, memories and tables, each.
    pub instances: usize,
    /// Bytes that one host call may carry from the guest.
    pub bytes_per_host_call: usize,
    /// Host calls of one call.
    pub host_calls: u64,
    /// Bytes of standard output and error that are kept; what comes after is dropped.
    pub output_kept: usize,
    /// Bytes of standard output and error after which the call is stopped.
    pub output: usize,
    /// Log lines and progress notes that are passed on; what comes after is dropped.
    pub log_lines: u32,
    /// Bytes of a request or response body.
    pub body: usize,
    /// Steps of a plan.
    pub steps: usize,
    /// The size of a component file in bytes.
    pub component: usize,
    /// The longest that compiling a component may take.
    pub compile: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(10),
            memory: 256 << 20,
            resources: 10_000,
            table_elements: 100_000,
            instances: 100,
            bytes_per_host_call: 4 << 20,
            host_calls: 100_000,
            output_kept: 64 << 10,
            output: 4 << 20,
            log_lines: 1_000,
            body: 1 << 20,
            steps: 1_000,
            component: 64 << 20,
            compile: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// Each ceiling in words, with its number and unit.
    pub fn table(&self) -> Vec<(&'static str, String)> {
        let Self {
            call,
            memory,
            resources,
            table_elements,
            instances,
            bytes_per_host_call,
            host_calls,
            output_kept,
            output,
            log_lines,
            body,
            steps,
            component,
            compile,
        } = self;
        let mebi = |bytes: &usize| format!("{} MiB", bytes >> 20);
        let kibi = |bytes: &usize| format!("{} KiB", bytes >> 10);
        vec![
            (
                "time of `describe`, `plan` and `observe`; `apply` and `revert` have their step's timeout, `probe` its service's",
                format!("{} s", call.as_secs()),
            ),
            ("linear memory, all memories together", mebi(memory)),
            ("call stack", kibi(&STACK)),
            ("elements of one table", table_elements.to_string()),
            (
                "core instances, memories and tables, each",
                instances.to_string(),
            ),
            (
                "resources of the host that are open at once",
                resources.to_string(),
            ),
            ("host calls", host_calls.to_string()),
            (
                "bytes that one host call carries from the guest",
                mebi(bytes_per_host_call),
            ),
            (
                "standard output and error, each; what is more ends the call",
                mebi(output),
            ),
            (
                "of which is kept for the report of a failure",
                kibi(output_kept),
            ),
            (
                "log lines and progress notes; what is more is dropped",
                log_lines.to_string(),
            ),
            ("body of a request or answer", mebi(body)),
            ("steps of a plan", steps.to_string()),
            ("size of a component's file", mebi(component)),
            (
                "time of compiling a component that is not in the cache",
                format!("{} s", compile.as_secs()),
            ),
        ]
    }
}

/// A ceiling that a guest reached. Travels through wasmtime as the cause of the trap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is limited to {limit}")]
pub(crate) struct LimitReached {
    /// What there was too much of.
    pub(crate) what: &'static str,
    /// How much there may be.
    pub(crate) limit: String,
}

/// The call's deadline came. Travels through wasmtime as the cause of the trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline has passed")]
pub(crate) struct DeadlinePassed;

/// Watches memory and tables of one store.
pub(crate) struct Limiter {
    memory: usize,
    memory_limit: usize,
    table_limit: usize,
    instances: usize,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory: 0,
            memory_limit: limits.memory,
            table_limit: limits.table_elements,
            instances: limits.instances,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_sub(current).saturating_add(desired);
        if total > self.memory_limit {
            return Err(wasmtime::Error::new(LimitReached {
                what: "memory",
                limit: format!("{} MiB", self.memory_limit >> 20),
            }));
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.table_limit {
            return Err(wasmtime::Error::new(LimitReached {
                what: "the size of a table",
                limit: format!("{} elements", self.table_limit),
            }));
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}
