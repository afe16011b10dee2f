//! The embedded engine: services are child processes that outlive the command that started them.
//!
//! A process is found again by its id *and* its start time, so a reused id is never mistaken for a service. What is remembered of each lies in one file per service; a start that was cut
//! off between the fork and that file is recognised by a token in the process's environment.

mod exec;
mod identity;
mod logs;
mod program;
mod record;
mod spawn;
mod stop;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chora_model::fault;
use chora_model::layout::Layout;
use tokio::sync::watch;

use crate::{
    Engine, EngineError, ExecOutput, Exit, LogLines, RunState, SecretEnv, ServiceSpec, Started,
    Status,
};
use identity::Identity;
use record::Record;

/// Runs services as processes of this machine.
pub struct ProcessEngine {
    shared: Arc<Shared>,
}

struct Shared {
    layout: Layout,
    exe: PathBuf,
    /// Children of this very process, by the token of their start: only a parent learns how a process ended.
    children: Mutex<HashMap<String, watch::Receiver<Option<Exit>>>>,
}

/// What is known of a service after looking.
enum Found {
    Absent,
    Running(Record, Identity),
    Exited(Record, Exit),
}

impl ProcessEngine {
    /// The engine of an environment. `exe` is what a service means by the program `chora`.
    pub fn open(layout: &Layout, exe: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                layout: layout.clone(),
                exe,
                children: Mutex::default(),
            }),
        }
    }

    fn reach(
        &self,
        name: &'static str,
        side: &'static str,
        service: &str,
    ) -> Result<(), EngineError> {
        fault::reach(name, side, &service).map_err(|source| EngineError::Io {
            service: service.to_owned(),
            path: self.shared.layout.processes(),
            source,
        })
    }

    /// Reads the service's record and looks whether its process lives.
    async fn find(&self, service: &str) -> Result<Found, EngineError> {
        let shared = Arc::clone(&self.shared);
        let name = service.to_owned();
        blocking(service, move || shared.find(&name)).await
    }
}

impl Shared {
    fn child(&self, token: &str) -> Option<watch::Receiver<Option<Exit>>> {
        let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.get(token).cloned()
    }

    fn find(&self, service: &str) -> Result<Found, EngineError> {
        let Some(record) = Record::read(&self.layout, service)? else {
            return Ok(Found::Absent);
        };
        if let Some(exit) = record.exit {
            return Ok(Found::Exited(record, exit));
        }
        let child = self.child(&record.token);
        // Looked at before the exit: between the two the exit may come, and nobody may be left to bring another.
        let collecting = child.as_ref().is_some_and(|it| it.has_changed().is_ok());
        if let Some(exit) = child.and_then(|child| *child.borrow()) {
            return Ok(Found::Exited(record, exit));
        }
        let identity = match record.identity.clone() {
            // Our own child has ended when we know how, which is a moment after it became a zombie.
            Some(identity) => Some(identity).filter(|it| collecting || it.is_alive()),
            None => Identity::by_token(&record.token),
        };
        Ok(match identity {
            Some(identity) => Found::Running(record, identity),
            None => Found::Exited(record, Exit::UNKNOWN),
        })
    }
}

