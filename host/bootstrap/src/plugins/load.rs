//! From a copy on the disk to a loaded plugin: the host, the bytes, their digest and who signed them.

use std::path::Path;
use std::sync::Arc;

use chora_model::config::Config;
use chora_model::file;
use chora_model::layout::Layout;
use chora_model::plugin_lock::LockedPlugin;
use chora_model::signature::Signer;
use chora_plugin_host::{CompileCache, HostOptions, Plugin, PluginError, PluginHost, hex_sha256};

use crate::trust::{self, LoadError};

/// A host that was set up.
pub(crate) struct Started {
    pub(crate) host: PluginHost,
    /// Why it does not keep compiled components, and what to do about that, where it was to.
    pub(crate) warning: Option<String>,
}

/// Sets a host up; one that cannot keep compiled components does without.
pub(crate) async fn set_up(cache: Option<CompileCache>) -> Result<Started, PluginError> {
    // Linking all host functions is work for the processor, so it gets a thread of its own.
    let made = tokio::task::spawn_blocking(move || {
        let with_cache = PluginHost::new(HostOptions {
            cache,
            ..HostOptions::default()
        });
        let (host, warning) = match with_cache {
            Err(error @ PluginError::Cache { .. }) => {
                let warning = format!(
                    "compiled plugins are not kept, so that each command compiles them anew: {error}"
                );
                (PluginHost::new(HostOptions::default())?, Some(warning))
            }
            made => (made?, None),
        };
        Ok(Started { host, warning })
    });
    made.await.unwrap_or_else(|error| {
        Err(PluginError::Host {
            plugin: String::new(),
            reason: format!("setting it up did not end: {error}"),
            source: None,
        })
    })
}

/// Loads the copy of an added plugin, if it is still what was added, and signed as the configuration asks for it. Answers by whom, where that was asked.
pub(crate) async fn load_added(
    config: &Config,
    layout: &Layout,
    locked: &LockedPlugin,
    host: &PluginHost,
) -> Result<(Arc<Plugin>, Option<Signer>), LoadError> {
    let (bytes, signer) = verified(config, layout, locked, host).await?;
    let plugin = host.load_pinned(&locked.name, &bytes, &locked.sha256);
    Ok((plugin.await?, signer))
}

/// The bytes of an added plugin, by their digest and by whom they are signed.
pub(crate) async fn verified(
    config: &Config,
    layout: &Layout,
    locked: &LockedPlugin,
    host: &PluginHost,
) -> Result<(Vec<u8>, Option<Signer>), LoadError> {
    let copy = layout.plugin(&locked.sha256);
    let bytes = copy_of(&locked.name, &copy, &locked.sha256, host).await?;
    let found = hex_sha256(&bytes);
    if found != locked.sha256 {
        return Err(LoadError::Plugin(PluginError::Changed {
            plugin: locked.name.clone(),
            expected: locked.sha256.clone(),
            found: Some(found),
        }));
    }
    let signer = trust::of_added(config, layout, locked, &bytes)?;
    Ok((bytes, signer))
}

/// Reads the copy of an added plugin. Its digest is looked at by who loads these very bytes.
async fn copy_of(
    name: &str,
    copy: &Path,
    sha256: &str,
    host: &PluginHost,
) -> Result<Vec<u8>, PluginError> {
    let most = u64::try_from(host.limits().component).unwrap_or(u64::MAX);
    let path = copy.to_owned();
    let read = tokio::task::spawn_blocking(move || file::read_capped(&path, most));
    let invalid = |reason: String| PluginError::Invalid {
        plugin: name.to_owned(),
        reason,
        source: None,
    };
    match read.await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(PluginError::Changed {
            plugin: name.to_owned(),
            expected: sha256.to_owned(),
            found: None,
        }),
        Ok(Err(error)) => Err(invalid(format!(
            "its copy cannot be read: {error}: {}",
            error.source
        ))),
        Err(error) => Err(invalid(format!("reading it did not end: {error}"))),
    }
}
