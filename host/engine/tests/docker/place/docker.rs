//! Where the tests run: on the Docker Engine of this machine.

use chora_engine::docker::Endpoint;

/// Holds an engine for as long as a test needs it; this one runs anyway.
pub(crate) struct Hold;

pub(crate) async fn engine() -> (Endpoint, Hold) {
    (Endpoint::from_env(), Hold)
}
