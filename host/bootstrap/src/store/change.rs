//! Adding and removing. A copy is written before the record names it and deleted after the record forgot it, so that a crash in between leaves a file too many and never one too few.

use chora_model::config::{Placement, is_name};
use chora_model::failure::{Code, Failure};
use chora_model::file;
use chora_model::grant::Grant;
use chora_model::layout::Layout;
use chora_model::plugin_lock::{LockedPlugin, PluginLock};
use chora_plugin_host::{Plugin, hex_sha256};

use super::{Component, Signed, Store, signature};
use crate::bundled::bundled;
use crate::cancel::Cancel;
use crate::report;

/// What came of adding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It was added.
    Added,
    /// It had been added before, in the same way, and its signature is on record only now.
    Signed,
    /// It had been added before, in the same way.
    Unchanged,
}

impl Store {
    /// The name that the component gets: the one asked for, or its own.
    ///
    /// # Errors
    /// `PLUGIN_INVALID` when its own is no name; `CONFIG_ERROR` when the one asked for is none.
    pub fn name_of(&self, component: &Component, asked: Option<&str>) -> Result<String, Failure> {
        let own = &component.plugin.metadata.name;
        let (name, code) = match asked {
            Some(asked) => (asked, Code::ConfigError),
            None => (own.as_str(), Code::PluginInvalid),
        };
        if is_name(name) {
            return Ok(name.to_owned());
        }
        let message = format!(
            "`{name}` is no name of a plugin: it has 1 to 64 lower-case letters, digits and `-`"
        );
        Err(Failure::new(code, message).next("give it one with `--name`"))
    }

    /// Looks whether the name is free, or the component's already.
    ///
    /// # Errors
    /// `CONFIG_ERROR` when a bundled, a configured or another added plugin has it.
    pub fn is_free(
        &self,
        record: &PluginLock,
        component: &Component,
        name: &str,
    ) -> Result<(), Failure> {
        let taken = |by: String| {
            Failure::new(
                Code::ConfigError,
                format!("the name `{name}` is taken: {by}"),
            )
        };
        let other = "or add this one under another name with `--name`";
        if bundled(name).is_some() {
            return Err(taken("a bundled plugin has it".to_owned())
                .next("add it under another name with `--name`")
                .next(format!(
                    "or put it in the place of the bundled one with `path:` of plugin `{name}` in the configuration"
                )));
        }
        let mut configured = self.config.plugins.iter();
        if configured.any(|plugin| plugin.name == name && plugin.path.is_some()) {
            return Err(taken(
                "the configuration has a plugin of this name with a `path`".to_owned(),
            )
            .next("take its `path` out of the configuration")
            .next(other));
        }
        match record.plugin(name) {
            Some(locked) if locked.sha256 != component.plugin.digest => Err(taken(format!(
                "it was added from `{}` in version {}",
                locked.source, locked.version
            ))
            .next(format!(
                "put this one in its place with `chora plugin update {name} {}`",
                component.source
            ))
            .next(other)),
            Some(_) | None => Ok(()),
        }
    }

    /// Adds the component: its copy, and what the record says of it.
    ///
    /// # Errors
    /// `LOCKED` while another command is at work, `CONFIG_ERROR` when the name was taken meanwhile, `IO_ERROR` when something cannot be written; the project is then as it was.
    pub async fn add(
        &self,
        component: &Component,
        name: &str,
        grants: Vec<Grant>,
        placement: Option<Placement>,
        say: &(dyn Fn(String) + Sync),
        cancel: &Cancel,
    ) -> Result<Added, Failure> {
        let _guard = self.guard("chora plugin add", say, cancel).await?;
        let mut record = self.record()?;
        self.is_free(&record, component, name)?;
        let entry = entry(component, name, grants, placement);
        if let Some(there) = record.plugin(name) {
            let same = there.grants == entry.grants && there.placement == entry.placement;
            if !same {
                return Err(Failure::new(
                    Code::ConfigError,
                    format!("plugin `{name}` was added before, with other grants or another place"),
                )
                .next(format!("look at it with `chora plugin inspect {name}`"))
                .next(format!(
                    "to change it, remove it first with `chora plugin remove {name}`"
                )));
            }
            if entry.signature.is_some() && entry.signature != there.signature {
                let signed = LockedPlugin {
                    signature: entry.signature,
                    ..there.clone()
                };
                self.write(&mut record, signed, component)?;
                return Ok(Added::Signed);
            }
            self.keep(component)?;
            return Ok(Added::Unchanged);
        }
        self.write(&mut record, entry, component)?;
        Ok(Added::Added)
    }

    /// Writes the copy of a component and that of its signature, each unless it is there. Answers whether anything was written.
    pub(super) fn keep(&self, component: &Component) -> Result<bool, Failure> {
        let copy = keep_copy(&self.layout, component)?;
        let signature = self.keep_signature(component)?;
        Ok(copy || signature)
    }

