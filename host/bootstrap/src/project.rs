//! A project's environment, opened: its configuration, its engine, its plugins. Opening reads the configuration and loads no plugin; those are loaded by the commands that run them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chora_engine::{Choice, Engine, RunState};
use chora_model::config::{self, Config, EngineChoice, Source};
use chora_model::event::EventSink;
use chora_model::failure::Failure;
use chora_model::layout::Layout;
use chora_model::state;
use chora_plugin_host::{CompileCache, CredentialVault, Scene};

use crate::health::HealthWaiter;
use crate::plugins::Plugins;
use crate::report;

/// How a project is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Where its configuration is.
    pub source: Source,
    /// The engine given on the command line, over the configuration's.
    pub engine: Option<EngineChoice>,
    /// The bundled plugins' components, by name.
    pub bundled: Vec<(String, &'static [u8])>,
    /// The program that `chora` means in a service's command.
    pub exe: PathBuf,
    /// Where compiled plugins are kept; absent to compile them each time.
    pub cache: Option<CompileCache>,
    /// How long a command that changes something waits for another one to end.
    pub lock_wait: Duration,
}

/// A project's environment, opened.
pub struct Project {
    /// The configuration.
    pub config: Arc<Config>,
    /// Where the environment's files are.
    pub layout: Layout,
    /// The configuration files that were read.
    pub files: Vec<PathBuf>,
    /// Whether there was no configuration and the built-in one is used.
    pub builtin_config: bool,
    pub(crate) lock_wait: Duration,
    engine: Arc<dyn Engine>,
    engine_reason: Option<String>,
    plugins: Arc<Plugins>,
    vault: Arc<CredentialVault>,
}

impl Project {
    /// Opens a project. Changes nothing on the disk.
    ///
    /// # Errors
    /// A failure with the code `CONFIG_ERROR` when the configuration or a plugin's entry in it is wrong.
    pub async fn open(options: OpenOptions) -> Result<Self, Failure> {
        let loaded =
            config::load(&options.source).map_err(|error| report::config_failure(&error))?;
        let config = Arc::new(loaded.config);
        let layout = loaded.layout;
        let running_on = running_on(&layout);
        let chosen = chora_engine::engine_for(Choice {
            choice: options.engine.unwrap_or(config.engine),
            config: &config,
            layout: &layout,
            exe: options.exe,
            running_on: running_on.as_deref(),
        })
        .await;
        let (bundled, cache) = (&options.bundled, options.cache);
        let plugins = Plugins::new(Arc::clone(&config), &layout, bundled, cache)?;
        let project = Self::of(config, layout, chosen.engine, plugins);
        Ok(Self {
            builtin_config: loaded.builtin,
            files: loaded.files,
            engine_reason: chosen.reason,
            lock_wait: options.lock_wait,
            ..project
        })
    }

    /// A project of parts that are there already.
    pub(crate) fn of(
        config: Arc<Config>,
        layout: Layout,
        engine: Arc<dyn Engine>,
        plugins: Plugins,
    ) -> Self {
        let path = match &config.credentials.storage_path {
            Some(path) => layout.project.join(path),
            None => layout.credentials(),
        };
        let names = config.services.iter().map(|service| service.name.clone());
        let vault = CredentialVault::new(
            path,
            layout.data(),
            config.credentials.clone(),
            names.collect(),
        );
        Self {
            builtin_config: false,
            lock_wait: Duration::ZERO,
            files: Vec::new(),
            engine,
            engine_reason: None,
            plugins: Arc::new(plugins),
            vault: Arc::new(vault),
            config,
            layout,
        }
    }

    /// What runs the services.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// The services that the engine runs for the environment, configured or not.
    ///
    /// # Errors
    /// `ENGINE_UNAVAILABLE` when the engine does not say, `STATE_CORRUPTED` when its record of a service is damaged.
    pub async fn running(&self) -> Result<Vec<String>, Failure> {
        let listed = self.engine.list().await;
        let listed = listed.map_err(|error| report::engine_failure(&error))?;
        let running = listed
            .into_iter()
            .filter(|(_, status)| status.state == RunState::Running);
        Ok(running.map(|(name, _)| name).collect())
    }

    /// Why that engine, in one sentence; absent where nothing else was possible.
    pub fn engine_reason(&self) -> Option<&str> {
        self.engine_reason.as_deref()
    }

    /// The environment's credentials, for keeping them out of what is shown.
    pub fn vault(&self) -> &Arc<CredentialVault> {
        &self.vault
    }

    pub(crate) fn plugins(&self) -> &Arc<Plugins> {
        &self.plugins
    }

    /// What host functions reach, for one run.
    pub(crate) fn scene(&self, events: Arc<dyn EventSink>) -> (Arc<Scene>, Arc<HealthWaiter>) {
        let health = Arc::new(HealthWaiter::new(Arc::clone(&self.plugins)));
        let scene = Scene::new(
            Arc::clone(&self.config),
            self.layout.clone(),
            Arc::clone(&self.engine),
            Arc::clone(&self.vault),
            Arc::clone(&health) as _,
            events,
        );
        (Arc::new(scene), health)
    }
}

/// The engine on which the environment's services were started, or may have been by a run that was killed, as far as its state can be read: whoever needs the state tells what is wrong with it.
fn running_on(layout: &Layout) -> Option<String> {
    let state = state::load(layout).ok().flatten()?;
    let begun = state.status == state::Status::InProgress;
    (begun || !state.services_started.is_empty()).then_some(state.engine)
}
