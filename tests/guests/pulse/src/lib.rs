//! A health check that asks for nothing: whatever is there is well.

use chora_plugin::{HealthCheck, Metadata, ProbeError, Target, Verdict};

struct Pulse;

impl HealthCheck for Pulse {
    fn describe() -> Metadata {
        Metadata::new("pulse", "0.1.0", "finds every service well")
    }

    fn probe(target: &Target) -> Result<Verdict, ProbeError> {
        Ok(Verdict::healthy(format!("{} has a pulse", target.service)))
    }
}

chora_plugin::export_health_check!(Pulse);
