//! The pool: memories, tables and stacks that are kept from call to call, for health plugins, which are called again and again. To make and unmake them each time takes longer than the plugin runs.
//!
//! A plugin cannot tell: each instance finds its memory as the component says that it begins. The limits are the same, and so are the host functions. Stacks are not cleared between calls, which is
//! wasmtime's default: compiled code reads nothing there that it did not write, and clearing them took a quarter of what a call takes besides its host calls.
//!
//! **Invariant:** nobody waits for the pool. What has no place in it is called without: a component that is too large for it or uses the component model's asynchrony, a call that comes while all
//! places are taken, and any on a system that does not give it the address space.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Linker;
use wasmtime::{Enabled, Engine, PoolingAllocationConfig};

use super::{PluginHost, config, linker, tick};
use crate::bindings::health_check::HealthPluginPre;
use crate::call::CallState;
use crate::limits::Limits;
use crate::plugin::Plugin;

/// How many calls can be in the pool at once.
const PLACES: u32 = 64;
/// The most core instances and tables of a component in the pool, each. One that Rust makes has four and two.
const PARTS: u32 = 8;
/// How much of a memory stays with its place, in bytes; what was written to is cleared, and the rest goes back to the system.
const MEMORY_KEPT: usize = 512 << 10;
/// After how many calls a plugin gets into the pool. A command that looks at each service once does better without.
const OFTEN: usize = 32;

/// An engine whose calls take place in the pool.
pub(super) struct Pool {
    engine: Engine,
    linker: Linker<CallState>,
    places: Arc<Semaphore>,
}

impl Pool {
    fn new(limits: &Limits) -> wasmtime::Result<Self> {
        let mut places = PoolingAllocationConfig::new();
        places
            .total_component_instances(PLACES)
            .total_core_instances(PLACES * PARTS)
            .total_memories(PLACES)
            .total_tables(PLACES * PARTS)
            .total_stacks(PLACES)
            .max_core_instances_per_component(PARTS)
            .max_memories_per_component(1)
            .max_tables_per_component(PARTS)
            .max_tables_per_module(PARTS)
            .max_memory_size(limits.memory)
            .table_elements(limits.table_elements)
            .linear_memory_keep_resident(MEMORY_KEPT)
            .table_keep_resident(MEMORY_KEPT)
            .pagemap_scan(Enabled::Auto);
        let mut config = config();
        config
            .allocation_strategy(places)
            // No host function is concurrent within a call, and what would make it so costs each call.
            .concurrency_support(false);
        let engine = Engine::new(&config)?;
        let linker = linker(&engine)?;
        tick(&engine)?;
        Ok(Self {
            engine,
            linker,
            places: Arc::new(Semaphore::new(PLACES as usize)),
        })
    }
}

/// What a health plugin needs to get into the pool, and what it has there.
#[derive(Default)]
pub(crate) struct Pooled {
    calls: AtomicUsize,
    /// The component, until it is taken for the pool.
    bytes: Mutex<Option<Vec<u8>>>,
    pre: OnceLock<HealthPluginPre<CallState>>,
}

impl Pooled {
    pub(super) fn later(bytes: &[u8]) -> Self {
        Self {
            bytes: Mutex::new(Some(bytes.to_vec())),
            ..Self::default()
        }
    }

    pub(crate) fn is_there(&self) -> bool {
        self.pre.get().is_some()
    }

    /// Counts a call, and answers the component once: when it was called often.
    fn due(&self) -> Option<Vec<u8>> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < OFTEN {
            return None;
        }
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.take()
    }
}

impl PluginHost {
    /// The plugin in the pool and a place for one call of it, where there are both.
    pub(super) fn place<'a>(
        &self,
        plugin: &'a Arc<Plugin>,
    ) -> Option<(&'a HealthPluginPre<CallState>, OwnedSemaphorePermit)> {
        let Some(pre) = plugin.pooled.pre.get() else {
            if let Some(bytes) = plugin.pooled.due() {
                self.take_in(Arc::clone(plugin), bytes);
            }
            return None;
        };
        let pool = self.inner.pool.get()?.as_ref()?;
        let place = Arc::clone(&pool.places).try_acquire_owned().ok()?;
        Some((pre, place))
    }

    /// Gets a plugin into the pool while its calls go on without.
    fn take_in(&self, plugin: Arc<Plugin>, bytes: Vec<u8>) {
        let host = self.clone();
        tokio::spawn(async move {
            match host.pooled(&plugin, &bytes).await {
                Ok(pre) => {
                    // Only who has the bytes comes here, and there is one set of them.
                    let _ = plugin.pooled.pre.set(pre);
                }
                Err(error) => {
                    tracing::debug!(plugin = plugin.name, %error, "a plugin has no place in the pool");
                }
            }
        });
    }

    /// The plugin, compiled and linked for the pool, which is made where there is none yet.
    async fn pooled(
        &self,
        plugin: &Plugin,
        bytes: &[u8],
    ) -> wasmtime::Result<HealthPluginPre<CallState>> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            inner.pool.get_or_init(|| match Pool::new(&inner.limits) {
                Ok(pool) => Some(pool),
                Err(error) => {
                    tracing::debug!(%error, "there is no pool for plugins");
                    None
                }
            });
        })
        .await?;
        let Some(Some(pool)) = self.inner.pool.get() else {
            return Err(wasmtime::Error::msg("there is no pool"));
        };
        let component = self.compile_for(&pool.engine, &plugin.name, bytes, &plugin.digest);
        let component = component.await.map_err(wasmtime::Error::new)?;
        HealthPluginPre::new(pool.linker.instantiate_pre(&component)?)
    }
}
