//! What holds of every run: any graph, any parallelism, any order in which steps end, any failure, stop or deadline at any time.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// How a step will end, and what else happens when it does.
#[derive(Debug, Clone)]
struct Fate {
    ended: Ended,
    /// Which of the running steps ends next.
    next: Index,
    /// What comes before that.
    besides: Option<Event>,
}

fn fates(number: usize) -> impl Strategy<Value = Vec<Fate>> {
    let ended = prop_oneof![
        6 => Just(Ended::Succeeded { changed: true }),
        6 => Just(Ended::Succeeded { changed: false }),
        1 => Just(Ended::Failed),
    ];
    let besides = prop_oneof![
        40 => Just(None),
        1 => Just(Some(Event::Stop)),
        1 => Just(Some(Event::Abort)),
        1 => Just(Some(Event::Deadline(None))),
        1 => (0..5_u8).prop_map(|phase| Some(Event::Deadline(Some(phase)))),
    ];
    let fate = (ended, any::<Index>(), besides).prop_map(|(ended, next, besides)| Fate {
        ended,
        next,
        besides,
    });
    vec(fate, number)
}

/// A graph in which every step needs only steps before it.
fn graphs() -> impl Strategy<Value = Graph> {
    let node = (vec(any::<Index>(), 0..4), any::<bool>(), any::<bool>());
    vec(vec(node, 0..8), 0..5).prop_map(|phases| {
        let mut graph = Graph::default();
        for (number, nodes) in phases.into_iter().enumerate() {
            let first = graph.nodes.len();
            for (needs, skippable, in_phase) in nodes {
                let at = graph.nodes.len();
                let from = if in_phase { first } else { 0 };
                let mut needs: Vec<usize> = needs
                    .iter()
                    .filter(|_| at > from)
                    .map(|need| from + need.index(at - from))
                    .collect();
                needs.sort_unstable();
                needs.dedup();
                graph.nodes.push(Node { needs, skippable });
            }
            graph.phases.push(Phase {
                number: u8::try_from(number).unwrap(),
                nodes: (first..graph.nodes.len()).collect(),
            });
        }
        graph
    })
}

/// A run as someone sees it who hears events and actions only.
struct Witness<'a> {
    graph: &'a Graph,
    limit: usize,
    phase: Option<u8>,
    held: BTreeSet<usize>,
    begun: BTreeSet<usize>,
    running: BTreeSet<usize>,
    cut: BTreeSet<usize>,
    changed: bool,
    stopped: bool,
    ending: Option<Ending>,
}

impl Witness<'_> {
    fn phase_of(&self, node: usize) -> Option<u8> {
        let mut phases = self.graph.phases.iter();
        phases
            .find(|phase| phase.nodes.contains(&node))
            .map(|phase| phase.number)
    }

    fn may_begin(&self, node: usize) {
        assert!(!self.begun.contains(&node), "{node} was begun twice");
        assert!(!self.stopped, "{node} was begun after the end was near");
        assert_eq!(
            self.phase_of(node),
            self.phase,
            "{node} is of another phase"
        );
        let needs = &self.graph.nodes[node].needs;
        assert!(needs.iter().all(|need| self.held.contains(need)));
    }

    fn sees(&mut self, action: Action) {
        assert_eq!(self.ending, None, "{action:?} after the end");
        match action {
            Action::BeginPhase(phase) => {
                assert!(self.phase.is_none_or(|before| before < phase));
                assert!(self.running.is_empty());
                let before = self.graph.phases.iter().filter(|it| it.number < phase);
                let mut nodes = before.flat_map(|it| &it.nodes);
                assert!(nodes.all(|node| self.held.contains(node)));
                self.phase = Some(phase);
            }
            Action::Start(node) => {
                self.may_begin(node);
                self.begun.insert(node);
                self.running.insert(node);
                assert!(self.running.len() <= self.limit);
            }
            Action::Skip(node) => {
                self.may_begin(node);
                assert!(self.graph.nodes[node].skippable && !self.changed);
                self.begun.insert(node);
                self.held.insert(node);
            }
            Action::Cut(node) => {
                assert!(self.running.contains(&node));
                self.cut.insert(node);
            }
            Action::EndPhase(phase, ending) => {
                assert_eq!(self.phase, Some(phase));
                let nodes = &self.graph.phases[usize::from(phase)].nodes;
                let all = nodes.iter().all(|node| self.held.contains(node));
                assert_eq!(ending == Ending::Succeeded, all);
            }
            Action::Finish(ending) => {
                assert!(self.running.is_empty());
                self.ending = Some(ending);
            }
        }
    }

    /// No step waits that could run.
    fn wastes_nothing(&self) {
        if self.stopped || self.ending.is_some() || self.running.len() == self.limit {
            return;
        }
        let phase = self
            .phase
            .and_then(|phase| self.graph.phases.get(usize::from(phase)));
        for node in phase.iter().flat_map(|phase| &phase.nodes) {
            let needs = &self.graph.nodes[*node].needs;
            let is_ready = needs.iter().all(|need| self.held.contains(need));
            assert!(!is_ready || self.begun.contains(node), "{node} waits idly");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_run_keeps_its_order_and_its_limit_and_ends(
        graph in graphs(),
        limit in 1_usize..6,
        fates in fates(40),
    ) {
        let mut machine = Machine::new(graph.clone(), limit);
        let mut witness = Witness {
            graph: &graph,
            limit,
            phase: None,
            held: BTreeSet::new(),
            begun: BTreeSet::new(),
            running: BTreeSet::new(),
            cut: BTreeSet::new(),
            changed: false,
            stopped: false,
            ending: None,
        };
        let mut failed = false;
        for action in machine.handle(Event::Begin) {
            witness.sees(action);
        }
        witness.wastes_nothing();
        let mut fates = fates.into_iter();
        while witness.ending.is_none() {
            let fate = fates.next().expect("a run ends with its last step at the latest");
            if let Some(event) = fate.besides {
                let running = witness.running.clone();
                let counts = match event {
                    Event::Deadline(phase) => phase.is_none() || phase == witness.phase,
                    Event::Stop | Event::Abort => true,
                    Event::Begin | Event::Ended(..) => false,
                };
                witness.stopped |= counts;
                let actions = machine.handle(event);
                if counts && event != Event::Stop {
                    let all = running.into_iter().map(Action::Cut).collect::<Vec<_>>();
                    prop_assert_eq!(&actions, &all);
                }
                for action in actions {
                    witness.sees(action);
                }
            }
            let node = *fate.next.get(&witness.running.iter().copied().collect::<Vec<_>>());
            let ended = if witness.cut.contains(&node) { Ended::Cut } else { fate.ended };
            witness.running.remove(&node);
            match ended {
                Ended::Succeeded { changed } => {
                    witness.held.insert(node);
                    witness.changed |= changed;
                }
                Ended::Failed => failed = true,
                Ended::Cut => {}
            }
            witness.stopped |= !matches!(ended, Ended::Succeeded { .. });
            for action in machine.handle(Event::Ended(node, ended)) {
                witness.sees(action);
            }
            witness.wastes_nothing();
        }
        if witness.held.len() == graph.nodes.len() {
            prop_assert_eq!(witness.ending == Some(Ending::Succeeded), !failed);
        } else {
            prop_assert!(witness.stopped);
            prop_assert_ne!(witness.ending, Some(Ending::Succeeded));
        }
        prop_assert_eq!(machine.handle(Event::Abort), Vec::new());
    }
}
