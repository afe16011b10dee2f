//! The analysis of one run: what its time was made of, what was slower than usual, what was repeated and what was refused. Pure: a digest and those before it in, a report out.

use std::collections::{BTreeMap, BTreeSet};

use chora_model::event::{Ending, RunKind};
use chora_model::plan::{Change, StepKey};
use serde::Serialize;

use super::digest::{Calls, Denied, Digest, Said, StepDigest, Waited, plugin_of};
use super::timing::{self, TimeSplit};

/// How many of the slowest steps are told.
const SLOWEST: usize = 10;
/// Calls that plugins repeat while they wait for an answer; others are repeated for other reasons.
const ASKING: [&str; 3] = ["http.send", "tcp.reach", "health.probe"];

/// The analysis of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The run's identifier.
    pub run: String,
    /// What was done.
    pub kind: Option<RunKind>,
    /// How it ended; nothing when that is not told.
    pub ending: Option<Ending>,
    /// How long it took; without an end, until its last event.
    pub duration_ms: u64,
    /// Where the time went.
    pub time: TimeSplit,
    /// Where the critical path is from.
    pub path_source: PathSource,
    /// The chain of steps that the duration is made of.
    pub critical_path: Vec<PathStep>,
    /// The slowest steps, the slowest first.
    pub slowest: Vec<SlowStep>,
    /// What was repeated.
    pub retries: Retries,
    /// Host calls that were refused.
    pub denied: Vec<Denied>,
    /// What each plugin asked of the host, by name.
    pub plugins: Vec<PluginUse>,
}

/// Where a critical path is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathSource {
    /// From the needs of the steps, as the run itself told at its end.
    Run,
    /// From the times of the steps, because the run told no end.
    Times,
}

/// A step of the critical path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathStep {
    /// Its key.
    pub step: StepKey,
    /// What a person reads.
    pub title: String,
    /// How long it took.
    pub duration_ms: u64,
    /// Its part of the run's duration, 0 to 1.
    pub share: f64,
}

/// A slow step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlowStep {
    /// Its key.
    pub step: StepKey,
    /// What a person reads.
    pub title: String,
    /// How it ended; nothing when that is not told.
    pub ending: Option<Ending>,
    /// Whether it changed anything.
    pub change: Option<Change>,
    /// How long it took; without an end, until the run's last event.
    pub duration_ms: u64,
    /// Its part of the run's duration, 0 to 1.
    pub share: f64,
    /// How long it usually takes; nothing when no earlier run tells.
    pub usual: Option<Usual>,
}

/// How long a step took in earlier runs of the same kind that succeeded and in which it changed something, or did not, as in this one. A step that did not succeed is compared with those
/// in which it changed something.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Usual {
    /// The median.
    pub median_ms: u64,
    /// This run's duration in medians; a median of less than a millisecond counts as one.
    pub ratio: f64,
    /// How many runs it is from.
    pub runs: usize,
}

/// What was repeated, and what that cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Retries {
    /// The run that this one went on from.
    pub resumes: Option<String>,
    /// Every wait for health.
    pub waits: Vec<Wait>,
    /// Questions that steps asked again and again.
    pub repeated: Vec<Repeated>,
}

/// A wait for health in a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wait {
    /// The step that waited; nothing when that is not told.
    pub step: Option<StepKey>,
    /// The time until the first of the answers that counted, or all of it when none did; none where no probe failed.
    pub lost_ms: u64,
    /// The wait.
    #[serde(flatten)]
    pub waited: Waited,
}

/// A host call that a step made again with the same arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// The step.
    pub step: StepKey,
    /// `interface.function`.
    pub function: String,
    /// What it acted on.
    pub target: String,
    /// How often it was made.
    pub times: usize,
    /// From the end of the first to the end of the last.
    pub lost_ms: u64,
}

/// What a plugin asked of the host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginUse {
    /// Its name.
    pub plugin: String,
    /// Its calls.
    #[serde(flatten)]
    pub calls: Calls,
}

impl Report {
    /// Analyses a run. `earlier` are the runs before it, the newest first; those of another kind and those that did not succeed are passed over.
    pub fn of(run: &str, digest: &Digest, earlier: impl IntoIterator<Item = Digest>) -> Self {
        let (path_source, critical_path) = critical_path(digest);
        Self {
            run: run.to_owned(),
            kind: digest.kind,
            ending: digest.ending(),
            duration_ms: digest.duration_ms,
            time: timing::split(digest),
            path_source,
            critical_path,
            slowest: slowest(digest, &Past::of(digest.kind, earlier)),
            retries: Retries {
                resumes: digest.resumes.clone(),
                waits: waits(digest),
                repeated: repeated(digest),
            },
            denied: digest.denied.clone(),
            plugins: plugins(digest),
        }
    }
}

fn critical_path(digest: &Digest) -> (PathSource, Vec<PathStep>) {
    let titles: BTreeMap<&StepKey, &str> = digest
        .steps()
        .map(|step| (&step.step, step.title.as_str()))
        .collect();
    let told = |step: &StepKey, duration_ms| PathStep {
        step: step.clone(),
        title: (*titles.get(step).unwrap_or(&step.0.as_str())).to_owned(),
        duration_ms,
        share: share(duration_ms, digest.duration_ms),
    };
    match &digest.summary {
        Some(summary) => {
            let path = summary.critical_path.iter();
            (
                PathSource::Run,
                path.map(|(step, took)| told(step, *took)).collect(),
            )
        }
        None => {
            let path = timing::path(digest).into_iter();
            (
                PathSource::Times,
                path.map(|(step, took)| told(&step.step, took)).collect(),
            )
        }
    }
}

