//! What plugins did with what they were granted: the ledgers of past runs together, by plugin and call.

use std::collections::{BTreeMap, BTreeSet};

use chora_model::event::HostCall;
use chora_model::failure::Failure;
use chora_model::grant::{Grant, parse_list};
use jiff::Timestamp;
use serde::Serialize;

use super::digest::plugin_of;
use super::{Digest, History};

/// The ledgers of the latest runs of an environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Audit {
    /// How many runs were read.
    pub runs: usize,
    /// When the earliest of them began.
    pub since: Option<Timestamp>,
    /// Runs of which not every call is known: their journals are damaged or cannot be read.
    pub incomplete: Vec<String>,
    /// What each plugin called.
    pub plugins: BTreeMap<String, Audited>,
}

/// What one plugin called.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Audited {
    /// In how many of the runs it did anything.
    pub runs: usize,
    /// SHA-256 of the components that called.
    pub digests: BTreeSet<String>,
    /// Its calls, by function and target.
    pub calls: Vec<Called>,
}

/// One kind of call, and what was decided on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Called {
    /// `interface.function`.
    pub function: String,
    /// What it was about.
    pub target: String,
    /// The grants that allowed it.
    pub grants: BTreeSet<String>,
    /// Those that would have, where it was denied.
    pub needed: BTreeSet<String>,
    /// The narrowest grants for what else it did.
    pub besides: BTreeSet<String>,
    /// How often it was allowed.
    pub allowed: u64,
    /// How often a dry run planned it.
    pub planned: u64,
    /// How often it was denied.
    pub denied: u64,
}

/// A grant, or verbs of one, that nothing needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unused {
    /// The grant as it was given.
    pub grant: String,
    /// The verbs that no call needed; empty where none needed the grant at all.
    pub verbs: Vec<String>,
}

impl History {
    /// Reads the ledgers of the latest runs, `most` of them.
    ///
    /// # Errors
    /// When the journals cannot be listed.
    pub fn audit(&self, most: usize) -> Result<Audit, Failure> {
        let mut audit = Audit::default();
        for run in self.runs()?.iter().take(most) {
            let Some(record) = self.read(run) else {
                // Deleted since it was listed.
                continue;
            };
            audit.runs += 1;
            if record.digest.is_none() || record.damage.is_some() {
                audit.incomplete.push(run.clone());
            }
            if let Some(digest) = &record.digest {
                audit.add(digest);
            }
        }
        Ok(audit)
    }
}

impl Audit {
    pub(super) fn add(&mut self, digest: &Digest) {
        let earlier = [self.since, digest.started_at];
        self.since = earlier.into_iter().flatten().min();
        for (_, call) in &digest.ledger {
            self.plugin(plugin_of(&call.caller)).add(call);
        }
        for plugin in digest.plugins() {
            self.plugin(plugin).runs += 1;
        }
    }

    fn plugin(&mut self, name: &str) -> &mut Audited {
        self.plugins.entry(name.to_owned()).or_default()
    }
}

impl Audited {
    fn add(&mut self, call: &HostCall) {
        self.digests.insert(call.digest.clone());
        let place = self.calls.binary_search_by(|known| {
            let known = (known.function.as_str(), known.target.as_str());
            known.cmp(&(call.function.as_str(), call.target.as_str()))
        });
        let at = place.unwrap_or_else(|at| {
            self.calls.insert(at, Called::of(call));
            at
        });
        if let Some(known) = self.calls.get_mut(at) {
            known.count(call);
        }
    }

    /// What of these grants no call needed, by the grants that the ledger names: one that was given in other words since counts as unused.
    pub fn unused(&self, granted: &[String]) -> Vec<Unused> {
        let unused = granted.iter().filter_map(|grant| {
            let calls = self.calls.iter().filter(|call| call.grants.contains(grant));
            let calls: Vec<&Called> = calls.collect();
            let verbs = match calls.as_slice() {
                [] => Vec::new(),
                calls => Some(idle(grant, calls)).filter(|idle| !idle.is_empty())?,
            };
            Some(Unused {
                grant: grant.clone(),
                verbs,
            })
        });
        unused.collect()
    }
}

/// The verbs of a grant that none of its calls needed. Where it cannot be told what a call needed, all may have been.
fn idle(grant: &str, calls: &[&Called]) -> Vec<String> {
    let needed: Option<Vec<_>> = calls.iter().map(|call| call.verbs()).collect();
    let (Ok(grant), Some(needed)) = (Grant::parse(grant), needed) else {
        return Vec::new();
    };
    let mut idle = grant.verbs();
    let needed: BTreeSet<String> = needed.into_iter().flatten().collect();
    idle.retain(|verb| !needed.iter().any(|needed| is_same_verb(verb, needed)));
    idle
}

