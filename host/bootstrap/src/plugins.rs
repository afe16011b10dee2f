//! The plugins of a project: which there are, where each runs, what it may do; loaded when they are first needed and only then.

mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use chora_model::config::{Config, Placement, Service};
use chora_model::failure::{Code, Failure};
use chora_model::grant::{Grant, GrantSet};
use chora_model::layout::Layout;
use chora_model::plugin_lock::{LockedPlugin, PluginLock};
use chora_plugin_host::{CompileCache, Plugin, PluginError, PluginHost, PluginKind};
use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use crate::bundled::{self, Bundled};
use crate::report;
use crate::trust::{self, LoadError};
use crate::wishes;

pub(crate) use load::{Started, load_added, set_up, verified};

/// Where a component comes from.
enum Origin {
    Bundled(&'static [u8]),
    /// Named in the configuration with its path.
    File(PathBuf),
    /// Added with `chora plugin add`: what the record says of the copy that was kept.
    Added(Box<LockedPlugin>),
}

/// A plugin of the project, loaded or not.
struct Entry {
    name: String,
    origin: Origin,
    /// Absent for health plugins and observers.
    placement: Option<Placement>,
    grants: Arc<GrantSet>,
    settings: Arc<Map<String, Value>>,
    loaded: OnceCell<Arc<Plugin>>,
}

/// A loaded plugin with what it is given.
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) placement: Option<Placement>,
    /// Whether an observer's failure is the run's.
    pub(crate) required: bool,
    pub(crate) grants: Arc<GrantSet>,
    pub(crate) settings: Arc<Map<String, Value>>,
}

impl Ready {
    /// The plugin's settings with the service's own laid over them.
    pub(crate) fn settings_for(&self, service: &Service) -> Arc<Map<String, Value>> {
        if service.health.settings.is_empty() {
            return Arc::clone(&self.settings);
        }
        let mut settings = Map::clone(&self.settings);
        settings.extend(service.health.settings.clone());
        Arc::new(settings)
    }
}

/// The plugins that a run calls itself.
pub(crate) struct ForARun {
    pub(crate) phases: Vec<Ready>,
    pub(crate) observers: Vec<Ready>,
}

/// The plugins of a project.
pub(crate) struct Plugins {
    config: Arc<Config>,
    layout: Layout,
    /// The record of added plugins, and what it said.
    record: (PathBuf, PluginLock),
    cache: Option<CompileCache>,
    host: OnceCell<Started>,
    entries: BTreeMap<String, Entry>,
    /// Phase plugins in the order in which they are asked for plans: the bundled ones, then the configuration's.
    order: Vec<String>,
}

