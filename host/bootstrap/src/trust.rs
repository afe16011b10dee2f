//! Whether a plugin may be loaded at all: where the configuration lists keys, the very bytes that are loaded must be signed with one of them. Asked at every load, before anything is compiled.

use std::path::{Path, PathBuf};

use chora_model::config::Config;
use chora_model::failure::{Code, Failure};
use chora_model::file::{self, FileError};
use chora_model::layout::Layout;
use chora_model::plugin_lock::LockedPlugin;
use chora_model::signature::{MOST, SUFFIX, SignatureError, Signer};
use chora_plugin_host::PluginError;

use crate::report;

/// Why a plugin is not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// It cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// It is not even looked at.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
}

/// A plugin is not signed as the configuration asks for it.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}` is not trusted: {reason}")]
pub(crate) struct Untrusted {
    pub(crate) plugin: String,
    pub(crate) origin: Origin,
    #[source]
    pub(crate) reason: Reason,
}

/// Where the plugin is, which says what can be done.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// It is about to be added.
    Offered,
    /// It was added.
    Added,
    /// The configuration names its file.
    File(PathBuf),
}

/// What is wrong with the signature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    /// There is none.
    #[error("it is not signed: {0}")]
    Unsigned(String),
    /// The file cannot be read.
    #[error("its signature cannot be read: {error}: {}", error.source)]
    Unreadable {
        /// Why.
        error: FileError,
    },
    /// It does not count.
    #[error("{0}")]
    Wrong(SignatureError),
    /// It is good, and by another key than the record says.
    #[error("its signature is by {found}, and by key id {recorded} in the record")]
    Other { recorded: String, found: Signer },
}

impl Untrusted {
    /// The failure that the user is told of.
    pub(crate) fn failure(&self) -> Failure {
        let mut failure = Failure::new(Code::PluginUntrusted, self.to_string());
        let name = &self.plugin;
        failure.plugin = Some(name.clone());
        let next = &mut failure.next_actions;
        if let Reason::Wrong(SignatureError::UnknownKey { .. }) = self.reason {
            next.push(
                "list the key under `plugin_keys:` in the configuration if you know whose it is and trust it"
                    .to_owned(),
            );
        }
        match &self.origin {
            Origin::Offered => {
                next.push(
                    "ask its author for a signature by a key that the configuration lists"
                        .to_owned(),
                );
                next.push(format!(
                    "where the signature is not beside the component (at its place with `{SUFFIX}` after it, or in its manifest in a registry), name it with `--signature`"
                ));
            }
            Origin::Added => {
                next.push(format!(
                    "take the component and its signature anew from where they came from with `chora plugin update {name}`, or another signature with `--signature`"
                ));
                next.push(format!("or take it out with `chora plugin remove {name}`"));
            }
            Origin::File(path) => {
                next.push(format!(
                    "look at the component, and have it signed with a key that the configuration lists: `minisign -S -m {}`",
                    path.display()
                ));
                next.push(format!(
                    "or leave plugin `{name}` out with `enabled: false`"
                ));
            }
        }
        failure
    }
}

impl LoadError {
    /// The failure that the user is told of.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Plugin(error) => report::load_failure(error),
            Self::Untrusted(error) => error.failure(),
        }
    }

    /// The same for who knows of plugins only that they cannot be used.
    pub(crate) fn into_plugin_error(self) -> PluginError {
        match self {
            Self::Plugin(error) => error,
            Self::Untrusted(error) => PluginError::Invalid {
                plugin: error.plugin,
                reason: error.reason.to_string(),
                source: None,
            },
        }
    }
}

/// Who signed a component that is about to be added.
pub(crate) fn of_offer(
    config: &Config,
    label: &str,
    bytes: &[u8],
    signature: &[u8],
) -> Result<Signer, Untrusted> {
    let signer = config.plugin_keys.signer(bytes, signature);
    signer.map_err(|error| Untrusted {
        plugin: label.to_owned(),
        origin: Origin::Offered,
        reason: Reason::Wrong(error),
    })
}

/// Who signed the copy of an added plugin; nobody where nothing has to be signed.
pub(crate) fn of_added(
    config: &Config,
    layout: &Layout,
    locked: &LockedPlugin,
    bytes: &[u8],
) -> Result<Option<Signer>, Untrusted> {
    if config.plugin_keys.is_empty() {
        return Ok(None);
    }
    let found = match &locked.signature {
        None => Err(Reason::Unsigned(
            "it was added without a signature".to_owned(),
        )),
        Some(recorded) => {
            let path = layout.plugin_signature(&locked.sha256, &recorded.key_id);
            let found = signer(config, &path, bytes);
            found.and_then(|found| match found.key_id == recorded.key_id {
                true => Ok(found),
                false => Err(Reason::Other {
                    recorded: recorded.key_id.clone(),
                    found,
                }),
            })
        }
    };
    found.map(Some).map_err(|reason| Untrusted {
        plugin: locked.name.clone(),
        origin: Origin::Added,
        reason,
    })
}

/// Who signed a component whose file the configuration names; nobody where nothing has to be signed.
pub(crate) fn of_file(
    config: &Config,
    name: &str,
    path: &Path,
    bytes: &[u8],
) -> Result<Option<Signer>, Untrusted> {
    if config.plugin_keys.is_empty() {
        return Ok(None);
    }
    let found = signer(config, &beside(path), bytes);
    found.map(Some).map_err(|reason| Untrusted {
        plugin: name.to_owned(),
        origin: Origin::File(path.to_owned()),
        reason,
    })
}

/// Where the signature of a component is looked for.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

fn signer(config: &Config, path: &Path, bytes: &[u8]) -> Result<Signer, Reason> {
    match file::read_capped(path, MOST) {
        Ok(Some(signature)) => {
            let signer = config.plugin_keys.signer(bytes, &signature);
            signer.map_err(Reason::Wrong)
        }
        Ok(None) => Err(Reason::Unsigned(format!(
            "there is no `{}`",
            path.display()
        ))),
        Err(error) => Err(Reason::Unreadable { error }),
    }
}
