//! Looking at the plugins of a project: which there are, what one of them is and did, and whether the copies are still what was added. Changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use chora_model::config::Placement;
use chora_model::failure::{Code, Failure};
use chora_model::plugin_lock::LockedPlugin;
use chora_plugin_host::{Plugin, PluginError, PluginKind, hex_sha256};
use serde::Serialize;

use super::Store;
use crate::bundled::{BUNDLED, bundled};
use crate::plugins;
use crate::report;

/// Why a plugin is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It is a part of chora.
    Bundled,
    /// The configuration names it with its path.
    Configured,
    /// It was added.
    Added,
}

/// A plugin of the project.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Why it is there.
    pub origin: Origin,
    /// Whether it runs where it is placed; the configuration can leave it out.
    pub enabled: bool,
    /// What it is; absent where only loading it would tell.
    pub kind: Option<PluginKind>,
    /// Where it runs; absent for plugins that are no phase plugins.
    pub placement: Option<Placement>,
    /// What it may do.
    pub grants: Vec<String>,
    /// The path that the configuration gives it.
    pub path: Option<PathBuf>,
    /// What the record says of it; absent where it was not added.
    pub locked: Option<LockedPlugin>,
}

/// A plugin, with the component itself where it can be loaded.
pub struct Inspection {
    /// What is known without it.
    pub listed: Listed,
    /// The component, or why it cannot be used.
    pub plugin: Result<Arc<Plugin>, Failure>,
    /// Its size in bytes, where it can be read.
    pub size: Option<u64>,
}

/// The copy of an added plugin, compared with the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// What the record says.
    pub locked: LockedPlugin,
    /// The copy.
    pub copy: PathBuf,
    /// What is wrong; nothing where it is the one that was added.
    pub failure: Option<Failure>,
}

impl Store {
    /// Every plugin of the project: the bundled ones in the order of their phases, then the configured, then the added ones.
    ///
    /// # Errors
    /// When the record cannot be used.
    pub fn list(&self) -> Result<Vec<Listed>, Failure> {
        let record = self.record()?;
        let entry = |name: &str| self.config.plugins.iter().find(|one| one.name == name);
        let enabled = |name: &str| entry(name).is_none_or(|one| one.enabled);
        let texts = |grants: &[chora_model::grant::Grant]| -> Vec<String> {
            grants.iter().map(ToString::to_string).collect()
        };
        let standard = BUNDLED
            .iter()
            .filter(|known| entry(known.name).is_none_or(|one| one.path.is_none()))
            .map(|known| {
                let besides = entry(known.name).map(|one| texts(&one.grants));
                let own = known.grants.iter().map(|grant| (*grant).to_owned());
                Listed {
                    name: known.name.to_owned(),
                    origin: Origin::Bundled,
                    enabled: enabled(known.name),
                    kind: Some(match known.placement() {
                        Some(_) => PluginKind::Phase,
                        None => PluginKind::Health,
                    }),
                    placement: entry(known.name)
                        .and_then(|one| one.placement.clone())
                        .or(known.placement()),
                    grants: own.chain(besides.into_iter().flatten()).collect(),
                    path: None,
                    locked: None,
                }
            });
        let configured = self.config.plugins.iter().filter_map(|one| {
            let replaced = bundled(&one.name).and_then(|known| known.placement());
            Some(Listed {
                name: one.name.clone(),
                origin: Origin::Configured,
                enabled: one.enabled,
                kind: one
                    .placement
                    .as_ref()
                    .or(replaced.as_ref())
                    .map(|_| PluginKind::Phase),
                placement: one.placement.clone().or(replaced),
                grants: texts(&one.grants),
                path: Some(one.path.clone()?),
                locked: None,
            })
        });
        let added = record.plugins().iter().map(|locked| Listed {
            name: locked.name.clone(),
            origin: Origin::Added,
            enabled: enabled(&locked.name),
            kind: PluginKind::of_world(&locked.world),
            placement: plugins::placement_of(&self.config, locked),
            grants: texts(&plugins::grants_of(&self.config, locked)),
            path: None,
            locked: Some(locked.clone()),
        });
        Ok(standard.chain(configured).chain(added).collect())
    }

