//! The machine, told stories of events and the actions that each is answered with.

use super::*;

fn graph(phases: &[&[(&[usize], bool)]]) -> Graph {
    let mut graph = Graph::default();
    for (number, nodes) in phases.iter().enumerate() {
        let first = graph.nodes.len();
        for (needs, skippable) in *nodes {
            graph.nodes.push(Node {
                needs: needs.to_vec(),
                skippable: *skippable,
            });
        }
        graph.phases.push(Phase {
            number: u8::try_from(number).unwrap(),
            nodes: (first..graph.nodes.len()).collect(),
        });
    }
    graph
}

const SAME: Ended = Ended::Succeeded { changed: false };
const CHANGED: Ended = Ended::Succeeded { changed: true };

use Action::{BeginPhase, Cut, EndPhase, Finish, Skip, Start};
use Ending::{Failed, Interrupted, Succeeded};

/// Events and the actions that each is answered with.
type Story<'a> = &'a [(Event, &'a [Action])];

fn tell(graph: Graph, limit: usize, story: Story<'_>) {
    let mut machine = Machine::new(graph, limit);
    for (event, actions) in story {
        assert_eq!(machine.handle(*event), *actions, "after {event:?}");
    }
}

#[test]
fn phases_follow_one_another_and_empty_ones_are_told() {
    tell(
        graph(&[&[(&[], false)], &[], &[(&[], false)]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (
                Event::Ended(0, SAME),
                &[
                    EndPhase(0, Succeeded),
                    BeginPhase(1),
                    EndPhase(1, Succeeded),
                    BeginPhase(2),
                    Start(1),
                ],
            ),
            (
                Event::Ended(1, SAME),
                &[EndPhase(2, Succeeded), Finish(Succeeded)],
            ),
            (Event::Stop, &[]),
        ],
    );
}

#[test]
fn a_run_of_nothing_succeeds() {
    tell(graph(&[]), 1, &[(Event::Begin, &[Finish(Succeeded)])]);
}

#[test]
fn the_limit_holds_and_the_next_begins_when_one_ends() {
    tell(
        graph(&[&[(&[], false), (&[], false), (&[], false)]]),
        2,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0), Start(1)]),
            (Event::Ended(1, SAME), &[Start(2)]),
        ],
    );
}

#[test]
fn after_a_failure_nothing_new_begins_and_what_runs_may_end() {
    tell(
        graph(&[&[(&[], false), (&[], false), (&[0], false), (&[1], false)]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0), Start(1)]),
            (Event::Ended(0, Ended::Failed), &[]),
            (
                Event::Ended(1, CHANGED),
                &[EndPhase(0, Failed), Finish(Failed)],
            ),
        ],
    );
}

#[test]
fn a_deadline_cuts_what_runs_and_only_in_its_own_phase() {
    tell(
        graph(&[&[(&[], false), (&[], false)]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0), Start(1)]),
            (Event::Deadline(Some(3)), &[]),
            (Event::Deadline(Some(0)), &[Cut(0), Cut(1)]),
            (Event::Ended(1, Ended::Cut), &[]),
            (
                Event::Ended(0, SAME),
                &[EndPhase(0, Failed), Finish(Failed)],
            ),
        ],
    );
}

