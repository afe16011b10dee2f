//! The end of a run: what was reached, what took the time, and what to do next.

use std::collections::HashMap;

use chora_model::event::{Ending, RunKind, Summary};
use chora_model::plan::StepKey;

use super::failure::highlighted;
use crate::output::{BAD, BOLD, CODE, DIM, GOOD, WARN, human_ms, one_line, paint};

/// How many steps of the critical path are worth a line: the longest.
const PATH: usize = 4;

/// The closing lines; of a run that did not begin there is only one.
pub(super) fn lines(
    run: &Summary,
    began: bool,
    titles: &HashMap<StepKey, String>,
    options: &str,
) -> Vec<String> {
    let mut lines = vec![String::new(), verdict(run)];
    if !began {
        return lines;
    }
    if let Some(counts) = counts(run) {
        lines.push(format!("  {}: {counts}", paint(BOLD, "steps")));
    }
    if !matches!(run.kind, RunKind::Reset) && !run.dry_run {
        lines.push(format!("  {}: {}", paint(BOLD, "services"), services(run)));
    }
    if let Some(path) = critical_path(run, titles) {
        lines.push(format!("  {}: {path}", paint(BOLD, "critical path")));
    }
    let is_up = run.kind == RunKind::Bootstrap && run.ending == Ending::Succeeded && !run.dry_run;
    if is_up && !run.urls.is_empty() {
        lines.push(format!("  {}:", paint(BOLD, "URLs")));
        let width = run
            .urls
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        lines.extend(run.urls.iter().map(|(name, url)| {
            let name = one_line(name);
            format!("    {name:width$}  {}", paint(CODE, one_line(url)))
        }));
    }
    let next = next_steps(run, options);
    if !next.is_empty() {
        lines.push(format!("  {}:", paint(BOLD, "next steps")));
        lines.extend(next.iter().map(|step| format!("    {}", highlighted(step))));
    }
    lines
}

fn verdict(run: &Summary) -> String {
    let what = match run.kind {
        RunKind::Bootstrap => "Bootstrap",
        RunKind::Rollback => "Rollback",
        RunKind::Reset => "Reset",
        RunKind::Validate => "Validation",
    };
    let dry = if run.dry_run { " (dry run)" } else { "" };
    let (mark, how) = match run.ending {
        Ending::Succeeded => (paint(GOOD, "✓"), "completed in"),
        Ending::Failed => (paint(BAD, "✗"), "failed after"),
        Ending::Interrupted => (paint(WARN, "✗"), "interrupted after"),
        Ending::Skipped => (paint(DIM, "-"), "left out after"),
    };
    let time = human_ms(run.duration_ms);
    format!(
        "{mark} {} {how} {time}",
        paint(BOLD, format_args!("{what}{dry}"))
    )
}

fn counts(run: &Summary) -> Option<String> {
    let changed = if run.dry_run {
        "would change"
    } else {
        "changed"
    };
    let counts = [
        (run.changed, changed),
        (run.unchanged, "unchanged"),
        (run.skipped, "skipped"),
    ];
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// "All healthy" is true of no services at all, so that is said in other words.
fn services(run: &Summary) -> String {
    if run.services == 0 {
        return "none are configured".to_owned();
    }
    let text = format!("{}/{} healthy", run.healthy, run.services);
    match run.kind {
        RunKind::Bootstrap | RunKind::Validate if run.healthy == run.services => paint(GOOD, text),
        RunKind::Bootstrap | RunKind::Validate => paint(BAD, text),
        RunKind::Rollback | RunKind::Reset => text,
    }
}

fn critical_path(run: &Summary, titles: &HashMap<StepKey, String>) -> Option<String> {
    // Only bringing up is worth speeding up.
    if run.kind != RunKind::Bootstrap || run.dry_run || run.critical_path.len() < 2 {
        return None;
    }
    // The longest ones, in the order in which they ran.
    let mut longest: Vec<usize> = (0..run.critical_path.len()).collect();
    longest.sort_by_key(|index| {
        let duration = run.critical_path.get(*index).map_or(0, |(_, ms)| *ms);
        std::cmp::Reverse(duration)
    });
    longest.truncate(PATH);
    let steps: Vec<String> = run
        .critical_path
        .iter()
        .enumerate()
        .filter(|(index, _)| longest.contains(index))
        .map(|(_, (step, ms))| {
            let title = titles
                .get(step)
                .cloned()
                .unwrap_or_else(|| one_line(&step.0));
            format!("{title} {}", paint(DIM, human_ms(*ms)))
        })
        .collect();
    let rest = run.critical_path.len() - steps.len();
    let rest = if rest > 0 {
        format!(" ({rest} shorter ones left out)")
    } else {
        String::new()
    };
    Some(format!("{}{rest}", steps.join(" → ")))
}

/// Failures bring their own next actions.
fn next_steps(run: &Summary, options: &str) -> Vec<String> {
    if run.dry_run {
        let message =
            "nothing was changed; the same command without `--dry-run` does it".to_owned();
        return if run.ending == Ending::Succeeded {
            vec![message]
        } else {
            Vec::new()
        };
    }
    match (run.kind, run.ending) {
        (RunKind::Bootstrap, Ending::Succeeded) => {
            let mut next = vec![format!(
                "`chora status{options}` shows how the services are"
            )];
            if let Some((service, _)) = run.urls.first() {
                let service = one_line(service);
                next.push(format!(
                    "`chora logs {service} --follow{options}` shows what one of them does"
                ));
            }
            next.push(format!(
                "`chora rollback{options}` undoes the last phase, `chora reset{options}` everything"
            ));
            next
        }
        (RunKind::Rollback, Ending::Succeeded) => {
            vec![format!(
                "`chora bootstrap{options}` brings everything up again"
            )]
        }
        (RunKind::Reset, Ending::Succeeded) => {
            vec![format!("`chora bootstrap{options}` begins anew")]
        }
        (RunKind::Validate, _) | (_, Ending::Failed | Ending::Interrupted | Ending::Skipped) => {
            Vec::new()
        }
    }
}
