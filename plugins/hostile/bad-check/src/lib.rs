//! A health check that misbehaves as its setting `misdeed` says; without one every service is healthy.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use chora_plugin::{HealthCheck, Metadata, ProbeError, Target, Verdict, services, settings};

struct BadCheck;

impl HealthCheck for BadCheck {
    fn describe() -> Metadata {
        Metadata::new(
            "bad-check",
            env!("CARGO_PKG_VERSION"),
            "is no help to anybody",
        )
    }

    fn probe(target: &Target) -> Result<Verdict, ProbeError> {
        let misdeed: Option<String> = settings::read("misdeed")
            .map_err(|_| ProbeError::Unsupported("the setting `misdeed` is a text".to_owned()))?;
        match misdeed.as_deref() {
            None => Ok(Verdict::healthy(format!("{} is fine", target.service))),
            Some("loop") => {
                let mut turns = 0_u64;
                loop {
                    turns = black_box(turns).wrapping_add(1);
                }
            }
            Some("panic") => panics(),
            Some("memory") => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
            Some("rude") => Ok(Verdict::healthy(
                "\u{1b}[2J\u{202e}\u{7}\r\nowned ".repeat(1 << 16),
            )),
            Some("change") => {
                let answer = services::stop(&target.service);
                Ok(Verdict::healthy(format!("{answer:?}")))
            }
            Some("remember") => Ok(Verdict::healthy(remembered())),
            Some("error") => Err(ProbeError::Other("the stethoscope broke".to_owned())),
            Some(other) => Err(ProbeError::Unsupported(format!("no misdeed `{other}`"))),
        }
    }
}

chora_plugin::export_health_check!(BadCheck);

#[expect(clippy::panic, reason = "a panic is what the host is tested with")]
fn panics() -> ! {
    panic!("the check burst")
}

/// What an instance finds of those before it, in its data and in memory that it asked for.
fn remembered() -> String {
    static PROBES: AtomicU32 = AtomicU32::new(0);
    let before = PROBES.fetch_add(1, Ordering::Relaxed);
    let mut memory = black_box(vec![0_u8; 4 << 20]);
    let left = memory.iter().filter(|byte| **byte != 0).count();
    black_box(&mut memory).fill(1);
    format!("{before} probes and {left} bytes")
}
