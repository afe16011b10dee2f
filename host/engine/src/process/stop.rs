//! Ending a service with everything that it started.

use std::time::Duration;

use chora_model::fault;
use rustix::process::{Signal, kill_process_group};

use super::identity::Identity;
use super::record::Record;
use super::{Found, ProcessEngine, blocking, collected};
use crate::EngineError;

/// How long the kernel may take to end what was killed.
const AFTER_KILL: Duration = Duration::from_secs(10);

impl ProcessEngine {
    /// Ends the service. The caller holds its lock. True if it ran.
    pub(super) async fn stop_found(
        &self,
        service: &str,
        grace: Duration,
    ) -> Result<bool, EngineError> {
        let (record, identity) = match self.find(service).await? {
            Found::Absent => return Ok(false),
            Found::Exited(record, _) => {
                self.end_left_behind(&record).await?;
                return Ok(false);
            }
            Found::Running(record, identity) => (record, identity),
        };
        signal(service, &identity, Signal::TERM)?;
        // The grace is for all of the group: a shell that goes at once must not take its database's time away.
        let asked = tokio::time::timeout(grace, self.group_ended(&record, &identity)).await;
        if let Ok(ended) = asked {
            return ended.map(|()| true);
        }
        signal(service, &identity, Signal::KILL)?;
        match tokio::time::timeout(AFTER_KILL, self.group_ended(&record, &identity)).await {
            Ok(ended) => ended.map(|()| true),
            Err(_) => Err(EngineError::DoesNotEnd {
                service: service.to_owned(),
                pid: identity.pid,
            }),
        }
    }

    /// Ends what a service that ended by itself left running in its process group: it may hold the port that the next start needs.
    pub(super) async fn end_left_behind(&self, record: &Record) -> Result<(), EngineError> {
        let service = &record.service;
        let token = record.token.clone();
        let group = record.identity.as_ref().map(|identity| identity.pid);
        let left = blocking(service, move || Ok(Identity::left_behind(&token, group))).await?;
        for process in left {
            process.kill().map_err(|source| EngineError::Process {
                service: service.clone(),
                pid: process.pid,
                action: "kill",
                source,
            })?;
            let ended = tokio::time::timeout(AFTER_KILL, process.ended(service)).await;
            ended.map_err(|_| EngineError::DoesNotEnd {
                service: service.clone(),
                pid: process.pid,
            })??;
        }
        Ok(())
    }

    /// Resolves when the leader and all others of its group have ended.
    async fn group_ended(&self, record: &Record, leader: &Identity) -> Result<(), EngineError> {
        let service = &record.service;
        leader.ended(service).await?;
        if let Some(child) = self.shared.child(&record.token) {
            collected(child).await;
        }
        let group = leader.pid;
        loop {
            let members = blocking(service, move || Ok(Identity::members(group))).await?;
            if members.is_empty() {
                return Ok(());
            }
            for member in members {
                member.ended(service).await?;
            }
        }
    }
}

/// Signals the process group. A group that has gone is no error.
fn signal(service: &str, identity: &Identity, signal: Signal) -> Result<(), EngineError> {
    let Some(pid) = identity.raw() else {
        return Ok(());
    };
    let signalled = fault::around("process.signal", &service, || {
        match kill_process_group(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    });
    signalled.map_err(|source| EngineError::Process {
        service: service.to_owned(),
        pid: identity.pid,
        action: "signal",
        source,
    })
}
