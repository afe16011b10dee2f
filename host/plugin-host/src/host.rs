//! The plugin host: one wasmtime engine, one linker, and the five calls that chora makes.

mod cache;
mod compile;
mod guest;
mod load;
mod pool;
mod run;

pub use cache::CompileCache;
pub use load::hex_sha256;
pub(crate) use pool::Pooled;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chora_model::grant::GrantSet;
use chora_model::plan::StepKey;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine};

use crate::bindings::imports::Capabilities;
use crate::call::CallState;
use crate::limits::{Limits, STACK};
use crate::plugin::Plugin;
use crate::{Intent, Outstanding, PluginError};

use cache::Cache;
use compile::GivenUp;
use pool::Pool;

/// How often a running guest looks at its deadline.
const TICK: Duration = Duration::from_millis(10);

/// How a host is set up.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// Where compiled components are kept. Absent: they are compiled each time.
    pub cache: Option<CompileCache>,
    /// The ceilings of each call.
    pub limits: Limits,
}

/// Loads and calls plugins. Clones share everything.
#[derive(Clone)]
pub struct PluginHost {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    linker: Linker<CallState>,
    limits: Limits,
    cache: Option<Cache>,
    given_up: GivenUp,
    /// Made when a plugin first gets into it; then absent where it cannot be made.
    pool: OnceLock<Option<Pool>>,
}

/// One call of a plugin.
#[derive(Clone)]
pub struct Call {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// What it may do.
    pub grants: Arc<GrantSet>,
    /// Its settings.
    pub settings: Arc<serde_json::Map<String, serde_json::Value>>,
    /// Who calls, for events and the ledger.
    pub caller: StepKey,
    /// How long the call may take, guest and host together.
    pub timeout: Duration,
    /// Whether changes are answered with `planned`.
    pub dry_run: bool,
    /// What has to be durable before the plugin changes anything; absent where nothing is recorded.
    pub intent: Option<Intent>,
    /// Tells from outside in which host call the plugin is.
    pub outstanding: Outstanding,
}

impl PluginHost {
    /// Sets up wasmtime. A cache that cannot be used is an error; leave it out to go without.
    pub fn new(options: HostOptions) -> Result<Self, PluginError> {
        let failed = |reason: &str, source| PluginError::Host {
            plugin: String::new(),
            reason: reason.to_owned(),
            source: Some(source),
        };
        let engine = Engine::new(&config())
            .map_err(|source| failed("wasmtime does not start on this machine", source))?;
        let linker = linker(&engine)
            .map_err(|source| failed("the host functions cannot be linked", source))?;
        tick(&engine).map_err(|source| PluginError::Host {
            plugin: String::new(),
            reason: "the thread that watches deadlines cannot be started".to_owned(),
            source: Some(wasmtime::Error::new(source)),
        })?;
        let cache = options.cache.as_ref().map(Cache::open).transpose()?;
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                linker,
                limits: options.limits,
                cache,
                given_up: GivenUp::default(),
                pool: OnceLock::new(),
            }),
        })
    }

    /// How many components this host has taken from the compile cache.
    pub fn cache_hits(&self) -> usize {
        self.inner.cache.as_ref().map_or(0, Cache::hits)
    }

    /// The ceilings of each call.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }
}

/// What all engines have in common.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK);
    config
}

/// WASI gives clocks, random numbers and captured output. The standard library of most languages also links environment, arguments and files: those are there and empty. Sockets
/// are not linked at all, so a component that wants them is refused when it is loaded and not when it is half done.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
    use wasmtime_wasi::p2::bindings::{cli, filesystem, random};

    let mut linker = Linker::new(engine);
    let l = &mut linker;
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    cli::environment::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::exit::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_input::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_output::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_stdin::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_stdout::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_stderr::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    filesystem::preopens::add_to_linker::<CallState, WasiFilesystem>(l, CallState::filesystem)?;
    filesystem::types::add_to_linker::<CallState, WasiFilesystem>(l, CallState::filesystem)?;
    random::insecure::add_to_linker::<CallState, wasmtime_wasi::random::WasiRandom>(l, |state| {
        use wasmtime_wasi::WasiView as _;
        state.ctx().ctx.random()
    })?;
    random::insecure_seed::add_to_linker::<CallState, wasmtime_wasi::random::WasiRandom>(
        l,
        |state| {
            use wasmtime_wasi::WasiView as _;
            state.ctx().ctx.random()
        },
    )?;
    Capabilities::add_to_linker::<CallState, HasSelf<CallState>>(l, |state| state)?;
    Ok(linker)
}

/// Advances the engine's epoch for as long as the engine lives.
fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("plugin-deadlines".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
    Ok(())
}