    /// Puts an entry into the record, its copy and its signature before it. The guard is held.
    pub(super) fn write(
        &self,
        record: &mut PluginLock,
        entry: LockedPlugin,
        component: &Component,
    ) -> Result<(), Failure> {
        let before = record.clone();
        let after = entry.clone();
        record.put(entry);
        let written = self.keep(component).and_then(|_| {
            record
                .save(&self.layout.plugin_lock())
                .map_err(|error| report::file_failure(&error))
        });
        // Whichever record holds, a copy that it does not name does no harm where it cannot be deleted.
        if written.is_err() {
            let _left = delete_unnamed(&self.layout, &before, &after);
        } else if let Some(replaced) = before.plugin(&after.name) {
            let _left = delete_unnamed(&self.layout, record, replaced);
        }
        written
    }

    /// What the record says of a plugin that may be removed.
    ///
    /// # Errors
    /// `CONFIG_ERROR` when there is no such plugin, or when the configuration of any environment names it.
    pub fn removable(&self, name: &str) -> Result<LockedPlugin, Failure> {
        let record = self.record()?;
        let locked = record
            .plugin(name)
            .cloned()
            .ok_or_else(|| self.unknown(name, &record))?;
        self.is_unnamed(name)?;
        Ok(locked)
    }

    fn is_unnamed(&self, name: &str) -> Result<(), Failure> {
        let configs = chora_model::config::load_all(&self.options.source)
            .map_err(|error| report::config_failure(&error))?;
        for loaded in configs {
            let config = &loaded.config;
            let environment = &config.environment;
            let mut plugins = config.plugins.iter();
            let mut services = config.services.iter();
            let user = if plugins.any(|plugin| plugin.name == name && plugin.path.is_none()) {
                Some("has an entry for it under `plugins:`".to_owned())
            } else {
                services
                    .find(|service| service.health.plugin.as_deref() == Some(name))
                    .map(|service| {
                        format!("has it as the health check of service `{}`", service.name)
                    })
            };
            if let Some(user) = user {
                return Err(Failure::new(
                    Code::ConfigError,
                    format!("plugin `{name}` is in use: the configuration of environment `{environment}` {user}"),
                )
                .next("take that out of the configuration first"));
            }
        }
        Ok(())
    }

    /// Takes a plugin out of the record, and deletes its copy and its signature unless another plugin has the same. Answers whether the copy was deleted.
    ///
    /// # Errors
    /// As for [`Self::removable`], `LOCKED` while another command is at work, and `IO_ERROR` when the record cannot be written; it is then as it was.
    pub async fn remove(
        &self,
        name: &str,
        say: &(dyn Fn(String) + Sync),
        cancel: &Cancel,
    ) -> Result<bool, Failure> {
        let _guard = self.guard("chora plugin remove", say, cancel).await?;
        let mut record = self.record()?;
        self.is_unnamed(name)?;
        let Some(locked) = record.take(name) else {
            return Err(self.unknown(name, &record));
        };
        record
            .save(&self.layout.plugin_lock())
            .map_err(|error| report::file_failure(&error))?;
        delete_unnamed(&self.layout, &record, &locked)
    }
}

/// What the record says of a component.
pub(super) fn entry(
    component: &Component,
    name: &str,
    grants: Vec<Grant>,
    placement: Option<Placement>,
) -> LockedPlugin {
    let plugin: &Plugin = &component.plugin;
    LockedPlugin {
        name: name.to_owned(),
        version: plugin.metadata.version.clone(),
        source: component.source.clone(),
        sha256: plugin.digest.clone(),
        size: component.size,
        wit: plugin.wit.clone(),
        world: plugin.kind.world().to_owned(),
        signature: component.signature.as_ref().map(Signed::locked),
        placement,
        grants,
    }
}

/// Writes the copy of a component, unless the very same is there. Answers whether it was written.
fn keep_copy(layout: &Layout, component: &Component) -> Result<bool, Failure> {
    let path = layout.plugin(&component.plugin.digest);
    let there = file::read_capped(&path, component.size);
    if matches!(there, Ok(Some(bytes)) if hex_sha256(&bytes) == component.plugin.digest) {
        return Ok(false);
    }
    file::write_atomic(&path, &component.bytes, 0o644)
        .map_err(|error| report::file_failure(&error))?;
    Ok(true)
}

/// Deletes the copy of a plugin and its signature, each unless the record names it. Answers whether the copy is gone.
fn delete_unnamed(
    layout: &Layout,
    record: &PluginLock,
    locked: &LockedPlugin,
) -> Result<bool, Failure> {
    signature::delete(layout, record, locked)?;
    delete_copy(layout, record, &locked.sha256)
}

/// Deletes a copy, unless the record names it. Others are left alone: another branch of the project may have them on record. Answers whether it is gone.
fn delete_copy(layout: &Layout, record: &PluginLock, sha256: &str) -> Result<bool, Failure> {
    if record
        .plugins()
        .iter()
        .any(|plugin| plugin.sha256 == sha256)
    {
        return Ok(false);
    }
    file::remove(&layout.plugin(sha256)).map_err(|error| report::file_failure(&error))?;
    Ok(true)
}
