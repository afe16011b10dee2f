//! From what each plugin planned to one plan of the whole run: rules checked, custom plugins put in their places, phases in order.
//!
//! Pure: called once a run with all plugins' answers, and knows nothing of engines, events or WebAssembly.

pub(crate) mod place;
mod rules;

use std::collections::BTreeSet;
use std::time::Duration;

use chora_model::config::{Config, Placement};
use chora_model::plan::{Plan, Step, StepKey};
use chora_plugin_host::PlannedStep;

use crate::graph;

/// The most steps that a run may have.
pub(crate) const MOST_STEPS: usize = 1_000;

/// What one plugin planned.
#[derive(Debug, Clone)]
pub(crate) struct PluginPlan {
    /// The plugin.
    pub(crate) plugin: String,
    /// Where it runs.
    pub(crate) placement: Placement,
    /// Its answer.
    pub(crate) steps: Vec<PlannedStep>,
}

/// Why the plugins' answers make no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// A step breaks a rule.
    #[error("plugin `{plugin}` planned a step `{step}` that breaks the rules: {reason}")]
    Step {
        plugin: String,
        step: String,
        phase: u8,
        reason: String,
    },
    /// Steps need each other in a circle.
    #[error("the steps `{}` need each other in a circle", .steps.join("` → `"))]
    Cycle {
        plugin: String,
        phase: u8,
        steps: Vec<String>,
    },
    /// There are too many.
    #[error("the plugins planned {found} steps, and {MOST_STEPS} are the most")]
    TooMany { plugin: String, found: usize },
    /// A placement names a service that is not configured.
    #[error("plugin `{plugin}` is placed at service `{service}`, which is not configured")]
    Placement { plugin: String, service: String },
}

impl PlanError {
    /// The plugin to blame, and the phase that it was planned for where that is known.
    pub(crate) fn blame(&self) -> (&str, Option<u8>) {
        match self {
            Self::Step { plugin, phase, .. } | Self::Cycle { plugin, phase, .. } => {
                (plugin, Some(*phase))
            }
            Self::TooMany { plugin, .. } | Self::Placement { plugin, .. } => (plugin, None),
        }
    }
}

/// A step on its way into the plan.
struct Draft {
    step: Step,
    /// The plugin's index in the list of plans.
    owner: usize,
    needs: BTreeSet<usize>,
}

/// The phase in which a plugin with this placement runs.
pub(crate) fn phase_of(config: &Config, placement: &Placement) -> Option<u8> {
    match placement {
        Placement::Phase(phase) | Placement::BeforePhase(phase) | Placement::AfterPhase(phase) => {
            Some(*phase)
        }
        Placement::AfterService(service) | Placement::BeforeService(service) => {
            config.service(service).map(|service| service.phase)
        }
    }
}

/// Makes the plan.
pub(crate) fn build(config: &Config, plans: &[PluginPlan]) -> Result<Plan, PlanError> {
    let found = plans.iter().map(|plan| plan.steps.len()).sum();
    if found > MOST_STEPS {
        let most = plans.iter().max_by_key(|plan| plan.steps.len());
        let plugin = most.map(|plan| plan.plugin.clone()).unwrap_or_default();
        return Err(PlanError::TooMany { plugin, found });
    }
    let mut drafts = Vec::with_capacity(found);
    for (owner, plan) in plans.iter().enumerate() {
        let phase = phase_of(config, &plan.placement).ok_or_else(|| match &plan.placement {
            Placement::AfterService(service) | Placement::BeforeService(service) => {
                PlanError::Placement {
                    plugin: plan.plugin.clone(),
                    service: service.clone(),
                }
            }
            Placement::Phase(_) | Placement::BeforePhase(_) | Placement::AfterPhase(_) => {
                PlanError::Placement {
                    plugin: plan.plugin.clone(),
                    service: String::new(),
                }
            }
        })?;
        let needs = rules::check(config, &plan.plugin, phase, &plan.steps)?;
        let base = drafts.len();
        for (planned, needs) in plan.steps.iter().zip(needs) {
            drafts.push(Draft {
                step: step_of(&plan.plugin, phase, planned),
                owner,
                needs: needs.into_iter().map(|index| base + index).collect(),
            });
        }
    }
    place::place(plans, &mut drafts);
    ordered(drafts)
}

fn step_of(plugin: &str, phase: u8, planned: &PlannedStep) -> Step {
    Step {
        key: StepKey::new(plugin, &planned.id),
        plugin: plugin.to_owned(),
        id: planned.id.clone(),
        phase,
        title: planned.title.clone(),
        needs: Vec::new(),
        service: planned.service.clone(),
        timeout: planned.timeout.filter(|timeout| *timeout > Duration::ZERO),
        disturbs: planned.disturbs,
    }
}

/// Phase by phase, and within a phase each step after those that it needs.
fn ordered(drafts: Vec<Draft>) -> Result<Plan, PlanError> {
    let needs: Vec<Vec<usize>> = drafts
        .iter()
        .map(|draft| draft.needs.iter().copied().collect())
        .collect();
    let keys: Vec<StepKey> = drafts.iter().map(|draft| draft.step.key.clone()).collect();
    let order = graph::sorted(&needs).map_err(|cycle| {
        let first = cycle.first().and_then(|index| drafts.get(*index));
        PlanError::Cycle {
            plugin: first
                .map(|draft| draft.step.plugin.clone())
                .unwrap_or_default(),
            phase: first.map_or(0, |draft| draft.step.phase),
            steps: cycle
                .iter()
                .filter_map(|index| keys.get(*index).map(ToString::to_string))
                .collect(),
        }
    })?;
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let mut steps: Vec<Step> = order
        .into_iter()
        .filter_map(|index| drafts.get_mut(index).and_then(Option::take))
        .map(|draft| {
            let needs = draft
                .needs
                .iter()
                .filter_map(|index| keys.get(*index).cloned());
            Step {
                needs: needs.collect(),
                ..draft.step
            }
        })
        .collect();
    // Stable: the order by need stays within each phase.
    steps.sort_by_key(|step| step.phase);
    Ok(Plan { steps })
}

#[cfg(test)]
mod tests;