    /// One plugin, with its component loaded.
    ///
    /// # Errors
    /// `CONFIG_ERROR` when there is no such plugin, and when the record cannot be used.
    pub async fn inspect(&self, name: &str) -> Result<Inspection, Failure> {
        let all = self.list()?;
        let Some(listed) = all.iter().rev().find(|one| one.name == name).cloned() else {
            let names: Vec<String> = all.iter().map(|one| format!("`{}`", one.name)).collect();
            return Err(Failure::new(
                Code::ConfigError,
                format!("the project has no plugin `{name}`"),
            )
            .next(format!("name one of {}", names.join(", "))));
        };
        let host = self.host().await?;
        let (plugin, size) = match (&listed.locked, &listed.path) {
            (Some(locked), _) => (self.added(locked).await?, Some(locked.size)),
            (None, Some(path)) => {
                let most = u64::try_from(host.limits().component).unwrap_or(u64::MAX);
                let path = self.layout.project.join(path);
                match chora_model::file::read_capped(&path, most) {
                    Ok(Some(bytes)) => {
                        let size = u64::try_from(bytes.len()).ok();
                        (host.load(name, &bytes).await, size)
                    }
                    Ok(None) => (
                        Err(invalid(name, format!("there is no `{}`", path.display()))),
                        None,
                    ),
                    Err(error) => (
                        Err(invalid(name, format!("{error}: {}", error.source))),
                        None,
                    ),
                }
            }
            (None, None) => {
                let mut known = self.options.bundled.iter();
                match known.find(|(known, _)| known == name) {
                    Some((_, bytes)) => {
                        let size = u64::try_from(bytes.len()).ok();
                        (host.load(name, bytes).await, size)
                    }
                    None => (Err(invalid(name, "it has no component".to_owned())), None),
                }
            }
        };
        Ok(Inspection {
            listed,
            plugin: plugin.map_err(|error| report::load_failure(&error)),
            size,
        })
    }

    /// Compares the copy of each added plugin with the record.
    ///
    /// # Errors
    /// When the record cannot be used.
    pub async fn verify(&self) -> Result<Vec<Verified>, Failure> {
        let record = self.record()?;
        let host = self.host().await?;
        let mut found = Vec::with_capacity(record.plugins().len());
        for locked in record.plugins() {
            let copy = self.layout.plugin(&locked.sha256);
            let read = plugins::copy_of(&locked.name, &copy, &locked.sha256, host).await;
            let verified = read.and_then(|bytes| {
                let digest = hex_sha256(&bytes);
                if digest == locked.sha256 {
                    return Ok(());
                }
                Err(PluginError::Changed {
                    plugin: locked.name.clone(),
                    expected: locked.sha256.clone(),
                    found: Some(digest),
                })
            });
            found.push(Verified {
                locked: locked.clone(),
                copy,
                failure: verified.err().map(|error| report::load_failure(&error)),
            });
        }
        Ok(found)
    }

    /// Loads the copy of an added plugin, if it is still what was added.
    pub(super) async fn added(
        &self,
        locked: &LockedPlugin,
    ) -> Result<Result<Arc<Plugin>, PluginError>, Failure> {
        let host = self.host().await?;
        let copy = self.layout.plugin(&locked.sha256);
        let loaded = match plugins::copy_of(&locked.name, &copy, &locked.sha256, host).await {
            Ok(bytes) => host.load_pinned(&locked.name, &bytes, &locked.sha256).await,
            Err(error) => Err(error),
        };
        Ok(loaded)
    }
}

fn invalid(name: &str, reason: String) -> PluginError {
    PluginError::Invalid {
        plugin: name.to_owned(),
        reason,
        source: None,
    }
}