/// A part of the whole, to the thousandth.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    rounded(as_f64(part) / as_f64(whole))
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a run are far below the 53 bits that are exact"
)]
fn as_f64(number: u64) -> f64 {
    number as f64
}

/// How long steps took in earlier runs, by step and by whether they changed anything.
struct Past(BTreeMap<(StepKey, bool), Vec<u64>>);

impl Past {
    fn of(kind: Option<RunKind>, earlier: impl IntoIterator<Item = Digest>) -> Self {
        let mut past: BTreeMap<(StepKey, bool), Vec<u64>> = BTreeMap::new();
        let alike = earlier
            .into_iter()
            .filter(|run| run.kind == kind && run.ending() == Some(Ending::Succeeded));
        for run in alike {
            for step in run.steps() {
                if let (Some(Ending::Succeeded), Some(took)) = (step.ending, step.duration_ms) {
                    let key = (step.step.clone(), has_changed(step));
                    past.entry(key).or_default().push(took);
                }
            }
        }
        past.values_mut().for_each(|took| took.sort_unstable());
        Self(past)
    }

    fn usual(&self, step: &StepDigest, took: u64) -> Option<Usual> {
        let changed = has_changed(step) || step.ending != Some(Ending::Succeeded);
        let past = self.0.get(&(step.step.clone(), changed))?;
        let median_ms = median(past)?;
        Some(Usual {
            median_ms,
            ratio: rounded(as_f64(took) / as_f64(median_ms.max(1))),
            runs: past.len(),
        })
    }
}

fn has_changed(step: &StepDigest) -> bool {
    step.change == Some(Change::Changed)
}

/// The middle of sorted numbers; of two middles their mean.
fn median(sorted: &[u64]) -> Option<u64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(middle.checked_sub(1)?)?;
    Some(lower.midpoint(upper))
}

fn slowest(digest: &Digest, past: &Past) -> Vec<SlowStep> {
    let mut slow: Vec<SlowStep> = digest
        .steps()
        .filter(|step| step.ending != Some(Ending::Skipped))
        .filter_map(|step| {
            let (from, to) = timing::span(step, digest.duration_ms)?;
            let took = step.duration_ms.unwrap_or(to - from);
            Some(SlowStep {
                step: step.step.clone(),
                title: step.title.clone(),
                ending: step.ending,
                change: step.change,
                duration_ms: took,
                share: share(took, digest.duration_ms),
                usual: past.usual(step, took),
            })
        })
        .collect();
    slow.sort_by_key(|step| std::cmp::Reverse(step.duration_ms));
    slow.truncate(SLOWEST);
    slow
}

fn waits(digest: &Digest) -> Vec<Wait> {
    let in_steps = digest.steps().flat_map(|step| {
        let moments = step.moments.iter();
        moments.map(move |moment| (Some(&step.step), moment))
    });
    let outside = digest.notices.iter().map(|moment| (None, moment));
    in_steps
        .chain(outside)
        .filter_map(|(step, moment)| match &moment.said {
            Said::Waited(waited) => Some(Wait {
                step: step.cloned(),
                lost_ms: lost(waited),
                waited: waited.clone(),
            }),
            Said::Notice { .. } | Said::Doing { .. } | Said::Log { .. } | Said::Denied(_) => None,
        })
        .collect()
}

fn lost(waited: &Waited) -> u64 {
    match waited.confirm_us {
        _ if waited.failed_probes == 0 => 0,
        Some(confirm_us) => waited.waited_ms.saturating_sub(confirm_us / 1000),
        None => waited.waited_ms,
    }
}

fn repeated(digest: &Digest) -> Vec<Repeated> {
    // Health checks ask as well; their probes are counted where they are waited for.
    let steps: BTreeSet<&str> = digest.steps().map(|step| step.step.0.as_str()).collect();
    let mut asked: BTreeMap<[&str; 4], (usize, u64, u64)> = BTreeMap::new();
    for (at_ms, call) in &digest.ledger {
        let function = call.function.as_str();
        if call.decision != "allowed"
            || !ASKING.contains(&function)
            || !steps.contains(call.caller.as_str())
        {
            continue;
        }
        let key = [&call.caller, function, &call.target, &call.arguments];
        let (times, _, last) = asked.entry(key).or_insert((0, *at_ms, *at_ms));
        *times += 1;
        *last = *at_ms;
    }
    asked
        .into_iter()
        .filter(|(_, (times, _, _))| *times > 1)
        .map(
            |([caller, function, target, _], (times, first, last))| Repeated {
                step: StepKey(caller.to_owned()),
                function: function.to_owned(),
                target: target.to_owned(),
                times,
                lost_ms: last.saturating_sub(first),
            },
        )
        .collect()
}

fn plugins(digest: &Digest) -> Vec<PluginUse> {
    let mut used: BTreeMap<&str, Calls> = BTreeMap::new();
    for (_, call) in &digest.ledger {
        used.entry(plugin_of(&call.caller)).or_default().count(call);
    }
    used.into_iter()
        .map(|(plugin, calls)| PluginUse {
            plugin: plugin.to_owned(),
            calls,
        })
        .collect()
}
