//! What the `health` capability needs from whoever waits for health: this room makes the probes, another one repeats them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chora_engine::{EngineError, Exit};
use chora_model::config::Service;
use chora_model::plan::StepKey;

use crate::{PluginError, Scene, Verdict};

/// Waits for a service's health, with everything that belongs to it: repeating, confirming, backing off, noticing an exit, giving up.
#[async_trait]
pub trait HealthService: Send + Sync {
    /// Waits, for the step that calls, until the service is healthy, or is known not to become it. Every probe is counted in `tally`.
    async fn wait(
        &self,
        scene: &Arc<Scene>,
        caller: &StepKey,
        service: &Service,
        tally: &ProbeTally,
    ) -> Result<HealthReport, HealthError>;

    /// Asks once.
    async fn probe(&self, scene: &Arc<Scene>, service: &Service) -> Result<Verdict, HealthError>;
}

/// How many probes a wait has made. The waiter counts, and whoever asked for the wait reads it however the wait ended.
#[derive(Debug, Default)]
pub struct ProbeTally {
    made: AtomicU32,
    failed: AtomicU32,
}

impl ProbeTally {
    /// Counts a probe.
    pub fn count(&self, healthy: bool) {
        self.made.fetch_add(1, Ordering::Relaxed);
        if !healthy {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many probes were answered, one way or the other.
    pub fn made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }

    /// How many of them failed.
    pub fn failed(&self) -> u32 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// A service that was declared healthy.
#[derive(Debug, Clone)]
pub struct HealthReport {
    /// How long it took.
    pub waited: Duration,
    /// From the first successful answer to the declaration.
    pub confirm: Duration,
    /// The last answer.
    pub summary: String,
}

/// Why a service was not declared healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// It ended, or was not running at all.
    #[error("service `{service}` ended with {exit} after {}", shown(*waited))]
    Exited {
        /// Which.
        service: String,
        /// How.
        exit: Exit,
        /// The last lines of its log.
        log_tail: Vec<String>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It was not healthy in time.
    #[error(
        "service `{service}` was not healthy within {limit} ({} waited); the last answer was: {}",
        shown(*waited),
        last_probe.as_deref().unwrap_or("none")
    )]
    TimedOut {
        /// Which.
        service: String,
        /// How long it was waited for.
        waited: Duration,
        /// The limit that ended the wait, for example `its timeout of 60 s`.
        limit: String,
        /// The last answer.
        last_probe: Option<String>,
    },
    /// The health plugin itself failed.
    #[error("the health check of service `{service}` failed")]
    Plugin {
        /// Which.
        service: String,
        /// Why.
        #[source]
        source: Box<PluginError>,
    },
    /// The engine could not tell whether the service runs.
    #[error("the engine does not say whether service `{service}` runs")]
    Engine {
        /// Which.
        service: String,
        /// Why.
        #[source]
        source: EngineError,
    },
}

/// A duration as a person says it.
fn shown(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
