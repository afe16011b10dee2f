//! The engine that the suites run on: every test body is for both, and names none.

use std::sync::OnceLock;

/// Chooses it: `process`, which is the default, or `docker`. `cargo xtask test` runs the suites on each.
const VARIABLE: &str = "CHORA_TEST_ENGINE";

/// What runs the services of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestEngine {
    /// Processes of this machine.
    Process,
    /// Containers of a Docker Engine.
    Docker,
}

/// The engine of this run of the tests.
pub(crate) fn engine() -> TestEngine {
    static CHOSEN: OnceLock<TestEngine> = OnceLock::new();
    *CHOSEN.get_or_init(|| match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("process") => TestEngine::Process,
        Ok("docker") => TestEngine::Docker,
        Ok(other) => panic!("`{VARIABLE}` is `process` or `docker`, not `{other}`"),
    })
}
