//! The system refuses: no space, a broken disk, no more files. And answers that are lost although the work was done.

use std::fmt;

use crate::oracle::{completes, credentials};
use crate::points::{Hit, Trace, for_each};
use crate::support::Ecosystem;

/// An error of the system at one hit.
struct Case {
    hit: Hit,
    error: &'static str,
    words: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.error, self.hit)
    }
}

const ERRORS: [(&str, &str); 3] = [
    ("ENOSPC", "No space left on device"),
    ("EIO", "Input/output error"),
    ("EMFILE", "Too many open files"),
];

#[test]
fn an_error_of_the_system_is_told_and_the_next_run_completes() {
    let (trace, ran) = Trace::of(&Ecosystem::new(), &["bootstrap"]);
    ran.exits(0);
    let hits = trace.hits_of(|point| {
        let operation = ["file.", "journal.", "lock.", "process.spawn", "container."]
            .iter()
            .any(|start| point.starts_with(start));
        operation && point.ends_with(".before")
    });
    assert!(hits.len() > 4, "{hits:?}");
    let cases = hits
        .into_iter()
        .zip(ERRORS.into_iter().cycle())
        .map(|(hit, (error, words))| Case { hit, error, words })
        .collect();
    for_each(cases, |case| {
        let ecosystem = Ecosystem::new();
        let (trace, failed) = Trace::with(&ecosystem, &["bootstrap"], &[case.hit.does(case.error)]);
        let said = format!("{}{}", failed.stdout, failed.stderr);
        if failed.code == 0 {
            // How often a point is passed differs a little from run to run.
            return match trace.counts().get(&case.hit.point) {
                Some(count) if *count > case.hit.after => {
                    Err(format!("it did not matter:\n{said}"))
                }
                _ => Ok(()),
            };
        }
        if failed.code < 0 || said.contains("panicked") || said.contains("fault of chora") {
            return Err(format!("it broke chora:\n{said}"));
        }
        for part in [case.words, "error["] {
            if !said.contains(part) {
                return Err(format!("it does not say `{part}`:\n{said}"));
            }
        }
        let running = ecosystem.found().len();
        let found = ecosystem.ids();
        if running > found.len() {
            return Err(format!(
                "{running} services run, and `status` finds {found:?}"
            ));
        }
        completes(&ecosystem, credentials(&ecosystem).as_deref())
    });
}

#[test]
fn work_that_was_done_although_its_answer_was_lost_is_not_done_again() {
    let (trace, ran) = Trace::of(&Ecosystem::new(), &["bootstrap"]);
    ran.exits(0);
    let hits = trace.hits_of(|point| ["engine.start.after", "http.send.after"].contains(&point));
    assert!(hits.len() > 1, "{hits:?}");
    for_each(hits, |hit| {
        let ecosystem = Ecosystem::new();
        let ran = ecosystem.chora_with(&[hit.does_once("EIO")], &["bootstrap"]);
        if ran.code < 0 {
            return Err(format!("it broke chora:\n{}", ran.stderr));
        }
        let before = ecosystem.found();
        completes(&ecosystem, credentials(&ecosystem).as_deref())?;
        let after = ecosystem.found();
        // The last phase stops and starts the analyzer where that was not done yet.
        let again = before
            .iter()
            .find(|(id, service)| *service != "analyzer" && !after.contains_key(*id));
        match again {
            Some((_, service)) => Err(format!("`{service}` was started again")),
            None => Ok(()),
        }
    });
}
