//! The rules that each step of a plugin's plan keeps to.

use std::collections::HashMap;

use chora_model::config::Config;
use chora_plugin_host::PlannedStep;

use super::PlanError;

/// Longer titles do not fit a line.
const LONGEST_TITLE: usize = 200;
const LONGEST_ID: usize = 128;

/// Checks a plugin's plan. Answers the needs of each step as indices into the plan.
pub(super) fn check(
    config: &Config,
    plugin: &str,
    phase: u8,
    steps: &[PlannedStep],
) -> Result<Vec<Vec<usize>>, PlanError> {
    let broken = |step: &PlannedStep, reason: String| PlanError::Step {
        plugin: plugin.to_owned(),
        step: shown(&step.id),
        phase,
        reason,
    };
    let mut by_id = HashMap::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        if let Err(reason) = check_one(config, step) {
            return Err(broken(step, reason));
        }
        if by_id.insert(step.id.as_str(), index).is_some() {
            return Err(broken(step, "its id is used twice".to_owned()));
        }
    }
    let indices = |step: &PlannedStep| {
        let needs = step.needs.iter().map(|need| {
            by_id.get(need.as_str()).copied().ok_or_else(|| {
                let need = shown(need);
                broken(step, format!("it needs `{need}`, which is not in the plan"))
            })
        });
        needs.collect()
    };
    steps.iter().map(indices).collect()
}

/// A name that a plugin made up, fit for a sentence.
fn shown(name: &str) -> String {
    name.escape_debug().take(LONGEST_ID).collect()
}

fn check_one(config: &Config, step: &PlannedStep) -> Result<(), String> {
    let fits = |(index, c): (usize, char)| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || (index > 0 && "._:-".contains(c))
    };
    if step.id.is_empty() || step.id.len() > LONGEST_ID || !step.id.char_indices().all(fits) {
        return Err("its id does not match `[a-z0-9][a-z0-9._:-]{0,127}`".to_owned());
    }
    if step.title.trim().is_empty() {
        return Err("it has no title".to_owned());
    }
    if step.title.chars().count() > LONGEST_TITLE {
        return Err(format!(
            "its title is longer than {LONGEST_TITLE} characters"
        ));
    }
    if let Some(service) = &step.service
        && config.service(service).is_none()
    {
        let service = shown(service);
        return Err(format!(
            "it is about service `{service}`, which is not configured"
        ));
    }
    Ok(())
}
