//! The signature of a component that is added: where it is read from, whether it is good, and the copy of it that is kept beside the component's. Without keys in the configuration there is
//! nothing to compare a signature with, so that none is read or kept.

use chora_model::failure::{Code, Failure};
use chora_model::file;
use chora_model::layout::Layout;
use chora_model::plugin_lock::{LockedPlugin, LockedSignature, PluginLock};
use chora_model::signature::{MOST, SUFFIX, Signer};
use url::Url;

use super::fetch::{Doing, Fetched, Kind, REGISTRY_SCHEME, fetch};
use super::{Component, Store};
use crate::report;
use crate::trust::{self, Origin, Reason, Untrusted};

/// A signature that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Who signed.
    pub signer: Signer,
    /// Where it came from; absent where that is beside the component.
    source: Option<String>,
    has_query: bool,
    bytes: Vec<u8>,
}

impl Signed {
    /// What is recorded of it.
    pub(super) fn locked(&self) -> LockedSignature {
        LockedSignature {
            by: self.signer.name.clone(),
            key_id: self.signer.key_id.clone(),
            source: self.source.clone(),
        }
    }

    pub(super) fn warning(&self) -> Option<String> {
        self.has_query.then(|| {
            "the URL of its signature has a query, which is recorded for all who can read the project"
                .to_owned()
        })
    }
}

impl Store {
    /// Refuses a signature that nobody could check.
    pub(super) fn can_be_signed(&self, signature: Option<&str>) -> Result<(), Failure> {
        if signature.is_none() || !self.config.plugin_keys.is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            Code::ConfigError,
            "the configuration lists no key with which a signature could be checked",
        )
        .next("list the author's key under `plugin_keys:` in the configuration, or leave `--signature` out"))
    }

    /// Reads the signature of a component, from `given` or from beside it, and checks it; nothing where the configuration lists no keys.
    pub(super) async fn signature_of(
        &self,
        component: &Fetched,
        given: Option<&str>,
        hear: &(dyn Fn(Doing) + Sync),
    ) -> Result<Option<Signed>, Failure> {
        if self.config.plugin_keys.is_empty() {
            return Ok(None);
        }
        let place = given.map_or_else(|| beside(&component.source), str::to_owned);
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        let project = &self.layout.project;
        let fetched = match fetch(project, &place, Kind::Signature, most, hear).await {
            Ok(fetched) => fetched,
            Err(missing) if missing.is_absent && given.is_none() => {
                let untrusted = Untrusted {
                    plugin: component.label.clone(),
                    origin: Origin::Offered,
                    reason: Reason::Unsigned(missing.failure.message),
                };
                return Err(untrusted.failure());
            }
            Err(unfetched) => return Err(unfetched.failure),
        };
        let signer = trust::of_offer(
            &self.config,
            &component.label,
            &component.bytes,
            &fetched.bytes,
        )
        .map_err(|untrusted| untrusted.failure())?;
        Ok(Some(Signed {
            signer,
            has_query: given.is_some() && fetched.warning.is_some(),
            source: given.map(|_| fetched.source),
            bytes: fetched.bytes,
        }))
    }

    /// Writes the copy of a component's signature, unless a good one by the same key is there. Answers whether it was written.
    pub(super) fn keep_signature(&self, component: &Component) -> Result<bool, Failure> {
        let Some(signed) = &component.signature else {
            return Ok(false);
        };
        let key_id = &signed.signer.key_id;
        let path = self
            .layout
            .plugin_signature(&component.plugin.digest, key_id);
        if let Ok(Some(there)) = file::read_capped(&path, MOST) {
            let signer = self.config.plugin_keys.signer(&component.bytes, &there);
            if signer.is_ok_and(|signer| signer.key_id == *key_id) {
                return Ok(false);
            }
        }
        file::write_atomic(&path, &signed.bytes, 0o644)
            .map_err(|error| report::file_failure(&error))?;
        Ok(true)
    }
}

/// Deletes the copy of a plugin's signature, unless the record names it.
pub(super) fn delete(
    layout: &Layout,
    record: &PluginLock,
    locked: &LockedPlugin,
) -> Result<(), Failure> {
    let Some(signature) = &locked.signature else {
        return Ok(());
    };
    let is_named = record.plugins().iter().any(|other| {
        let key_id = other.signature.as_ref().map(|other| &other.key_id);
        other.sha256 == locked.sha256 && key_id == Some(&signature.key_id)
    });
    if is_named {
        return Ok(());
    }
    let path = layout.plugin_signature(&locked.sha256, &signature.key_id);
    file::remove(&path).map_err(|error| report::file_failure(&error))?;
    Ok(())
}

/// Where the signature of a component from this source is: what follows the path of a URL is no part of the name, and in a registry it is with the component.
fn beside(source: &str) -> String {
    if source.starts_with(REGISTRY_SCHEME) {
        return source.to_owned();
    }
    match Url::parse(source) {
        Ok(mut url) if source.contains("://") => {
            url.set_path(&format!("{}{SUFFIX}", url.path()));
            url.set_fragment(None);
            url.to_string()
        }
        Ok(_) | Err(_) => format!("{source}{SUFFIX}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_beside_its_component_and_keeps_the_query() {
        for (source, expected) in [
            ("x.wasm", "x.wasm.minisig"),
            ("./a b/x.wasm", "./a b/x.wasm.minisig"),
            ("c:x.wasm", "c:x.wasm.minisig"),
            ("oci://host.example/x:1", "oci://host.example/x:1"),
            ("https://host/x.wasm", "https://host/x.wasm.minisig"),
            (
                "https://host/a%20b/x.wasm?token=a.b#c",
                "https://host/a%20b/x.wasm.minisig?token=a.b",
            ),
        ] {
            assert_eq!(beside(source), expected);
        }
    }
}
