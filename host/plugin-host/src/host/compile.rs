//! From a component's bytes to machine code: taken from the cache, or compiled in the time that there is for it.
//!
//! Cranelift cannot be interrupted. What is not done in time is given up: nobody waits for it any more, what comes of it is thrown away, and the same bytes are not tried again by this
//! host. Its threads end with their work or with chora, whichever is first.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

use rayon::ThreadPoolBuilder;
use tokio::sync::oneshot;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::PluginHost;
use super::cache::Cache;
use crate::PluginError;
use crate::output::clean_line;

/// The most threads that one component is compiled on.
const THREADS: usize = 8;
/// The longest that is told of one thing that wasmtime says, in characters.
const MESSAGE: usize = 1_000;
/// The most things that are told of what wasmtime says.
const CAUSES: usize = 10;

/// The components that were not compiled in time, by their SHA-256.
#[derive(Default)]
pub(super) struct GivenUp(Mutex<HashSet<String>>);

impl GivenUp {
    fn has(&self, digest: &str) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.contains(digest)
    }

    fn add(&self, digest: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(digest.to_owned());
    }
}

impl PluginHost {
    /// The component of these bytes, whose SHA-256 this is.
    pub(super) async fn compile(
        &self,
        name: &str,
        bytes: &[u8],
        digest: &str,
    ) -> Result<Component, PluginError> {
        if self.inner.given_up.has(digest) {
            return Err(self.late(name));
        }
        let compiled = self.compile_for(&self.inner.engine, name, bytes, digest);
        let compiled = compiled.await;
        if let Err(PluginError::NotCompiled { .. }) = compiled {
            self.inner.given_up.add(digest);
        }
        compiled
    }

    /// The same for an engine that need not be the one of all plugins.
    pub(super) async fn compile_for(
        &self,
        engine: &Engine,
        name: &str,
        bytes: &[u8],
        digest: &str,
    ) -> Result<Component, PluginError> {
        let failed = |source| PluginError::Host {
            plugin: name.to_owned(),
            reason: "compiling it did not end".to_owned(),
            source: Some(source),
        };
        if let Some(cache) = &self.inner.cache {
            let taken = kept(engine, cache, digest).await;
            if let Some(component) = taken.map_err(failed)? {
                return Ok(component);
            }
        }
        let compiled = compiled(engine, bytes).map_err(|error| failed(error.into()))?;
        let Ok(ended) = tokio::time::timeout(self.inner.limits.compile, compiled).await else {
            return Err(self.late(name));
        };
        let component = ended
            .map_err(|error| failed(error.into()))?
            .map_err(|source| PluginError::Invalid {
                plugin: name.to_owned(),
                reason: "it is not a valid WebAssembly component".to_owned(),
                source: Some(told(&source)),
            })?;
        if let Some(cache) = &self.inner.cache {
            keep(engine, cache, digest, &component)
                .await
                .map_err(failed)?;
        }
        Ok(component)
    }

    fn late(&self, name: &str) -> PluginError {
        PluginError::NotCompiled {
            plugin: name.to_owned(),
            limit: self.inner.limits.compile,
        }
    }
}

async fn kept(engine: &Engine, cache: &Cache, digest: &str) -> wasmtime::Result<Option<Component>> {
    let (cache, engine, digest) = (cache.clone(), engine.clone(), digest.to_owned());
    let take = move || cache.entry(&engine, &digest).take(&engine);
    Ok(tokio::task::spawn_blocking(take).await?)
}

async fn keep(
    engine: &Engine,
    cache: &Cache,
    digest: &str,
    component: &Component,
) -> wasmtime::Result<()> {
    let (cache, engine, digest) = (cache.clone(), engine.clone(), digest.to_owned());
    let component = component.clone();
    let put = move || cache.entry(&engine, &digest).put(&component);
    Ok(tokio::task::spawn_blocking(put).await?)
}

/// Begins to compile, on threads of its own: those that all share could be taken up by one component, and the others would wait for it. A runtime that ends does not wait for them.
fn compiled(
    engine: &Engine,
    bytes: &[u8],
) -> Result<oneshot::Receiver<wasmtime::Result<Component>>, rayon::ThreadPoolBuildError> {
    let threads = available_parallelism().map_or(1, usize::from);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads.min(THREADS))
        .thread_name(|number| format!("compile-{number}"))
        // Whoever waits learns of it by the sender that is gone.
        .panic_handler(|_panic| {})
        .build()?;
    let (done, compiled) = oneshot::channel();
    let (engine, bytes) = (engine.clone(), bytes.to_owned());
    pool.spawn(move || {
        // Only a WebAssembly component is accepted here: precompiled native code would be run as it is.
        let component = Component::from_binary(&engine, &bytes);
        // Nobody may be waiting any more.
        let _late = done.send(component);
    });
    Ok(compiled)
}

/// What wasmtime says of a component quotes the component's own names, so it is cleaned and cut as all is that a plugin says.
pub(super) fn told(error: &wasmtime::Error) -> wasmtime::Error {
    let causes = error.chain().take(CAUSES);
    let mut causes: Vec<String> = causes
        .map(|cause| clean_line(&cause.to_string(), MESSAGE))
        .collect();
    let last = causes.pop().unwrap_or_default();
    let mut told = wasmtime::Error::msg(last);
    while let Some(cause) = causes.pop() {
        told = told.context(cause);
    }
    told
}
