//! A component, looked at before anything is decided: what it is, what it imports, what it asks for and why, and whether it can be added at all.

use std::sync::Arc;

use chora_model::failure::{Code, Failure};
use chora_model::grant::Grant;
use chora_plugin_host::{Plugin, PluginError, served};

use super::fetch::{Doing, Kind, fetch};
use super::{Signed, Store};
use crate::report::{self, AGAIN};

/// The interfaces of the package for which there are grants.
const GRANTED: &[&str] = &[
    "services",
    "health",
    "http",
    "tcp",
    "credentials",
    "machine",
    "docker",
];

/// A component that can be added.
pub struct Component {
    /// The component, loaded and described.
    pub plugin: Arc<Plugin>,
    /// Where it came from, as it is recorded.
    pub source: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its signature, where the configuration asks for one.
    pub signature: Option<Signed>,
    /// What it asks for.
    pub wishes: Vec<Wish>,
    /// What deserves attention.
    pub warnings: Vec<String>,
    pub(super) bytes: Vec<u8>,
}

/// A grant that a component asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// The grant.
    pub grant: Grant,
    /// The author's reason.
    pub reason: String,
}

impl Store {
    /// Reads a component, compiles it into the cache and lets it describe itself with nothing granted. `hear` is told what takes its time. Nothing is added by it.
    ///
    /// Where the configuration lists keys, its signature is read first, from beside it or from `signature`, and bytes that are not signed with one of the keys are not compiled.
    ///
    /// # Errors
    /// `FETCH_FAILED` when a URL gives none, `PLUGIN_UNTRUSTED` when it is not signed as the configuration asks for it, `PLUGIN_INVALID` and its siblings when it is none that this chora can run, `CONFIG_ERROR` when there is no such source.
    pub async fn examine(
        &self,
        source: &str,
        signature: Option<&str>,
        hear: &(dyn Fn(Doing) + Sync),
    ) -> Result<Component, Failure> {
        self.can_be_signed(signature)?;
        let host = self.host().await?;
        let most = host.limits().component;
        let fetched = fetch(&self.layout.project, source, Kind::Component, most, hear)
            .await
            .map_err(|unfetched| unfetched.failure)?;
        let signature = self.signature_of(&fetched, signature, hear).await?;
        let size = u64::try_from(fetched.bytes.len()).unwrap_or(u64::MAX);
        hear(Doing::Compiling { size });
        let plugin = host
            .load(&fetched.label, &fetched.bytes)
            .await
            .map_err(|error| unusable(&error))?;
        let wishes = wishes(&plugin)?;
        let mut warnings = fits(&plugin, &wishes)?;
        warnings.extend(fetched.warning);
        warnings.extend(signature.as_ref().and_then(Signed::warning));
        Ok(Component {
            plugin,
            source: fetched.source,
            size,
            signature,
            wishes,
            warnings,
            bytes: fetched.bytes,
        })
    }
}

/// A component that cannot be loaded or described. Nothing of it was added, so there is nothing to leave out either.
fn unusable(error: &PluginError) -> Failure {
    let mut failure = report::load_failure(error);
    match error {
        PluginError::Invalid { .. } => {
            failure.next_actions = vec![format!(
                "give it a component for {}: docs/plugins.md says how one is made",
                served()
            )];
        }
        PluginError::NotCompiled { .. } => {
            failure.next_actions = vec![
                AGAIN.to_owned(),
                "or tell the author of the component that it has too much code, or functions that are too big"
                    .to_owned(),
            ];
        }
        PluginError::Trapped { .. }
        | PluginError::TimedOut { .. }
        | PluginError::Limit { .. }
        | PluginError::Denied { .. }
        | PluginError::Guest { .. } => {
            failure.next_actions = vec![authors("with the details")];
        }
        PluginError::Changed { .. } | PluginError::Cache { .. } | PluginError::Host { .. } => {}
    }
    failure
}

fn authors(what: &str) -> String {
    format!("tell the author of the component, {what}")
}

pub(super) fn wishes(plugin: &Plugin) -> Result<Vec<Wish>, Failure> {
    let asked = plugin.metadata.grants.iter().map(|request| {
        let grant = Grant::parse(&request.grant).map_err(|error| {
            let mut failure = Failure::new(
                Code::PluginInvalid,
                format!(
                    "plugin `{}` asks for something that is no grant: {error}",
                    plugin.name
                ),
            );
            failure.plugin = Some(plugin.name.clone());
            failure.next(authors(
                "who may have written it for a newer chora than this one",
            ))
        })?;
        Ok(Wish {
            grant,
            reason: request.reason.clone(),
        })
    });
    asked.collect()
}

/// Imports and wishes against each other: an import that was never asked for could only ever be refused; a wish without an import says that somebody wants more than is needed.
fn fits(plugin: &Plugin, wishes: &[Wish]) -> Result<Vec<String>, Failure> {
    let imported: Vec<&str> = plugin
        .imports
        .iter()
        .filter_map(|name| interface(name))
        .filter(|name| GRANTED.contains(name))
        .collect();
    let asked = |name: &str| wishes.iter().any(|wish| wish.grant.capability() == name);
    // `http` knows one of its types, for which the tools of some languages import all of it.
    let brought = |name: &str| name == "credentials" && imported.contains(&"http");
    let silent: Vec<String> = imported
        .iter()
        .filter(|name| !asked(name) && !brought(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if !silent.is_empty() {
        let mut failure = Failure::new(
            Code::PluginInvalid,
            format!(
                "plugin `{}` imports {}, and asks for no grant for that",
                plugin.name,
                silent.join(", ")
            ),
        );
        failure.plugin = Some(plugin.name.clone());
        let failure = failure.next(authors(
            "whose `describe` has to ask for everything that the plugin calls",
        ));
        return Err(failure.next(
            "if its tools import every interface of a world: build it for a world that has only those which it calls (docs/plugins.md, \"In other languages\")",
        ));
    }
    let idle = wishes
        .iter()
        .filter(|wish| !imported.contains(&wish.grant.capability()));
    Ok(idle
        .map(|wish| {
            format!(
                "it asks for `{}` and does not import `{}`, so it cannot use it",
                wish.grant,
                wish.grant.capability()
            )
        })
        .collect())
}

/// The short name of an interface of the package: `http` of `chora:bootstrap/http@0.1.0`.
fn interface(import: &str) -> Option<&str> {
    let rest = import.strip_prefix("chora:bootstrap/")?;
    rest.split('@').next()
}
