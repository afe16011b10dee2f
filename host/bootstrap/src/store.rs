//! The plugins that were added to a project: their components in `.chora/plugins`, by digest, and the record of them in `.chora/plugins.lock`. Called by `chora plugin`.
//!
//! Looking at a component runs nothing of it but `describe`, with nothing granted. Adding, updating and removing hold the lock of every environment of the project while they write, for
//! all of them load these plugins, and hold nothing while a person is asked.

mod change;
mod choice;
mod examine;
mod fetch;
mod guard;
mod look;
mod place;
mod signature;
mod update;

use std::sync::Arc;
use std::time::Duration;

use chora_model::config::{self, Config, Source};
use chora_model::failure::{Code, Failure};
use chora_model::layout::Layout;
use chora_model::plugin_lock::PluginLock;
use chora_plugin_host::{CompileCache, PluginHost};
use tokio::sync::OnceCell;

use crate::plugins::{self, Started};
use crate::report;

pub use change::Added;
pub use choice::Given;
pub use examine::{Component, Wish};
pub use fetch::Doing;
pub use look::{Inspection, Listed, Origin, Verified};
pub use place::{Place, where_it_runs};
pub use signature::Signed;
pub use update::{Difference as PluginDifference, Update};

/// How the plugins of a project are reached.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Where the project's configuration is.
    pub source: Source,
    /// The bundled plugins' components, by name.
    pub bundled: Vec<(String, &'static [u8])>,
    /// Where compiled plugins are kept; absent to compile them each time.
    pub cache: Option<CompileCache>,
    /// How long a command that changes something waits for another one to end.
    pub lock_wait: Duration,
}

/// The plugins of a project.
pub struct Store {
    config: Arc<Config>,
    layout: Layout,
    options: StoreOptions,
    host: OnceCell<Started>,
}

impl Store {
    /// Reads the configuration and nothing else.
    ///
    /// # Errors
    /// `CONFIG_ERROR` when it cannot be used.
    pub fn open(options: StoreOptions) -> Result<Self, Failure> {
        let loaded =
            config::load(&options.source).map_err(|error| report::config_failure(&error))?;
        Ok(Self {
            config: Arc::new(loaded.config),
            layout: loaded.layout,
            options,
            host: OnceCell::new(),
        })
    }

    /// The configuration of the environment that was asked for.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the project's files are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The record of the added plugins.
    ///
    /// # Errors
    /// `CONFIG_ERROR` when it is damaged, or a newer chora wrote it.
    pub fn record(&self) -> Result<PluginLock, Failure> {
        PluginLock::load(&self.layout.plugin_lock())
            .map_err(|error| report::plugin_lock_failure(&error))
    }

    async fn host(&self) -> Result<&PluginHost, Failure> {
        let cache = self.options.cache.clone();
        let started = self
            .host
            .get_or_try_init(|| plugins::set_up(cache))
            .await
            .map_err(|error| report::load_failure(&error))?;
        Ok(&started.host)
    }

    /// What the user should know of how plugins are loaded, once one was.
    pub fn warning(&self) -> Option<&str> {
        self.host.get()?.warning.as_deref()
    }

    /// A plugin that nobody knows.
    fn unknown(&self, name: &str, record: &PluginLock) -> Failure {
        let failure = Failure::new(
            Code::ConfigError,
            format!("no plugin `{name}` was added to this project"),
        );
        let names: Vec<String> = record
            .plugins()
            .iter()
            .map(|plugin| format!("`{}`", plugin.name))
            .collect();
        if names.is_empty() {
            failure.next("add one with `chora plugin add`")
        } else {
            failure.next(format!("name one of {}", names.join(", ")))
        }
    }
}
