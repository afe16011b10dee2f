//! Steps as numbers that need numbers: sorting, finding a circle, turning edges round. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// Every node after those that it needs, otherwise in their own order; or the nodes of one circle, the first again at its end.
pub(crate) fn sorted(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let wanted_by = reversed(needs);
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut ready: BinaryHeap<Reverse<usize>> = missing
        .iter()
        .enumerate()
        .filter(|(_, missing)| **missing == 0)
        .map(|(index, _)| Reverse(index))
        .collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for waiting in wanted_by.get(index).into_iter().flatten() {
            if let Some(missing) = missing.get_mut(*waiting) {
                *missing = missing.saturating_sub(1);
                if *missing == 0 {
                    ready.push(Reverse(*waiting));
                }
            }
        }
    }
    if order.len() == needs.len() {
        Ok(order)
    } else {
        Err(circle(needs, &missing))
    }
}

/// Follows unmet needs until a node comes up again.
fn circle(needs: &[Vec<usize>], missing: &[usize]) -> Vec<usize> {
    let stuck = |index: &usize| missing.get(*index).is_some_and(|missing| *missing > 0);
    let mut path: Vec<usize> = Vec::new();
    let mut at = (0..needs.len()).find(|index| stuck(index));
    while let Some(index) = at {
        if let Some(begin) = path.iter().position(|seen| *seen == index) {
            path.drain(..begin);
            path.push(index);
            return path;
        }
        path.push(index);
        at = needs
            .get(index)
            .and_then(|needs| needs.iter().copied().find(|need| stuck(need)));
    }
    path
}

/// For each node those that need it.
pub(crate) fn reversed(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut wanted_by = vec![Vec::new(); needs.len()];
    for (index, needs) in needs.iter().enumerate() {
        for need in needs {
            if let Some(list) = wanted_by.get_mut(*need) {
                list.push(index);
            }
        }
    }
    wanted_by
}

/// Everything that can be reached from a node, without itself.
pub(crate) fn reachable(edges: &[Vec<usize>], from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(index) = open.pop() {
        for next in edges.get(index).into_iter().flatten() {
            if *next != from && found.insert(*next) {
                open.push(*next);
            }
        }
    }
    found
}

/// The chain of needs that takes longest, first to last, by the time that each node took.
pub(crate) fn longest_chain(needs: &[Vec<usize>], took: &[u64]) -> Vec<usize> {
    let Ok(order) = sorted(needs) else {
        return Vec::new();
    };
    let mut until = vec![0_u64; needs.len()];
    let mut before: Vec<Option<usize>> = vec![None; needs.len()];
    for index in order {
        let needed = needs.get(index).into_iter().flatten();
        let slowest = needed.copied().max_by_key(|need| until.get(*need).copied());
        let so_far = slowest
            .and_then(|need| until.get(need))
            .copied()
            .unwrap_or(0);
        if let (Some(until), Some(before)) = (until.get_mut(index), before.get_mut(index)) {
            *until = so_far.saturating_add(took.get(index).copied().unwrap_or(0));
            *before = slowest;
        }
    }
    let mut at = (0..needs.len()).max_by_key(|index| until.get(*index).copied());
    let mut chain = Vec::new();
    while let Some(index) = at {
        chain.push(index);
        at = before.get(index).copied().flatten();
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_keeps_the_given_order_where_needs_allow() {
        assert_eq!(
            sorted(&[vec![2], vec![], vec![], vec![0, 1]]),
            Ok(vec![1, 2, 0, 3])
        );
    }

    #[test]
    fn a_circle_is_named_from_its_beginning_to_its_beginning() {
        let found = sorted(&[vec![], vec![3, 0], vec![1], vec![2]]).unwrap_err();
        assert_eq!(found, [1, 3, 2, 1]);
    }

    #[test]
    fn the_longest_chain_is_the_slowest_and_not_the_one_with_most_steps() {
        let needs = [vec![], vec![0], vec![1], vec![], vec![3]];
        assert_eq!(longest_chain(&needs, &[5, 5, 5, 100, 1]), [3, 4]);
        assert_eq!(longest_chain(&needs, &[5, 5, 500, 100, 1]), [0, 1, 2]);
        assert!(longest_chain(&[], &[]).is_empty());
    }

    #[test]
    fn what_is_reachable_does_not_hold_the_beginning() {
        let edges = [vec![1], vec![2], vec![0], vec![0]];
        assert_eq!(reachable(&edges, 0).into_iter().collect::<Vec<_>>(), [1, 2]);
    }
}
