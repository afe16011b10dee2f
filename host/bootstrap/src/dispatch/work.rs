//! What a dispatcher is given to do: a plan, forward or backward, as the machine's graph, with its limits.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chora_model::config::{Config, PHASE_NAMES, PHASES};
use chora_model::event::EventKind;
use chora_model::plan::{Plan, Step, StepKey};
use tokio::time::Instant;

use crate::graph;
use crate::schedule::{Graph, Node, Phase};

/// The longest that a run may take unless told otherwise.
pub(crate) const RUN: Duration = Duration::from_secs(1_800);
/// The most steps at once unless told otherwise. A step mostly waits, for an engine, an image, a service's health; processors bound none of that. This bounds what a run holds open.
pub(crate) const PARALLEL: usize = 64;

/// Steps in order, and how they are to be done.
pub(crate) struct Work {
    /// The steps; the graph speaks of them by their place here.
    pub(crate) steps: Vec<Step>,
    /// What needs what, phase by phase.
    pub(crate) graph: Graph,
    /// Whether the steps are undone.
    pub(crate) backward: bool,
    /// The most steps at once.
    pub(crate) parallel: usize,
    /// How long each phase may take.
    pub(crate) limits: [Duration; PHASES],
    /// How long the whole run may take, and until when.
    pub(crate) timeout: Duration,
    pub(crate) deadline: Instant,
}

impl Work {
    /// Every phase of the plan from the first to the last, with or without steps. `skippable` says which steps may be left out while nothing has changed.
    pub(crate) fn forward(plan: &Plan, skippable: &dyn Fn(&Step) -> bool) -> Self {
        let needs = needs_of(&plan.steps);
        let nodes = plan.steps.iter().zip(needs).map(|(step, needs)| Node {
            needs,
            skippable: skippable(step),
        });
        let graph = Graph {
            nodes: nodes.collect(),
            phases: phases(
                &plan.steps,
                (0..PHASES).filter_map(|phase| u8::try_from(phase).ok()),
            ),
        };
        Self::new(plan.steps.clone(), graph, false)
    }

    /// The phases above `above`, or all without it, from the last to the first; of their steps those that are `wanted`, each before what it needs.
    pub(crate) fn backward(plan: &Plan, above: Option<u8>, wanted: &dyn Fn(&Step) -> bool) -> Self {
        let all = needs_of(&plan.steps);
        let chosen: Vec<usize> = (0..plan.steps.len())
            .filter(|index| {
                let step = plan.steps.get(*index);
                step.is_some_and(|step| {
                    above.is_none_or(|above| step.phase > above) && wanted(step)
                })
            })
            .collect();
        let steps: Vec<Step> = chosen
            .iter()
            .filter_map(|index| plan.steps.get(*index).cloned())
            .collect();
        // Order holds through steps that are left out, too.
        let needs: Vec<Vec<usize>> = chosen
            .iter()
            .map(|index| {
                let behind = graph::reachable(&all, *index);
                let behind = behind
                    .iter()
                    .filter_map(|need| chosen.binary_search(need).ok());
                behind.collect()
            })
            .collect();
        let wanted_by = graph::reversed(&needs);
        let phase_of = |index: &usize| steps.get(*index).map(|step| step.phase);
        let nodes = steps.iter().zip(&wanted_by).map(|(step, needs)| Node {
            needs: needs
                .iter()
                .copied()
                .filter(|need| phase_of(need) == Some(step.phase))
                .collect(),
            skippable: false,
        });
        let nodes = nodes.collect();
        let numbers = (0..PHASES)
            .rev()
            .filter_map(|phase| u8::try_from(phase).ok());
        let numbers = numbers.filter(|phase| above.is_none_or(|above| *phase > above));
        let graph = Graph {
            nodes,
            phases: phases(&steps, numbers),
        };
        Self::new(steps, graph, true)
    }

    fn new(steps: Vec<Step>, graph: Graph, backward: bool) -> Self {
        Self {
            steps,
            graph,
            backward,
            parallel: PARALLEL,
            limits: [RUN; PHASES],
            timeout: RUN,
            deadline: Instant::now() + RUN,
        }
    }

    /// The same work without the phases that `kept` refuses.
    pub(crate) fn only_phases(mut self, kept: impl Fn(u8) -> bool) -> Self {
        self.graph.phases.retain(|phase| kept(phase.number));
        self
    }

    /// The same work within these limits.
    pub(crate) fn within(
        mut self,
        config: &Config,
        parallel: Option<usize>,
        begun: Instant,
        timeout: Duration,
    ) -> Self {
        self.limits = config.timeouts.phases;
        self.parallel = parallel.unwrap_or(self.parallel).max(1);
        self.timeout = timeout;
        self.deadline = begun
            .checked_add(timeout)
            .unwrap_or_else(|| begun + Duration::from_secs(86_400 * 365));
        self
    }

    pub(super) fn limit(&self, phase: u8) -> Duration {
        self.limits.get(usize::from(phase)).copied().unwrap_or(RUN)
    }

    pub(super) fn phase_started(&self, number: u8) -> EventKind {
        let phases = self.graph.phases.iter();
        let steps = phases
            .filter(|phase| phase.number == number)
            .map(|phase| phase.nodes.len());
        let name = PHASE_NAMES
            .get(usize::from(number))
            .copied()
            .unwrap_or_default();
        EventKind::PhaseStarted {
            phase: number,
            name: name.to_owned(),
            steps: steps.sum(),
            undo: self.backward,
        }
    }