impl Shared {
    /// The service that a process belongs to.
    fn owner(&self, pid: u32) -> Result<Option<String>, EngineError> {
        let lineage = identity::lineage(pid);
        // A process carries its service's marks, so one record tells; only one that wrote over its environment is looked for in all.
        for process in &lineage {
            let Some((service, token)) = identity::marks(*process) else {
                continue;
            };
            if Record::read(&self.layout, &service)?.is_some_and(|it| it.token == token) {
                return Ok(Some(service));
            }
        }
        let groups: Vec<u32> = lineage
            .iter()
            .filter_map(|process| identity::group_of(*process))
            .collect();
        for name in Record::names(&self.layout)? {
            if let Found::Running(_, identity) = self.find(&name)?
                && groups.contains(&identity.pid)
            {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// Runs file work on a thread for it.
async fn blocking<T: Send + 'static>(
    service: &str,
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(_) => Err(EngineError::Interrupted {
            service: service.to_owned(),
        }),
    }
}

#[async_trait]
impl Engine for ProcessEngine {
    fn kind(&self) -> &'static str {
        "process"
    }

    async fn version(&self) -> Result<Option<String>, EngineError> {
        Ok(None)
    }

    async fn inspect(&self, service: &str) -> Result<Status, EngineError> {
        Ok(match self.find(service).await? {
            Found::Absent => Status {
                state: RunState::Absent,
                id: None,
                started_at: None,
                definition: None,
                version: None,
            },
            Found::Running(record, identity) => {
                record.status(RunState::Running, Some(identity.pid))
            }
            Found::Exited(record, exit) => record.status(RunState::Exited(exit), None),
        })
    }

    async fn running_for(&self, service: &str) -> Result<Option<Duration>, EngineError> {
        Ok(match self.find(service).await? {
            Found::Running(_, identity) => identity.running_for(),
            Found::Absent | Found::Exited(..) => None,
        })
    }

    async fn list(&self) -> Result<Vec<(String, Status)>, EngineError> {
        let layout = self.shared.layout.clone();
        let names = blocking("*", move || Record::names(&layout)).await?;
        let mut listed = Vec::with_capacity(names.len());
        for name in names {
            let status = self.inspect(&name).await?;
            listed.push((name, status));
        }
        Ok(listed)
    }

    async fn start(&self, spec: &ServiceSpec, secrets: &SecretEnv) -> Result<Started, EngineError> {
        self.reach("engine.start", "before", &spec.name)?;
        let started = self.start_locked(spec, secrets).await?;
        self.reach("engine.start", "after", &spec.name)?;
        Ok(started)
    }

    async fn stop(&self, service: &str, grace: Duration) -> Result<bool, EngineError> {
        self.reach("engine.stop", "before", service)?;
        let _lock = record::lock(&self.shared.layout, service).await?;
        let stopped = self.stop_found(service, grace).await?;
        self.reach("engine.stop", "after", service)?;
        Ok(stopped)
    }

    async fn remove(&self, service: &str, grace: Duration) -> Result<bool, EngineError> {
        self.reach("engine.remove", "before", service)?;
        let _lock = record::lock(&self.shared.layout, service).await?;
        self.stop_found(service, grace).await?;
        let layout = self.shared.layout.clone();
        let name = service.to_owned();
        let removed = blocking(service, move || Record::delete(&layout, &name)).await?;
        self.reach("engine.remove", "after", service)?;
        Ok(removed)
    }

    async fn wait_exit(&self, service: &str) -> Result<Exit, EngineError> {
        match self.find(service).await? {
            Found::Absent => Ok(Exit::UNKNOWN),
            Found::Exited(_, exit) => Ok(exit),
            Found::Running(record, identity) => match self.shared.child(&record.token) {
                Some(child) => Ok(collected(child).await),
                None => {
                    identity.ended(service).await?;
                    // Whoever started it may have written down how it ended.
                    match self.find(service).await? {
                        Found::Exited(_, exit) => Ok(exit),
                        Found::Absent | Found::Running(..) => Ok(Exit::UNKNOWN),
                    }
                }
            },
        }
    }

    async fn log_tail(&self, service: &str, tail: usize) -> Result<Vec<String>, EngineError> {
        let path = self.shared.layout.log(service);
        let name = service.to_owned();
        blocking(service, move || logs::tail(&name, &path, tail)).await
    }

    async fn log_follow(&self, service: &str, tail: usize) -> Result<LogLines, EngineError> {
        logs::follow(service, self.shared.layout.log(service), tail).await
    }

    async fn exec(
        &self,
        spec: &ServiceSpec,
        secrets: &SecretEnv,
        command: &[String],
        timeout: Duration,
    ) -> Result<ExecOutput, EngineError> {
        exec::run(&self.shared.exe, spec, secrets, command, timeout).await
    }

    async fn service_of_pid(&self, pid: u32) -> Result<Option<String>, EngineError> {
        let shared = Arc::clone(&self.shared);
        blocking("*", move || shared.owner(pid)).await
    }
}

/// How a child ended, once it is known.
async fn collected(mut child: watch::Receiver<Option<Exit>>) -> Exit {
    let exit = child.wait_for(Option::is_some).await;
    exit.ok().and_then(|exit| *exit).unwrap_or(Exit::UNKNOWN)
}

#[cfg(test)]
mod tests;
