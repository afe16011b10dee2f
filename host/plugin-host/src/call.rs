//! The state of one call of one plugin: a store's data, made for the call and thrown away after it.

use std::sync::{Arc, Mutex, PoisonError};

use chora_model::grant::GrantSet;
use chora_model::plan::StepKey;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::gate::{Denial, Mode};
use crate::intent::Intent;
use crate::limits::{Limiter, Limits};
use crate::output::Captured;
use crate::scene::Scene;

/// The host call that a plugin's call is in. Clones tell of the same call, and outlive it: for the report of one that was cut off.
#[derive(Debug, Clone, Default)]
pub struct Outstanding(Arc<Mutex<Option<String>>>);

impl Outstanding {
    /// The host call under way, as `interface.function(target)`.
    pub fn get(&self) -> Option<String> {
        let call = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        call.clone()
    }

    pub(crate) fn set(&self, call: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = call;
    }
}

/// What a store holds while a guest runs.
pub(crate) struct CallState {
    /// Absent while a plugin describes itself: then there is nothing that a host function could reach.
    pub(crate) scene: Option<Arc<Scene>>,
    pub(crate) grants: Arc<GrantSet>,
    pub(crate) settings: Arc<serde_json::Map<String, serde_json::Value>>,
    pub(crate) caller: StepKey,
    pub(crate) digest: String,
    pub(crate) mode: Mode,
    /// The service that `@target` means.
    pub(crate) probed: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) limiter: Limiter,
    pub(crate) table: ResourceTable,
    pub(crate) stderr: Captured,
    pub(crate) host_calls: u64,
    pub(crate) log_lines: u32,
    pub(crate) denials: Vec<Denial>,
    pub(crate) intent: Option<Intent>,
    pub(crate) outstanding: Outstanding,
    /// Made when the guest first uses it: seeding its random numbers takes time, and most health checks need none of it.
    wasi: Option<WasiCtx>,
}

/// What a [`CallState`] is made of.
pub(crate) struct CallParts {
    pub(crate) scene: Option<Arc<Scene>>,
    pub(crate) grants: Arc<GrantSet>,
    pub(crate) settings: Arc<serde_json::Map<String, serde_json::Value>>,
    pub(crate) caller: StepKey,
    pub(crate) digest: String,
    pub(crate) mode: Mode,
    pub(crate) probed: Option<String>,
    pub(crate) intent: Option<Intent>,
    pub(crate) outstanding: Outstanding,
}

impl CallState {
    pub(crate) fn new(parts: CallParts, limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources);
        Self {
            scene: parts.scene,
            grants: parts.grants,
            settings: parts.settings,
            caller: parts.caller,
            digest: parts.digest,
            mode: parts.mode,
            probed: parts.probed,
            limits: limits.clone(),
            limiter: Limiter::new(limits),
            table,
            stderr: Captured::new(limits),
            host_calls: 0,
            log_lines: 0,
            denials: Vec::new(),
            intent: parts.intent,
            outstanding: parts.outstanding,
            wasi: None,
        }
    }
}

/// The WASI of a call: clocks, random numbers, and output that is captured.
fn wasi(stderr: &Captured, limits: &Limits) -> WasiCtx {
    WasiCtx::builder()
        .stdout(Captured::new(limits))
        .stderr(stderr.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(64 << 10)
        .build()
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: self
                .wasi
                .get_or_insert_with(|| wasi(&self.stderr, &self.limits)),
            table: &mut self.table,
        }
    }
}
