//! Ending a service with everything that it started.

use std::time::Duration;

use rustix::process::{Signal, kill_process_group};

use super::identity::Identity;
use super::{Found, ProcessEngine};
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
        let Found::Running(_, identity) = self.find(service).await? else {
            return Ok(false);
        };
        signal(service, &identity, Signal::TERM)?;
        let asked = tokio::time::timeout(grace, identity.ended(service)).await;
        if let Ok(ended) = asked {
            ended?;
            // The leader went; what it left behind goes with it.
            signal(service, &identity, Signal::KILL)?;
            return Ok(true);
        }
        signal(service, &identity, Signal::KILL)?;
        match tokio::time::timeout(AFTER_KILL, identity.ended(service)).await {
            Ok(ended) => ended.map(|()| true),
            Err(_) => Err(EngineError::DoesNotEnd {
                service: service.to_owned(),
                pid: identity.pid,
            }),
        }
    }
}

/// Signals the process group. A group that has gone is no error.
fn signal(service: &str, identity: &Identity, signal: Signal) -> Result<(), EngineError> {
    let Some(pid) = identity.raw() else {
        return Ok(());
    };
    match kill_process_group(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(EngineError::Process {
            service: service.to_owned(),
            pid: identity.pid,
            action: "signal",
            source: error.into(),
        }),
    }
}