impl Plugins {
    /// Lists the project's plugins. Looks whether files exist, and loads nothing.
    pub(crate) fn new(
        config: Arc<Config>,
        layout: &Layout,
        bundled: &[(String, &'static [u8])],
        cache: Option<CompileCache>,
    ) -> Result<Self, Failure> {
        let path = layout.plugin_lock();
        let added = PluginLock::load(&path).map_err(|error| report::plugin_lock_failure(&error))?;
        let mut plugins = Self {
            record: (path, added.clone()),
            cache,
            host: OnceCell::new(),
            entries: BTreeMap::new(),
            order: Vec::new(),
            config: Arc::clone(&config),
            layout: layout.clone(),
        };
        for known in bundled::BUNDLED {
            let bytes = bundled.iter().find(|(name, _)| name == known.name);
            if let Some((_, bytes)) = bytes {
                plugins.add_bundled(&config, known, bytes)?;
            }
        }
        for asked in config.plugins.iter().filter(|asked| asked.enabled) {
            let Some(path) = &asked.path else {
                if bundled::bundled(&asked.name).is_none() && added.plugin(&asked.name).is_none() {
                    return Err(config_error(format!(
                        "plugin `{}` has no `path`, and no bundled or added plugin has this name",
                        asked.name
                    ))
                    .next(format!(
                        "give it a `path`, add it with `chora plugin add`, or use one of {}",
                        plugins.names()
                    )));
                }
                continue;
            };
            if added.plugin(&asked.name).is_some() {
                return Err(config_error(format!(
                    "there are two components for plugin `{}`: the `path` in the configuration, and the one that was added",
                    asked.name
                ))
                .next(format!(
                    "take its `path` out of the configuration, or take the other out with `chora plugin remove {}`",
                    asked.name
                )));
            }
            let path = layout.project.join(path);
            if !path.is_file() {
                return Err(config_error(format!(
                    "the component `{}` of plugin `{}` does not exist",
                    path.display(),
                    asked.name
                ))
                .next(format!(
                    "put the component there, or correct `path` of plugin `{}`",
                    asked.name
                )));
            }
            let takes_over = bundled::bundled(&asked.name).and_then(Bundled::placement);
            plugins.add(Entry {
                name: asked.name.clone(),
                origin: Origin::File(path),
                placement: asked.placement.clone().or(takes_over),
                grants: Arc::new(GrantSet::from(asked.grants.clone())),
                settings: Arc::new(settings_of(&config, &asked.name)),
                loaded: OnceCell::new(),
            });
        }
        for locked in added.plugins() {
            plugins.add_locked(&config, layout, locked)?;
        }
        plugins.check_health_names()?;
        Ok(plugins)
    }

    /// Looks whether the added plugins are still those that were found when the project was opened: whoever waited for the lock may have waited for a command that changed them.
    pub(crate) fn are_current(&self) -> Result<(), Failure> {
        let (path, before) = &self.record;
        let now = PluginLock::load(path).map_err(|error| report::plugin_lock_failure(&error))?;
        if now == *before {
            return Ok(());
        }
        Err(
            config_error("the project's plugins were changed while this command waited".to_owned())
                .next("run the command again: it takes the plugins as they are now"),
        )
    }

    /// Adds a plugin of the record. What the configuration says of it besides wins for its place, adds to its grants, and can leave it out.
    fn add_locked(
        &mut self,
        config: &Config,
        layout: &Layout,
        locked: &LockedPlugin,
    ) -> Result<(), Failure> {
        if bundled::bundled(&locked.name).is_some() {
            return Err(config_error(format!(
                "`{}` has an added plugin `{}`, which is the name of a bundled one",
                layout.plugin_lock().display(),
                locked.name
            ))
            .next(format!(
                "take it out with `chora plugin remove {0}`, and add it under another name with `--name`",
                locked.name
            )));
        }
        let asked = config
            .plugins
            .iter()
            .find(|asked| asked.name == locked.name);
        if asked.is_some_and(|asked| !asked.enabled) {
            return Ok(());
        }
        self.add(Entry {
            name: locked.name.clone(),
            origin: Origin::Added(Box::new(locked.clone())),
            placement: placement_of(config, locked),
            grants: Arc::new(GrantSet::from(grants_of(config, locked))),
            settings: Arc::new(settings_of(config, &locked.name)),
            loaded: OnceCell::new(),
        });
        Ok(())
    }

    fn add(&mut self, entry: Entry) {
        if entry.placement.is_some() {
            self.order.push(entry.name.clone());
        }
        self.entries.insert(entry.name.clone(), entry);
    }

    fn add_bundled(
        &mut self,
        config: &Config,
        known: &Bundled,
        bytes: &'static [u8],
    ) -> Result<(), Failure> {
        let asked = config.plugins.iter().find(|asked| asked.name == known.name);
        if asked.is_some_and(|asked| !asked.enabled || asked.path.is_some()) {
            return Ok(());
        }
        let mut grants = Vec::with_capacity(known.grants.len());
        for text in known.grants {
            let grant = Grant::parse(text).map_err(|error| config_error(error.to_string()))?;
            grants.push(grant);
        }
        grants.extend(
            asked
                .into_iter()
                .flat_map(|asked| asked.grants.iter().cloned()),
        );
        self.add(Entry {
            name: known.name.to_owned(),
            origin: Origin::Bundled(bytes),
            placement: asked
                .and_then(|asked| asked.placement.clone())
                .or(known.placement()),
            grants: Arc::new(GrantSet::from(grants)),
            settings: Arc::new(settings_of(config, known.name)),
            loaded: OnceCell::new(),
        });
        Ok(())
    }

    fn check_health_names(&self) -> Result<(), Failure> {
        for service in &self.config.services {
            let Some(plugin) = &service.health.plugin else {
                continue;
            };
            let known = match self.entries.get(plugin) {
                Some(entry) if entry.placement.is_none() => continue,
                Some(_) => "runs as a phase and is no health check",
                None => "does not exist",
            };
            let health = self
                .entries
                .values()
                .filter(|entry| entry.placement.is_none());
            let names: Vec<String> = health.map(|entry| format!("`{}`", entry.name)).collect();
            let mut failure = config_error(format!(
                "service `{}` names the health check `{plugin}`, which {known}",
                service.name
            ))
            .next(format!(
                "use one of {}, `none`, or add the plugin with `chora plugin add`",
                names.join(", ")
            ));
            failure.service = Some(service.name.clone());
            return Err(failure);
        }
        Ok(())
    }

    /// Refuses an observer that a service names as its health check.
    fn names_no_observer(&self, name: &str) -> Result<(), Failure> {
        let mut services = self.config.services.iter();
        let service = services.find(|service| service.health.plugin.as_deref() == Some(name));
        let Some(service) = service else {
            return Ok(());
        };
        let mut failure = config_error(format!(
            "service `{}` names the health check `{name}`, which is an observer",
            service.name
        ))
        .next("use a health plugin, or `none`");
        failure.service = Some(service.name.clone());
        Err(failure)
    }

    fn names(&self) -> String {
        let names: Vec<String> = self
            .entries
            .keys()
            .map(|name| format!("`{name}`"))
            .collect();
        names.join(", ")
    }

    /// The host, set up when it is first needed.
    pub(crate) async fn host(&self) -> Result<&PluginHost, PluginError> {
        let cache = self.cache.clone();
        let started = self.host.get_or_try_init(|| set_up(cache)).await?;
        Ok(&started.host)
    }

    /// What the user should know of the host, once it is set up.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.host.get()?.warning.as_deref()
    }

    async fn ready(&self, entry: &Entry) -> Result<Ready, LoadError> {
        let plugin = entry
            .loaded
            .get_or_try_init(|| async {
                let host = self.host().await?;
                let loaded = match &entry.origin {
                    Origin::Bundled(bytes) => host.load(&entry.name, bytes).await?,
                    Origin::File(path) => {
                        let bytes =
                            tokio::fs::read(path)
                                .await
                                .map_err(|error| PluginError::Invalid {
                                    plugin: entry.name.clone(),
                                    reason: format!("`{}` cannot be read: {error}", path.display()),
                                    source: None,
                                })?;
                        trust::of_file(&self.config, &entry.name, path, &bytes)?;
                        host.load(&entry.name, &bytes).await?
                    }
                    Origin::Added(locked) => {
                        let (config, layout) = (&self.config, &self.layout);
                        load_added(config, layout, locked, host).await?.0
                    }
                };
                Ok::<_, LoadError>(loaded)
            })
            .await?;
        Ok(Ready {
            plugin: Arc::clone(plugin),
            placement: entry.placement.clone(),
            required: self.is_required(&entry.name),
            grants: Arc::clone(&entry.grants),
            settings: Arc::clone(&entry.settings),
        })
    }

    fn is_required(&self, name: &str) -> bool {
        let mut asked = self.config.plugins.iter();
        asked.any(|asked| asked.name == name && asked.required)
    }

    /// A health plugin by name, loaded, with the host that calls it.
    pub(crate) async fn health(&self, name: &str) -> Result<(&PluginHost, Ready), PluginError> {
        let entry = self.entries.get(name).ok_or_else(|| PluginError::Invalid {
            plugin: name.to_owned(),
            reason: "the project has no such plugin".to_owned(),
            source: None,
        })?;
        let ready = self.ready(entry).await;
        Ok((
            self.host().await?,
            ready.map_err(LoadError::into_plugin_error)?,
        ))
    }

    /// Loads, all at once, every phase plugin that `wanted` takes, the observers and the health plugins of the configured services, and checks each.
    pub(crate) async fn for_a_run(
        &self,
        wanted: impl Fn(&Placement) -> bool,
    ) -> Result<ForARun, Failure> {
        let phases = self.order.iter().filter_map(|name| self.entries.get(name));
        let phases = phases.filter(|entry| entry.placement.as_ref().is_some_and(&wanted));
        let services = self.config.services.iter();
        let used: BTreeSet<&String> = services
            .filter_map(|service| service.health.plugin.as_ref())
            .collect();
        // A plugin without a place that no service uses is loaded all the same: it may be an observer, or a phase that was not given its place.
        let health = self.entries.values().filter(|entry| {
            let custom = !matches!(entry.origin, Origin::Bundled(_));
            entry.placement.is_none() && (custom || used.contains(&entry.name))
        });
        let checked = phases.chain(health).map(|entry| self.checked(entry));
        let loaded: Result<Vec<Ready>, Failure> = join_all(checked).await.into_iter().collect();
        let (phases, others): (Vec<Ready>, Vec<Ready>) = loaded?
            .into_iter()
            .partition(|ready| ready.placement.is_some());
        let observers = others
            .into_iter()
            .filter(|ready| ready.plugin.kind == PluginKind::Observer);
        Ok(ForARun {
            phases,
            observers: observers.collect(),
        })
    }

    async fn checked(&self, entry: &Entry) -> Result<Ready, Failure> {
        let ready = self.ready(entry).await.map_err(|error| error.failure())?;
        let name = &entry.name;
        let blamed = |message: String| {
            let mut failure = config_error(message);
            failure.plugin = Some(name.clone());
            failure
        };
        let kind = ready.plugin.kind;
        if ready.required && kind != PluginKind::Observer {
            return Err(blamed(format!(
                "plugin `{name}` is {}, and only an observer can be `required`: without the others no run succeeds anyway",
                kind.one()
            ))
            .next(format!("take `required:` from plugin `{name}`")));
        }
        match (kind, &entry.placement) {
            (PluginKind::Phase, Some(_)) | (PluginKind::Health, None) => {}
            (PluginKind::Observer, None) => self.names_no_observer(name)?,
            (PluginKind::Observer, Some(_)) => {
                return Err(blamed(format!(
                    "plugin `{name}` is an observer and cannot run as a phase"
                ))
                .next(format!(
                    "take `phase:`, `before:` or `after:` from plugin `{name}`"
                )));
            }
            (PluginKind::Phase, None) => {
                return Err(blamed(format!("plugin `{name}` is a phase plugin, and the configuration does not say where it runs"))
                    .next(format!("add `phase:`, `before:` or `after:` to plugin `{name}`")));
            }
            (PluginKind::Health, Some(_)) => {
                return Err(blamed(format!("plugin `{name}` is a health plugin and cannot run as a phase"))
                    .next(format!("take `phase:`, `before:` or `after:` from plugin `{name}`, and name it in a service's `health:`")));
            }
        }
        if !matches!(entry.origin, Origin::Bundled(_)) {
            let asked = ready.plugin.metadata.grants.iter();
            let wishes: Vec<String> = asked.map(|request| request.grant.clone()).collect();
            let missing = wishes::uncovered(&self.config, entry.grants.grants(), &wishes);
            if !missing.is_empty() {
                let mut failure = blamed(format!(
                    "plugin `{name}` asks for grants that it was not given: `{}`",
                    missing.join("`, `")
                ));
                let quoted: Vec<String> =
                    missing.iter().map(|grant| format!("\"{grant}\"")).collect();
                failure.next_actions.push(format!(
                    "if you trust it with that, add to plugin `{name}` in the configuration: `grants: [{}]`",
                    quoted.join(", ")
                ));
                failure.details = ready
                    .plugin
                    .metadata
                    .grants
                    .iter()
                    .map(|request| format!("{}: {}", request.grant, request.reason))
                    .collect();
                return Err(failure);
            }
        }
        Ok(ready)
    }
}

/// Where an added plugin runs: where the configuration says, else where it was added.
pub(crate) fn placement_of(config: &Config, locked: &LockedPlugin) -> Option<Placement> {
    let asked = config
        .plugins
        .iter()
        .find(|asked| asked.name == locked.name);
    asked
        .and_then(|asked| asked.placement.clone())
        .or_else(|| locked.placement.clone())
}

/// What an added plugin may do: what it was granted when it was added, and what the configuration grants it besides.
pub(crate) fn grants_of(config: &Config, locked: &LockedPlugin) -> Vec<Grant> {
    let asked = config
        .plugins
        .iter()
        .filter(|asked| asked.name == locked.name);
    let besides = asked.flat_map(|asked| asked.grants.iter().cloned());
    locked.grants.iter().cloned().chain(besides).collect()
}

/// The settings of a plugin: those under `plugins:`, over the configuration's own section for the two bundled plugins that have one.
fn settings_of(config: &Config, name: &str) -> Map<String, Value> {
    let mut settings = match name {
        bundled::PREFLIGHT => config.preflight.clone(),
        bundled::VALIDATION => config.validation.clone(),
        _ => Map::new(),
    };
    if let Some(asked) = config.plugins.iter().find(|asked| asked.name == name) {
        settings.extend(asked.settings.clone());
    }
    settings
}

fn config_error(message: String) -> Failure {
    Failure::new(Code::ConfigError, message)
}
