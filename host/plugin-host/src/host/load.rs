//! Loading a component: from bytes to a plugin that has described itself.

use std::sync::Arc;

use chora_model::plan::StepKey;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::PluginHost;
use crate::PluginError;
use crate::bindings::health_check::HealthPluginPre;
use crate::bindings::phase::PhasePluginPre;
use crate::call::CallParts;
use crate::gate::Mode;
use crate::plugin::{Metadata, Plugin, PluginKind, Pre};

/// What phase plugins export.
const PHASE: &str = "chora:bootstrap/phase@0.1.0";
/// What health plugins export.
const HEALTH_CHECK: &str = "chora:bootstrap/health-check@0.1.0";
/// How a core module's bytes begin.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

impl PluginHost {
    /// Compiles a component, or takes it from the cache, and lets it describe itself with nothing granted.
    pub async fn load(&self, name: &str, bytes: &[u8]) -> Result<Arc<Plugin>, PluginError> {
        let invalid = |reason: String, source| PluginError::Invalid {
            plugin: name.to_owned(),
            reason,
            source,
        };
        if bytes.len() > self.inner.limits.component {
            let reason = format!(
                "the file has {} bytes, and {} are the most",
                bytes.len(),
                self.inner.limits.component
            );
            return Err(invalid(reason, None));
        }
        if bytes.starts_with(CORE_MODULE) {
            let reason = "it is a core module and no component; in Rust, `cargo build --target wasm32-wasip2` makes a component".to_owned();
            return Err(invalid(reason, None));
        }
        let component = self.compile(name, bytes).await?;
        let kind = self.kind(&component).ok_or_else(|| {
            let reason =
                format!("it is a component, but exports neither `{PHASE}` nor `{HEALTH_CHECK}`");
            invalid(reason, None)
        })?;
        let pre = self.inner.linker.instantiate_pre(&component).map_err(|source| {
            let reason = match self.unknown_imports(&component).as_slice() {
                [] => "its imports do not fit what this chora offers".to_owned(),
                unknown => format!(
                    "it imports `{}`, which this chora does not offer (it has `chora:bootstrap@0.1.0`, and of WASI 0.2 clocks, random and output)",
                    unknown.join("`, `")
                ),
            };
            invalid(reason, Some(source))
        })?;
        let unfit = |source| invalid("its exports do not fit its world".to_owned(), Some(source));
        let pre = match kind {
            PluginKind::Phase => Pre::Phase(PhasePluginPre::new(pre).map_err(unfit)?),
            PluginKind::Health => Pre::Health(HealthPluginPre::new(pre).map_err(unfit)?),
        };
        let digest = Sha256::digest(bytes);
        let mut plugin = Plugin {
            name: name.to_owned(),
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            kind,
            metadata: Metadata {
                name: String::new(),
                version: String::new(),
                summary: String::new(),
                grants: Vec::new(),
            },
            pre,
        };
        plugin.metadata = self.describe(&plugin).await?;
        Ok(Arc::new(plugin))
    }

    async fn compile(&self, name: &str, bytes: &[u8]) -> Result<Component, PluginError> {
        let engine = self.inner.engine.clone();
        let bytes = bytes.to_vec();
        // Only a WebAssembly component is accepted here: precompiled native code would be run as it is.
        let compiled =
            tokio::task::spawn_blocking(move || Component::from_binary(&engine, &bytes)).await;
        match compiled {
            Ok(Ok(component)) => Ok(component),
            Ok(Err(source)) => Err(PluginError::Invalid {
                plugin: name.to_owned(),
                reason: "it is not a valid WebAssembly component".to_owned(),
                source: Some(source),
            }),
            Err(source) => Err(PluginError::Host {
                plugin: name.to_owned(),
                reason: "compiling it did not end".to_owned(),
                source: Some(wasmtime::Error::new(source)),
            }),
        }
    }

    fn kind(&self, component: &Component) -> Option<PluginKind> {
        let kinds = component.component_type();
        kinds
            .exports(&self.inner.engine)
            .find_map(|(name, _)| match name {
                PHASE => Some(PluginKind::Phase),
                HEALTH_CHECK => Some(PluginKind::Health),
                _ => None,
            })
    }

    fn unknown_imports(&self, component: &Component) -> Vec<String> {
        let offered = |name: &str| {
            let in_wasi = [
                "wasi:io/",
                "wasi:clocks/",
                "wasi:random/",
                "wasi:cli/",
                "wasi:filesystem/",
            ]
            .iter()
            .any(|part| name.starts_with(part) && name.contains("@0.2."));
            let in_chora = name.starts_with("chora:bootstrap/") && name.ends_with("@0.1.0");
            in_wasi || in_chora
        };
        component
            .component_type()
            .imports(&self.inner.engine)
            .filter(|(name, item)| {
                let _: &ComponentItem = &item.ty;
                !offered(name)
            })
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    async fn describe(&self, plugin: &Plugin) -> Result<Metadata, PluginError> {
        let parts = CallParts {
            scene: None,
            grants: Arc::default(),
            settings: Arc::default(),
            caller: StepKey(plugin.name.clone()),
            digest: plugin.digest.clone(),
            mode: Mode::Look,
            probed: None,
            intent: None,
            outstanding: crate::Outstanding::default(),
        };
        let limit = self.inner.limits.call;
        let mut open = self.open(&plugin.name, "describe".to_owned(), parts, limit)?;
        let ended = match &plugin.pre {
            Pre::Phase(pre) => {
                tokio::time::timeout(limit, async {
                    let guest = pre.instantiate_async(&mut open.store).await?;
                    let guest = guest.chora_bootstrap_phase();
                    guest.call_describe(&mut open.store).await.map(Ok)
                })
                .await
            }
            Pre::Health(pre) => {
                tokio::time::timeout(limit, async {
                    let guest = pre.instantiate_async(&mut open.store).await?;
                    let guest = guest.chora_bootstrap_health_check();
                    guest.call_describe(&mut open.store).await.map(Ok)
                })
                .await
            }
        };
        open.settle(ended).map(Metadata::from)
    }
}
