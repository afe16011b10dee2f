//! An engine that pretends: services run because a test says so.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chora_engine::{
    Engine, EngineError, ExecOutput, Exit, LogLines, RunState, SecretEnv, ServiceSpec, Started,
    Status,
};
use tokio::sync::watch;

/// The engine.
pub(crate) struct Pretended {
    services: Mutex<BTreeMap<String, RunState>>,
    /// What was removed, in order.
    pub(crate) removed: Mutex<Vec<String>>,
    changed: watch::Sender<()>,
}

impl Default for Pretended {
    fn default() -> Self {
        Self {
            services: Mutex::default(),
            removed: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Pretended {
    fn services(&self) -> MutexGuard<'_, BTreeMap<String, RunState>> {
        self.services.lock().unwrap()
    }

    fn set(&self, name: &str, state: RunState) {
        self.services().insert(name.to_owned(), state);
        self.changed.send_replace(());
    }

    pub(crate) fn run(&self, name: &str) {
        self.set(name, RunState::Running);
    }

    pub(crate) fn end(&self, name: &str, code: i32) {
        let exit = Exit::of_code(code);
        self.set(name, RunState::Exited(exit));
    }

    pub(crate) fn running(&self) -> Vec<String> {
        let services = self.services();
        let running = services
            .iter()
            .filter(|(_, state)| **state == RunState::Running);
        running.map(|(name, _)| name.clone()).collect()
    }

    fn status(state: RunState) -> Status {
        Status {
            state,
            id: None,
            started_at: None,
            definition: None,
            version: None,
        }
    }
}

#[async_trait]
impl Engine for Pretended {
    fn kind(&self) -> &'static str {
        "pretended"
    }

    async fn version(&self) -> Result<Option<String>, EngineError> {
        Ok(None)
    }

    async fn inspect(&self, service: &str) -> Result<Status, EngineError> {
        let state = self.services().get(service).cloned();
        Ok(Self::status(state.unwrap_or(RunState::Absent)))
    }

    async fn list(&self) -> Result<Vec<(String, Status)>, EngineError> {
        let services = self.services();
        let all = services
            .iter()
            .map(|(name, state)| (name.clone(), Self::status(state.clone())));
        Ok(all.collect())
    }

    async fn start(&self, spec: &ServiceSpec, _: &SecretEnv) -> Result<Started, EngineError> {
        self.run(&spec.name);
        Ok(Started::Started)
    }

    async fn stop(&self, service: &str, _: Duration) -> Result<bool, EngineError> {
        self.end(service, 0);
        Ok(true)
    }

    async fn remove(&self, service: &str, _: Duration) -> Result<bool, EngineError> {
        self.removed.lock().unwrap().push(service.to_owned());
        Ok(self.services().remove(service).is_some())
    }

    async fn wait_exit(&self, service: &str) -> Result<Exit, EngineError> {
        let mut changes = self.changed.subscribe();
        loop {
            match self.services().get(service) {
                Some(RunState::Running | RunState::Paused) => {}
                Some(RunState::Exited(exit) | RunState::Restarting(exit)) => return Ok(*exit),
                Some(RunState::Absent | RunState::Created) | None => {
                    return Ok(Exit::UNKNOWN);
                }
            }
            changes.changed().await.unwrap();
        }
    }

    async fn log_tail(&self, service: &str, _: usize) -> Result<Vec<String>, EngineError> {
        Ok(vec![format!("the last words of {service}")])
    }

    async fn log_follow(&self, _: &str, _: usize) -> Result<LogLines, EngineError> {
        Ok(Box::pin(futures_util::stream::pending()))
    }

    async fn exec(
        &self,
        _: &ServiceSpec,
        _: &SecretEnv,
        _: &[String],
        _: Duration,
    ) -> Result<ExecOutput, EngineError> {
        Ok(ExecOutput {
            exit: Exit::of_code(0),
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    }

    async fn service_of_pid(&self, _: u32) -> Result<Option<String>, EngineError> {
        Ok(None)
    }
}