#[test]
fn stopping_lets_what_runs_end_and_aborting_does_not() {
    tell(
        graph(&[&[(&[], false)], &[(&[], false)]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (Event::Stop, &[]),
            (
                Event::Ended(0, SAME),
                &[EndPhase(0, Succeeded), Finish(Interrupted)],
            ),
        ],
    );
    tell(
        graph(&[&[(&[], false)]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (Event::Stop, &[]),
            (Event::Abort, &[Cut(0)]),
            (
                Event::Ended(0, Ended::Cut),
                &[EndPhase(0, Interrupted), Finish(Interrupted)],
            ),
        ],
    );
}

#[test]
fn a_run_that_was_finished_anyway_has_succeeded_although_it_was_to_stop() {
    tell(
        graph(&[&[(&[], false)]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (Event::Stop, &[]),
            (
                Event::Ended(0, SAME),
                &[EndPhase(0, Succeeded), Finish(Succeeded)],
            ),
        ],
    );
}

#[test]
fn empty_phases_that_remain_do_not_make_an_interruption_of_a_finished_run() {
    tell(
        graph(&[&[(&[], false)], &[]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (Event::Stop, &[]),
            (
                Event::Ended(0, SAME),
                &[
                    EndPhase(0, Succeeded),
                    BeginPhase(1),
                    EndPhase(1, Succeeded),
                    Finish(Succeeded),
                ],
            ),
        ],
    );
}

#[test]
fn a_failure_after_the_request_to_stop_is_still_an_interruption() {
    tell(
        graph(&[&[(&[], false)]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (Event::Stop, &[]),
            (
                Event::Ended(0, Ended::Failed),
                &[EndPhase(0, Interrupted), Finish(Interrupted)],
            ),
        ],
    );
}

#[test]
fn a_disturbing_step_is_left_out_only_while_nothing_has_changed() {
    let check: &[(&[usize], bool)] = &[(&[], true), (&[1], false)];
    tell(
        graph(&[&[(&[], false)], check]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (
                Event::Ended(0, SAME),
                &[EndPhase(0, Succeeded), BeginPhase(1), Skip(1), Start(2)],
            ),
        ],
    );
    tell(
        graph(&[&[(&[], false)], check]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (
                Event::Ended(0, CHANGED),
                &[EndPhase(0, Succeeded), BeginPhase(1), Start(1)],
            ),
        ],
    );
}

#[test]
fn news_of_a_step_that_does_not_run_are_ignored() {
    tell(
        graph(&[&[(&[], false), (&[0], false)]]),
        4,
        &[
            (Event::Begin, &[BeginPhase(0), Start(0)]),
            (Event::Ended(1, Ended::Failed), &[]),
            (Event::Ended(0, SAME), &[Start(1)]),
        ],
    );
}

/// A small generator, so that every machine sees the same graphs.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

fn random_graph(random: &mut Random) -> Graph {
    let mut graph = Graph::default();
    for number in 0..=random.below(4) {
        let first = graph.nodes.len();
        for node in first..first + random.below(12) {
            let mut needs = BTreeSet::new();
            for _ in 0..random.below(4) {
                if node > first {
                    needs.insert(first + random.below(node - first));
                }
            }
            graph.nodes.push(Node {
                needs: needs.into_iter().collect(),
                skippable: random.below(10) == 0,
            });
        }
        graph.phases.push(Phase {
            number: u8::try_from(number).unwrap(),
            nodes: (first..graph.nodes.len()).collect(),
        });
    }
    graph
}

/// Whatever happens: needs come first, the limit holds, nothing begins after trouble, every cut step ran, and the run ends exactly once and truthfully.
#[test]
fn random_graphs_and_fates_keep_the_rules() {
    for seed in 1..2_000_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let graph = random_graph(&mut random);
        let limit = 1 + random.below(4);
        let mut machine = Machine::new(graph.clone(), limit);
        let mut running = BTreeSet::new();
        let mut held = BTreeSet::new();
        let mut troubled = false;
        let mut finish = None;
        let mut event = Event::Begin;
        for turn in 0.. {
            assert!(turn < 1_000, "seed {seed} never ends");
            let actions = machine.handle(event);
            for (place, action) in actions.iter().enumerate() {
                match action {
                    Start(node) => {
                        assert!(!troubled, "seed {seed} began {node} after trouble");
                        let needs = &graph.nodes[*node].needs;
                        assert!(needs.iter().all(|need| held.contains(need)), "seed {seed}");
                        assert!(running.insert(*node), "seed {seed} began {node} twice");
                        assert!(running.len() <= limit, "seed {seed}");
                    }
                    Skip(node) => assert!(held.insert(*node), "seed {seed}"),
                    Cut(node) => assert!(running.contains(node), "seed {seed}"),
                    Finish(ending) => {
                        assert_eq!(place + 1, actions.len(), "seed {seed}");
                        finish = Some(*ending);
                    }
                    BeginPhase(_) | EndPhase(..) => {}
                }
            }
            if finish.is_some() {
                break;
            }
            event = match random.below(40) {
                0 => Event::Stop,
                1 => Event::Abort,
                2 => Event::Deadline(None),
                _ => {
                    let chosen = running
                        .iter()
                        .nth(random.below(running.len()))
                        .copied()
                        .unwrap();
                    running.remove(&chosen);
                    let ended = match random.below(20) {
                        0 => Ended::Failed,
                        1 => CHANGED,
                        _ => SAME,
                    };
                    if matches!(ended, Ended::Succeeded { .. }) {
                        held.insert(chosen);
                    }
                    Event::Ended(chosen, ended)
                }
            };
            troubled |= !matches!(event, Event::Ended(_, Ended::Succeeded { .. }));
        }
        assert!(running.is_empty(), "seed {seed}");
        let all = held.len() == graph.nodes.len();
        assert_eq!(finish == Some(Succeeded), all, "seed {seed}");
        assert!(machine.handle(Event::Stop).is_empty());
    }
}