    /// Who was waiting for a step: services that need its service, then other steps that need it, by title.
    pub(super) fn waiting(&self, config: &Config, index: usize) -> Vec<String> {
        let needs: Vec<Vec<usize>> = self
            .graph
            .nodes
            .iter()
            .map(|node| node.needs.clone())
            .collect();
        let behind = graph::reachable(&graph::reversed(&needs), index);
        let own = self
            .steps
            .get(index)
            .and_then(|step| step.service.as_deref());
        let mut services: BTreeSet<&str> = BTreeSet::new();
        if !self.backward {
            services.extend(own.iter().flat_map(|name| dependents(config, name)));
        }
        let behind: Vec<&Step> = behind
            .into_iter()
            .filter_map(|node| self.steps.get(node))
            .collect();
        let named = behind.iter().filter_map(|step| step.service.as_deref());
        services.extend(named.filter(|name| Some(*name) != own));
        let titles = behind
            .iter()
            .filter(|step| step.service.is_none())
            .map(|step| &step.title);
        let services = services.into_iter().map(str::to_owned);
        services.chain(titles.cloned()).collect()
    }
}

/// The services that need this one, directly or not.
pub(crate) fn dependents<'a>(config: &'a Config, name: &str) -> BTreeSet<&'a str> {
    let index: HashMap<&str, usize> = config
        .services
        .iter()
        .enumerate()
        .map(|(index, service)| (service.name.as_str(), index))
        .collect();
    let needs: Vec<Vec<usize>> = config
        .services
        .iter()
        .map(|service| {
            let names = service.dependencies.iter().chain(&service.deploy_via);
            names
                .filter_map(|name| index.get(name.as_str()).copied())
                .collect()
        })
        .collect();
    let Some(from) = index.get(name) else {
        return BTreeSet::new();
    };
    graph::reachable(&graph::reversed(&needs), *from)
        .into_iter()
        .filter_map(|index| config.services.get(index))
        .map(|service| service.name.as_str())
        .collect()
}

fn needs_of(steps: &[Step]) -> Vec<Vec<usize>> {
    let index: HashMap<&StepKey, usize> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| (&step.key, index))
        .collect();
    let needs = |step: &Step| {
        step.needs
            .iter()
            .filter_map(|need| index.get(need).copied())
            .collect()
    };
    steps.iter().map(needs).collect()
}

fn phases(steps: &[Step], numbers: impl Iterator<Item = u8>) -> Vec<Phase> {
    let of = |number: u8| {
        let steps = steps.iter().enumerate();
        steps
            .filter(move |(_, step)| step.phase == number)
            .map(|(index, _)| index)
    };
    numbers
        .map(|number| Phase {
            number,
            nodes: of(number).collect(),
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::test_config::config;

    pub(in crate::dispatch) fn step(key: &str, phase: u8, needs: &[&str]) -> Step {
        let (plugin, id) = key.split_once('/').unwrap();
        Step {
            key: StepKey(key.to_owned()),
            plugin: plugin.to_owned(),
            id: id.to_owned(),
            phase,
            title: format!("Do {id}"),
            needs: needs
                .iter()
                .map(|need| StepKey((*need).to_owned()))
                .collect(),
            service: None,
            timeout: None,
            disturbs: false,
        }
    }

    pub(in crate::dispatch) fn plan(steps: &[Step]) -> Plan {
        Plan {
            steps: steps.to_vec(),
        }
    }

    #[test]
    fn backward_work_turns_phases_and_needs_round() {
        let plan = plan(&[
            step("p/a", 1, &[]),
            step("p/b", 1, &["p/a"]),
            step("p/c", 2, &[]),
            step("p/z", 0, &[]),
        ]);
        let work = Work::backward(&plan, Some(0), &|_| true);
        let numbers: Vec<u8> = work.graph.phases.iter().map(|phase| phase.number).collect();
        assert_eq!(numbers, [4, 3, 2, 1]);
        assert_eq!(work.graph.nodes[0].needs, [1]);
        assert!(work.graph.nodes[1].needs.is_empty());
        assert_eq!(work.steps.len(), 3);
        assert_eq!(Work::backward(&plan, None, &|_| true).graph.phases.len(), 5);
    }

    #[test]
    fn backward_order_holds_through_steps_that_are_left_out() {
        let plan = plan(&[
            step("p/a", 1, &[]),
            step("p/b", 1, &["p/a"]),
            step("p/c", 1, &["p/b"]),
        ]);
        let work = Work::backward(&plan, None, &|step| step.id != "b");
        assert_eq!(work.graph.nodes[0].needs, [1]);
    }

    #[test]
    fn who_waits_is_named_by_service_and_otherwise_by_title() {
        let config = config(&[
            ("db", 1, &[]),
            ("api", 2, &["db"]),
            ("web", 3, &["api"]),
            ("lone", 1, &[]),
        ]);
        let mut start = step("p/start:db", 1, &[]);
        start.service = Some("db".to_owned());
        let plan = plan(&[start, step("p/register", 1, &["p/start:db"])]);
        let work = Work::forward(&plan, &|_| false);
        assert_eq!(work.waiting(&config, 0), ["api", "web", "Do register"]);
        assert!(work.waiting(&config, 1).is_empty());
    }
}
