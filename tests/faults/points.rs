//! The injection points of a command: found by running it once with a trace, and then met one after the other.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::path::Path;
use std::sync::Mutex;

use crate::support::{Ecosystem, Output, TestEngine, engine};

/// Says that every hit of every point is met, not only some of each.
const ALL: &str = "CHORA_TEST_ALL_POINTS";
/// Repeats the choice of an earlier run.
const SEED: &str = "CHORA_TEST_SEED";

/// The point at which a service is about to be started and is on no record as running.
pub(crate) fn starting() -> &'static str {
    match engine() {
        TestEngine::Process => "process.spawn.before",
        TestEngine::Docker => "container.start.before",
    }
}

/// The point at which a service has just been started, and nothing could be written down of it.
pub(crate) fn started() -> &'static str {
    match engine() {
        TestEngine::Process => "process.spawn.after",
        TestEngine::Docker => "container.start.after",
    }
}

/// One time at which a command passes a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) point: String,
    /// How often it was passed before.
    pub(crate) after: usize,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} number {}", self.point, self.after + 1)
    }
}

impl Hit {
    fn of(point: &str, after: usize) -> Self {
        Self {
            point: point.to_owned(),
            after,
        }
    }

    /// What makes the point do something at this hit and at all later ones.
    pub(crate) fn does(&self, what: &str) -> (&'static str, String) {
        let wait = match self.after {
            0 => String::new(),
            after => format!("{after}*off->"),
        };
        ("FAILPOINTS", format!("{}={wait}return({what})", self.point))
    }

    /// The same at this hit only.
    pub(crate) fn does_once(&self, what: &str) -> (&'static str, String) {
        let (variable, always) = self.does(what);
        (variable, always.replace("return(", "1*return("))
    }
}

/// What a command passed, in order: each line the point and what it was about.
pub(crate) struct Trace {
    pub(crate) lines: Vec<String>,
}

impl Trace {
    /// Runs the command to its end and reads what it passed.
    pub(crate) fn of(ecosystem: &Ecosystem, arguments: &[&str]) -> (Self, Output) {
        Self::with(ecosystem, arguments, &[])
    }

    /// The same with further variables.
    pub(crate) fn with(
        ecosystem: &Ecosystem,
        arguments: &[&str],
        variables: &[(&str, String)],
    ) -> (Self, Output) {
        let path = ecosystem.path().join("trace");
        let mut all = vec![("CHORA_FAULT_TRACE", path.display().to_string())];
        all.extend_from_slice(variables);
        let output = ecosystem.chora_with(&all, arguments);
        let trace = Self::read(&path);
        std::fs::remove_file(path).expect("a trace");
        (trace, output)
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a trace");
        Self {
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// How often each point was passed.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for line in &self.lines {
            let point = line.split(' ').next().unwrap_or_default();
            *counts.entry(point.to_owned()).or_default() += 1;
        }
        counts
    }

    /// The hits that are to be met.
    pub(crate) fn hits(&self) -> Vec<Hit> {
        self.hits_of(|_| true)
    }

    /// Those of the points that are wanted.
    pub(crate) fn hits_of(&self, wanted: impl Fn(&str) -> bool) -> Vec<Hit> {
        let mut counts = self.counts();
        counts.retain(|point, _| wanted(point));
        if std::env::var_os(ALL).is_some() {
            return every(&counts);
        }
        match engine() {
            TestEngine::Process => spread(&counts),
            TestEngine::Docker => sample(&counts),
        }
    }
}

fn every(counts: &BTreeMap<String, usize>) -> Vec<Hit> {
    let hits = counts
        .iter()
        .flat_map(|(point, count)| (0..*count).map(|after| Hit::of(point, after)));
    hits.collect()
}

/// Of each point the first, and one of the others that the seed chooses.
fn spread(counts: &BTreeMap<String, usize>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (point, count) in counts {
        hits.push(Hit::of(point, 0));
        if let Some(others) = count.checked_sub(1).filter(|others| *others > 0) {
            hits.push(Hit::of(point, 1 + random(point, others)));
        }
    }
    hits
}

/// Containers take their time, so it is one hit of each operation, before or after it. Files, journal and lock are the same on every engine: three of those.
fn sample(counts: &BTreeMap<String, usize>) -> Vec<Hit> {
    let mut operations: BTreeMap<&str, Vec<(&String, usize)>> = BTreeMap::new();
    for (point, count) in counts {
        let (operation, _side) = point.rsplit_once('.').unwrap_or((point, ""));
        operations
            .entry(operation)
            .or_default()
            .push((point, *count));
    }
    let (mut alike, mut hits) = (Vec::new(), Vec::new());
    for (operation, sides) in operations {
        let (point, count) = sides[random(operation, sides.len())];
        let hit = Hit::of(point, random(point, count));
        let mut same = ["file.", "journal.", "lock."].iter();
        if same.any(|start| operation.starts_with(start)) {
            alike.push(hit);
        } else {
            hits.push(hit);
        }
    }
    for pick in 0..alike.len().min(3) {
        let chosen = random(&format!("alike {pick}"), alike.len());
        hits.push(alike.swap_remove(chosen));
    }
    hits
}

/// The seed of this test process.
pub(crate) fn seed() -> u64 {
    static CHOSEN: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| {
        std::env::var(SEED)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| RandomState::new().hash_one("seed"))
    })
}

/// A number below `below` that follows from the seed and a word.
pub(crate) fn random(word: &str, below: usize) -> usize {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{} {word}", seed()));
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let below = u64::try_from(below).expect("a small number").max(1);
    usize::try_from(number % below).expect("less than `below`")
}

/// Does something for each case, a few at a time, and fails the test with every case that failed.
#[track_caller]
pub(crate) fn for_each<T: fmt::Display + Send>(
    cases: Vec<T>,
    check: impl Fn(&T) -> Result<(), String> + Sync,
) {
    let count = cases.len();
    let left = Mutex::new(cases);
    let failed = Mutex::new(Vec::new());
    // Most of a run is waiting for services to answer.
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get() + 1);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(case) = left.lock().expect("a list").pop() else {
                        return;
                    };
                    let checked =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&case)));
                    let problem = match checked {
                        Ok(Ok(())) => continue,
                        Ok(Err(problem)) => problem,
                        Err(_) => "it panicked; see above".to_owned(),
                    };
                    failed
                        .lock()
                        .expect("a list")
                        .push(format!("{case}: {problem}"));
                }
            });
        }
    });
    let failed = failed.into_inner().expect("a list");
    assert!(
        failed.is_empty(),
        "{} of {count} cases failed ({SEED}={}):\n{}",
        failed.len(),
        seed(),
        failed.join("\n")
    );
    println!("{count} cases passed ({SEED}={})", seed());
}