impl Called {
    fn of(call: &HostCall) -> Self {
        Self {
            function: call.function.clone(),
            target: call.target.clone(),
            grants: BTreeSet::new(),
            needed: BTreeSet::new(),
            besides: BTreeSet::new(),
            allowed: 0,
            planned: 0,
            denied: 0,
        }
    }

    fn count(&mut self, call: &HostCall) {
        let count = match call.decision.as_str() {
            "denied" => &mut self.denied,
            "planned" => &mut self.planned,
            _ => &mut self.allowed,
        };
        *count += 1;
        self.grants.extend(listed(call.grant.as_deref()));
        self.needed.extend(call.needed.clone());
        self.besides.extend(call.besides.iter().cloned());
    }

    /// The verbs that the call needed: its target is the scope of the narrowest grant for it. Absent where that is not whole, as the ledger cuts what is long.
    fn verbs(&self) -> Option<Vec<String>> {
        let capability = self.function.split('.').next()?;
        let mut verbs = Grant::parse(&format!("{capability}={}", self.target))
            .ok()?
            .verbs();
        for narrowest in &self.besides {
            verbs.extend(Grant::parse(narrowest).ok()?.verbs());
        }
        Some(verbs)
    }
}

/// Whether a verb that was granted is the one that a call needed. What stands in brackets may be a pattern, so it is not compared: nothing that was used is to be taken for unused.
fn is_same_verb(granted: &str, needed: &str) -> bool {
    granted.split('(').next() == needed.split('(').next()
}

/// The grants of a line of the ledger: a call that does several things may need several.
fn listed(grants: Option<&str>) -> Vec<String> {
    let Some(text) = grants else {
        return Vec::new();
    };
    match parse_list(text) {
        Ok(grants) => grants.iter().map(ToString::to_string).collect(),
        Err(_) => vec![text.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: &str, target: &str, decision: &str, grant: Option<&str>) -> HostCall {
        HostCall {
            caller: "p/step".to_owned(),
            digest: "d".to_owned(),
            function: function.to_owned(),
            target: target.to_owned(),
            grant: grant.map(str::to_owned),
            decision: decision.to_owned(),
            needed: (decision == "denied").then(|| "services=db:stop".to_owned()),
            besides: Vec::new(),
            arguments: String::new(),
            bytes: 0,
            duration_us: 0,
        }
    }

    fn audited(calls: &[HostCall]) -> Audited {
        let mut audited = Audited::default();
        for call in calls {
            audited.add(call);
        }
        audited
    }

    const START: &str = "services=db:inspect+start";
    const RUN: &str = "docker=container/a*:run(image:*)+bind(/srv)+logs";

    #[test]
    fn calls_are_counted_by_function_and_target_with_what_was_decided() {
        let audited = audited(&[
            call("services.stop", "db:stop", "denied", None),
            call("services.start", "db:start", "allowed", Some(START)),
            call("services.start", "db:start", "planned", Some(START)),
            call(
                "services.start",
                "web:start",
                "allowed",
                Some("services=*:start"),
            ),
            call("services.start", "db:start", "allowed", Some(START)),
        ]);
        let told: Vec<_> = audited
            .calls
            .iter()
            .map(|it| (it.target.as_str(), it.allowed, it.planned, it.denied))
            .collect();
        assert_eq!(
            told,
            [
                ("db:start", 2, 1, 0),
                ("web:start", 1, 0, 0),
                ("db:stop", 0, 0, 1)
            ]
        );
        assert!(audited.calls[2].needed.contains("services=db:stop"));
    }

    #[test]
    fn grants_and_verbs_that_no_call_needed_are_unused() {
        let audited = audited(&[
            call("services.start", "db:start", "allowed", Some(START)),
            call("machine.port", "ports", "allowed", Some("machine=ports")),
            call("services.stop", "db:stop", "denied", None),
            HostCall {
                besides: vec!["docker=container/a:bind(/srv/data)".to_owned()],
                ..call(
                    "docker.run",
                    "container/a:run(image:1)",
                    "allowed",
                    Some(RUN),
                )
            },
        ]);
        let unused = |grant: &str| {
            let mut unused = audited.unused(&[grant.to_owned()]).into_iter();
            unused.next().map(|unused| unused.verbs)
        };
        assert_eq!(unused(START), Some(vec!["inspect".to_owned()]));
        assert_eq!(unused("machine=ports"), None);
        assert_eq!(unused("services=db:stop"), Some(Vec::new()));
        assert_eq!(unused("health=db"), Some(Vec::new()));
        assert_eq!(unused(RUN), Some(vec!["logs".to_owned()]));
    }

    #[test]
    fn of_a_call_that_the_ledger_cut_short_no_verb_is_called_unused() {
        let mut cut = call(
            "docker.run",
            "container/a:run(image:1)",
            "allowed",
            Some(RUN),
        );
        cut.besides = vec![format!("docker=container/a:bind(/srv/{}…", "x".repeat(180))];
        assert_eq!(audited(&[cut]).unused(&[RUN.to_owned()]), []);
    }
}
