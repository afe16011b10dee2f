//! The edges that put a custom plugin's steps before or after a phase or a service.

use chora_model::config::Placement;

use super::{Draft, PluginPlan};

/// Adds the edges. A plugin without steps moves nothing.
pub(super) fn place(plans: &[PluginPlan], drafts: &mut [Draft]) {
    // Those before a service first: they inherit what the service's start needs, and so wait for what is placed after that.
    for (owner, plan) in plans.iter().enumerate() {
        if let Placement::BeforeService(service) = &plan.placement {
            before_service(plans, drafts, owner, service);
        }
    }
    for (owner, plan) in plans.iter().enumerate() {
        if let Placement::AfterService(service) = &plan.placement {
            after_service(plans, drafts, owner, service);
        }
    }
    for (owner, plan) in plans.iter().enumerate() {
        match plan.placement {
            Placement::BeforePhase(phase) => {
                let last = ends(drafts, |draft| draft.owner == owner);
                let others = select(drafts, |draft| {
                    draft.step.phase == phase && !is(plans, draft, &Placement::BeforePhase(phase))
                });
                need(drafts, &others, &last);
            }
            Placement::AfterPhase(phase) => {
                let after = Placement::AfterPhase(phase);
                let last = ends(drafts, |draft| {
                    draft.step.phase == phase && !is(plans, draft, &after)
                });
                let own = beginnings(drafts, owner);
                need(drafts, &own, &last);
            }
            Placement::Phase(_) | Placement::AfterService(_) | Placement::BeforeService(_) => {}
        }
    }
}

fn after_service(plans: &[PluginPlan], drafts: &mut [Draft], owner: usize, service: &str) {
    let anchors = anchors(plans, drafts, service);
    let own_last = ends(drafts, |draft| draft.owner == owner);
    let own_first = beginnings(drafts, owner);
    let after = Placement::AfterService(service.to_owned());
    let waiting = select(drafts, |draft| {
        // Plugins after the same service run side by side.
        !is(plans, draft, &after) && draft.needs.iter().any(|need| anchors.contains(need))
    });
    need(drafts, &own_first, &anchors);
    need(drafts, &waiting, &own_last);
}

fn before_service(plans: &[PluginPlan], drafts: &mut [Draft], owner: usize, service: &str) {
    let anchors = anchors(plans, drafts, service);
    let own_last = ends(drafts, |draft| draft.owner == owner);
    let own_first = beginnings(drafts, owner);
    // What the service needs is there already when its preparation runs.
    let before = Placement::BeforeService(service.to_owned());
    let inherited: Vec<usize> = anchors
        .iter()
        .filter_map(|anchor| drafts.get(*anchor))
        .flat_map(|draft| draft.needs.iter().copied())
        .filter(|need| {
            let draft = drafts.get(*need);
            draft.is_some_and(|draft| !is(plans, draft, &before)) && !anchors.contains(need)
        })
        .collect();
    need(drafts, &own_first, &inherited);
    need(drafts, &anchors, &own_last);
}

/// The steps that bring the service up: those that plugins of the phase itself call `start:` or `deploy:`, else all of theirs that are about it.
fn anchors(plans: &[PluginPlan], drafts: &[Draft], service: &str) -> Vec<usize> {
    let about = select(drafts, |draft| {
        let placed = plans.get(draft.owner).map(|plan| &plan.placement);
        matches!(placed, Some(Placement::Phase(_)))
            && draft.step.service.as_deref() == Some(service)
    });
    let starting: Vec<usize> = about
        .iter()
        .copied()
        .filter(|index| {
            drafts
                .get(*index)
                .is_some_and(|draft| brings_up(&draft.step.id))
        })
        .collect();
    if starting.is_empty() { about } else { starting }
}

/// Whether a step of this id is one that makes a service run.
pub(crate) fn brings_up(id: &str) -> bool {
    id.starts_with("start:") || id.starts_with("deploy:")
}

fn is(plans: &[PluginPlan], draft: &Draft, placement: &Placement) -> bool {
    plans
        .get(draft.owner)
        .is_some_and(|plan| plan.placement == *placement)
}

fn select(drafts: &[Draft], wanted: impl Fn(&Draft) -> bool) -> Vec<usize> {
    let chosen = drafts.iter().enumerate().filter(|(_, draft)| wanted(draft));
    chosen.map(|(index, _)| index).collect()
}

/// The chosen steps that no other chosen step needs: once they are done, all of them are.
fn ends(drafts: &[Draft], wanted: impl Fn(&Draft) -> bool) -> Vec<usize> {
    let chosen = select(drafts, wanted);
    let needed: std::collections::HashSet<usize> = chosen
        .iter()
        .filter_map(|index| drafts.get(*index))
        .flat_map(|draft| draft.needs.iter().copied())
        .collect();
    chosen
        .into_iter()
        .filter(|index| !needed.contains(index))
        .collect()
}

/// A plugin's steps that need no other step of it.
fn beginnings(drafts: &[Draft], owner: usize) -> Vec<usize> {
    select(drafts, |draft| {
        let mut needs = draft.needs.iter().filter_map(|index| drafts.get(*index));
        draft.owner == owner && !needs.any(|need| need.owner == owner)
    })
}

fn need(drafts: &mut [Draft], who: &[usize], what: &[usize]) {
    for index in who {
        if let Some(draft) = drafts.get_mut(*index) {
            draft
                .needs
                .extend(what.iter().copied().filter(|need| need != index));
        }
    }
}
