//! `kill -9` at times that nobody chose, over and over.

use std::fmt;
use std::time::Duration;

use crate::observe::Running;
use crate::oracle::{completes, credentials};
use crate::points::{for_each, random};
use crate::support::{Ecosystem, TestEngine, engine};

/// How many seeds are tried; more when asked for.
const COUNT: &str = "CHORA_TEST_SEEDS";

struct Case(usize);

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.0)
    }
}

#[test]
fn runs_killed_at_random_times_are_completed_by_the_last() {
    // A run takes a few hundred milliseconds, or a few seconds on containers.
    let (usual, longest) = match engine() {
        TestEngine::Process => (30, 500),
        TestEngine::Docker => (8, 4_000),
    };
    let count = std::env::var(COUNT)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual);
    for_each((0..count).map(Case).collect(), |case| {
        let ecosystem = Ecosystem::new();
        let mut before = None;
        for kill in 0..=random(&format!("{case} kills"), 4) {
            let run = Running::new(&ecosystem);
            // The time is the case itself, and nothing is awaited.
            let millis = random(&format!("{case} kill {kill}"), longest);
            std::thread::sleep(Duration::from_millis(millis.try_into().unwrap_or_default()));
            // Killed when it is dropped.
            drop(run);
            before = before.or_else(|| credentials(&ecosystem));
        }
        completes(&ecosystem, before.as_deref())
    });
}
