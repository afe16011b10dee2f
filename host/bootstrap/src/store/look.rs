//! Looking at the plugins of a project: which there are, what one of them is and did, and whether the copies are still what was added. Changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chora_model::config::Placement;
use chora_model::failure::{Code, Failure};
use chora_model::plugin_lock::LockedPlugin;
use chora_model::signature::Signer;
use chora_plugin_host::{Plugin, PluginError, PluginKind, hex_sha256};
use serde::Serialize;

use super::Store;
use crate::bundled::{BUNDLED, bundled};
use crate::plugins;
use crate::trust::{self, LoadError};

/// A component that was loaded, and by whom it is signed where the configuration asks for that.
type Loaded = (Arc<Plugin>, Option<Signer>);

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
    /// By whom it is signed, where the configuration asks for that.
    pub signer: Option<Signer>,
    /// Its size in bytes, where it can be read.
    pub size: Option<u64>,
}

/// The copy of an added plugin, compared with the record; or a component that the configuration names, where it has to be signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The plugin's name.
    pub name: String,
    /// What the record says; absent where it was not added.
    pub locked: Option<LockedPlugin>,
    /// The component.
    pub file: PathBuf,
    /// SHA-256 of what was added, or of what is there where it was not added and can be read.
    pub sha256: Option<String>,
    /// Whether it has to be signed.
    pub must_be_signed: bool,
    /// By whom it is signed, where it has to be.
    pub signer: Option<Signer>,
    /// What is wrong; nothing where it is the one that was added, and signed where it has to be.
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
        let (plugin, size) = match (&listed.locked, &listed.path) {
            (Some(locked), _) => (self.added(locked).await?, Some(locked.size)),
            (None, Some(path)) => self.configured(name, path).await?,
            (None, None) => {
                let host = self.host().await?;
                let mut known = self.options.bundled.iter();
                match known.find(|(known, _)| known == name) {
                    Some((_, bytes)) => {
                        let size = u64::try_from(bytes.len()).ok();
                        let loaded = host.load(name, bytes).await;
                        let loaded = loaded.map(|plugin| (plugin, None));
                        (loaded.map_err(LoadError::Plugin), size)
                    }
                    None => (Err(invalid(name, "it has no component".to_owned())), None),
                }
            }
        };
        let (plugin, signer) = match plugin {
            Ok((plugin, signer)) => (Ok(plugin), signer),
            Err(error) => (Err(error.failure()), None),
        };
        Ok(Inspection {
            listed,
            plugin,
            signer,
            size,
        })
    }

    /// Compares the copy of each added plugin with the record, and looks by whom it is signed where the configuration asks for that; by whom those are signed that it names itself, as well.
    ///
    /// # Errors
    /// When the record cannot be used.
    pub async fn verify(&self) -> Result<Vec<Verified>, Failure> {
        let record = self.record()?;
        let host = self.host().await?;
        let must_be_signed = !self.config.plugin_keys.is_empty();
        let mut found = Vec::with_capacity(record.plugins().len());
        for locked in record.plugins() {
            let verified = plugins::verified(&self.config, &self.layout, locked, host).await;
            let (signer, failure) = match verified {
                Ok((_, signer)) => (signer, None),
                Err(error) => (None, Some(error.failure())),
            };
            found.push(Verified {
                name: locked.name.clone(),
                locked: Some(locked.clone()),
                file: self.layout.plugin(&locked.sha256),
                sha256: Some(locked.sha256.clone()),
                must_be_signed,
                signer,
                failure,
            });
        }
        let mut configured = self.config.plugins.iter().filter(|one| one.enabled);
        while let (true, Some(one)) = (must_be_signed, configured.next()) {
            let Some(path) = &one.path else {
                continue;
            };
            let file = self.layout.project.join(path);
            let read = self.read_configured(&one.name, &file).await?;
            let sha256 = read.as_ref().ok().map(|bytes| hex_sha256(bytes));
            let signer =
                read.and_then(|bytes| Ok(trust::of_file(&self.config, &one.name, &file, &bytes)?));
            let (signer, failure) = match signer {
                Ok(signer) => (signer, None),
                Err(error) => (None, Some(error.failure())),
            };
            found.push(Verified {
                name: one.name.clone(),
                locked: None,
                file,
                sha256,
                must_be_signed,
                signer,
                failure,
            });
        }
        Ok(found)
    }

    /// Loads the copy of an added plugin, if it is still what was added.
    pub(super) async fn added(
        &self,
        locked: &LockedPlugin,
    ) -> Result<Result<Loaded, LoadError>, Failure> {
        let host = self.host().await?;
        Ok(plugins::load_added(&self.config, &self.layout, locked, host).await)
    }

    /// Loads a component that the configuration names, and says how big it is.
    async fn configured(
        &self,
        name: &str,
        path: &Path,
    ) -> Result<(Result<Loaded, LoadError>, Option<u64>), Failure> {
        let path = self.layout.project.join(path);
        let bytes = match self.read_configured(name, &path).await? {
            Ok(bytes) => bytes,
            Err(error) => return Ok((Err(error), None)),
        };
        let size = u64::try_from(bytes.len()).ok();
        let host = self.host().await?;
        let loaded = async {
            let signer = trust::of_file(&self.config, name, &path, &bytes)?;
            Ok((host.load(name, &bytes).await?, signer))
        };
        Ok((loaded.await, size))
    }

    async fn read_configured(
        &self,
        name: &str,
        path: &Path,
    ) -> Result<Result<Vec<u8>, LoadError>, Failure> {
        let host = self.host().await?;
        let most = u64::try_from(host.limits().component).unwrap_or(u64::MAX);
        Ok(match chora_model::file::read_capped(path, most) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(invalid(name, format!("there is no `{}`", path.display()))),
            Err(error) => Err(invalid(name, format!("{error}: {}", error.source))),
        })
    }
}

fn invalid(name: &str, reason: String) -> LoadError {
    LoadError::Plugin(PluginError::Invalid {
        plugin: name.to_owned(),
        reason,
        source: None,
    })
}
