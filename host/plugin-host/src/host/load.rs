//! Loading a component: from bytes to a plugin that has described itself.

use std::sync::Arc;

use chora_model::plan::StepKey;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::compile::told;
use super::{PluginHost, Pooled};
use crate::PluginError;
use crate::bindings::health_check::HealthPluginPre;
use crate::bindings::observer::ObserverPluginPre;
use crate::bindings::phase::PhasePluginPre;
use crate::call::CallParts;
use crate::gate::Mode;
use crate::output::clean_line;
use crate::plugin::{Metadata, PACKAGE, Plugin, PluginKind, Pre, VERSIONS, served};

/// The interfaces of the package that a plugin can import.
const INTERFACES: &[&str] = &[
    "credentials",
    "docker",
    "health",
    "http",
    "machine",
    "progress",
    "services",
    "settings",
    "tcp",
    "types",
];
/// The longest name of an import or export that is taken as it is, in characters.
const NAME: usize = 200;
/// The most names that are told in one sentence.
const NAMES: usize = 5;
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
        let digest = hex_sha256(bytes);
        let component = self.compile(name, bytes, &digest).await?;
        let Interfaces {
            imports,
            called,
            exports,
        } = self.interfaces(&component);
        if let Some(other) = of_another_version(imports.iter().chain(&exports)) {
            let reason = format!(
                "it is made for `chora:bootstrap@{other}`, and this chora serves {}",
                served()
            );
            return Err(invalid(reason, None));
        }
        let (kind, version) = kind(&exports).ok_or_else(|| {
            let reason = match exports.iter().find(|name| name.starts_with(PACKAGE)) {
                Some(other) => format!("it exports `{other}`, which is of no world of plugins"),
                None => {
                    let names =
                        PluginKind::ALL.map(|kind| format!("`{PACKAGE}{}`", kind.interface()));
                    format!(
                        "it is a component, but exports none of {}",
                        names.join(", ")
                    )
                }
            };
            invalid(reason, None)
        })?;
        let pre = self.inner.linker.instantiate_pre(&component).map_err(|source| {
            let reason = match unknown(&imports).as_slice() {
                [] => "its imports do not fit what this chora offers".to_owned(),
                unknown => format!(
                    "it imports {}, which this chora does not offer (it has {}, and of WASI 0.2 clocks, random and output)",
                    some(unknown),
                    served()
                ),
            };
            invalid(reason, Some(told(&source)))
        })?;
        let unfit = |source| {
            let reason = "its exports do not fit its world".to_owned();
            invalid(reason, Some(told(&source)))
        };
        let pre = match kind {
            PluginKind::Phase => Pre::Phase(PhasePluginPre::new(pre).map_err(unfit)?),
            PluginKind::Health => Pre::Health(HealthPluginPre::new(pre).map_err(unfit)?),
            PluginKind::Observer => Pre::Observer(ObserverPluginPre::new(pre).map_err(unfit)?),
        };
        let mut plugin = Plugin {
            name: name.to_owned(),
            digest,
            kind,
            wit: format!("chora:bootstrap@{version}"),
            imports: called,
            exports,
            metadata: Metadata {
                name: String::new(),
                version: String::new(),
                summary: String::new(),
                grants: Vec::new(),
            },
            pooled: match kind {
                PluginKind::Health => Pooled::later(bytes),
                PluginKind::Phase | PluginKind::Observer => Pooled::default(),
            },
            pre,
        };
        plugin.metadata = self.describe(&plugin).await?;
        Ok(Arc::new(plugin))
    }

    /// The same, for bytes that must be those with this SHA-256: others are not even compiled.
    pub async fn load_pinned(
        &self,
        name: &str,
        bytes: &[u8],
        sha256: &str,
    ) -> Result<Arc<Plugin>, PluginError> {
        let found = hex_sha256(bytes);
        if found != sha256 {
            return Err(PluginError::Changed {
                plugin: name.to_owned(),
                expected: sha256.to_owned(),
                found: Some(found),
            });
        }
        self.load(name, bytes).await
    }

    fn interfaces(&self, component: &Component) -> Interfaces {
        let all = component.component_type();
        let engine = &self.inner.engine;
        let mut imports = Vec::new();
        let mut called = Vec::new();
        for (name, import) in all.imports(engine) {
            let name = clean_line(name, NAME);
            if self.has_functions(&import.ty) {
                called.push(name.clone());
            }
            imports.push(name);
        }
        let exports = all.exports(engine).map(|(name, _)| clean_line(name, NAME));
        Interfaces {
            imports,
            called,
            exports: exports.collect(),
        }
    }

    /// An interface may be there for its types alone: `credentials`, for the type of an argument of `http`.
    fn has_functions(&self, import: &ComponentItem) -> bool {
        let is_type = |item: &ComponentItem| {
            matches!(item, ComponentItem::Type(_) | ComponentItem::Resource(_))
        };
        match import {
            ComponentItem::ComponentInstance(interface) => !interface
                .exports(&self.inner.engine)
                .all(|(_, item)| is_type(&item.ty)),
            other => !is_type(other),
        }
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
            Pre::Observer(pre) => {
                tokio::time::timeout(limit, async {
                    let guest = pre.instantiate_async(&mut open.store).await?;
                    let guest = guest.chora_bootstrap_observer();
                    guest.call_describe(&mut open.store).await.map(Ok)
                })
                .await
            }
        };
        open.settle(ended).map(Metadata::from)
    }
}

/// The names of what a component imports and exports, fit for a terminal: a name that was cut is none of those that a plugin needs.
struct Interfaces {
    imports: Vec<String>,
    /// Those imports that have functions.
    called: Vec<String>,
    exports: Vec<String>,
}

/// Which world a component is made for, by what it exports, and in which version of the package.
fn kind(exports: &[String]) -> Option<(PluginKind, &str)> {
    let mut ours = exports.iter().filter_map(|name| parts(name));
    ours.find_map(|(interface, version)| {
        let mut kinds = PluginKind::ALL.into_iter();
        let kind = kinds.find(|kind| kind.interface() == interface)?;
        Some((kind, version))
    })
}

/// Interface and version of a name of the package: `http` and `0.1.0` of `chora:bootstrap/http@0.1.0`.
fn parts(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

/// A version of the package that a component is made for and this chora does not serve. One that is newer than it on the same track may rest on what this chora does not do.
fn of_another_version<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let mut versions = names
        .filter_map(|name| parts(name))
        .map(|(_, version)| version);
    versions.find(|version| !VERSIONS.contains(version))
}

/// The first of many names, and how many more there are.
fn some(names: &[String]) -> String {
    let first: Vec<String> = names
        .iter()
        .take(NAMES)
        .map(|name| format!("`{name}`"))
        .collect();
    let first = first.join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// The imports that this chora does not offer.
fn unknown(imports: &[String]) -> Vec<String> {
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
        in_wasi || parts(name).is_some_and(|(name, _)| INTERFACES.contains(&name))
    };
    let unknown = imports.iter().filter(|name| !offered(name));
    unknown.cloned().collect()
}

/// SHA-256 of these bytes, hex in lower case.
pub fn hex_sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}
