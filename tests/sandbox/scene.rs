//! The arena of `chora plugin selftest`, with a host of each test's own; here nothing that it needs may be missing.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use chora_plugin_host::{CompileCache, HostOptions, Limits, Lookup, PluginHost};
use chora_selftest::Arena;
pub(crate) use chora_selftest::{Guest, PATIENCE, Snapshot};

/// A project with two services and a host.
pub(crate) struct Sandbox(Arena);

impl Deref for Sandbox {
    type Target = Arena;

    fn deref(&self) -> &Arena {
        &self.0
    }
}

impl Sandbox {
    /// With the limits that chora has.
    pub(crate) fn new() -> Self {
        Self::limited(Limits::default())
    }

    /// With these limits.
    pub(crate) fn limited(limits: Limits) -> Self {
        Self(Arena::new(host(limits)).expect("an arena"))
    }

    /// With a service at `api.home.test`, and names that lead where this says.
    pub(crate) fn with_lookup(lookup: Arc<dyn Lookup>) -> Self {
        let host = host(Limits::default());
        Self(Arena::with_lookup(host, lookup).expect("an arena"))
    }

    /// A guest without grants and settings.
    pub(crate) async fn guest(&self, component: &[u8]) -> Guest<'_> {
        self.0.guest(component).await.expect("a plugin")
    }

    /// Makes the credentials, and starts the service `db`.
    pub(crate) async fn start_db(&self) {
        self.0.start_db().await.expect("a started service");
    }

    pub(crate) fn make_credentials(&self) {
        self.0.make_credentials().expect("credentials");
    }

    /// The credential itself.
    pub(crate) fn secret(&self, name: &str) -> String {
        self.0.secret(name).expect("a secret")
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.0.snapshot().expect("a readable project")
    }
}

fn host(limits: Limits) -> PluginHost {
    // One cache for all tests: each guest is compiled once, not once a test.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-cache");
    let host = PluginHost::new(HostOptions {
        cache: Some(CompileCache {
            key: cache.with_extension("key"),
            directory: cache,
        }),
        limits,
    });
    host.expect("a host")
}
