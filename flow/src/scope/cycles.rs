//! The cycles of a place, their heads, and the edges that start a next round (rule 3).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Seen, entrances};
use crate::{bits::Bits, components::components};

/// Cycles are named by their heads: a node heads one cycle at most, because the edges into it are taken away before
/// the rest is looked at.
#[derive(Debug, Default)]
pub(crate) struct Cycles {
    /// Of a node in cycles, the heads of those around it.
    around: BTreeMap<u32, Vec<u32>>,
    /// The edges that start the next round of the cycle that their target heads.
    returns: HashSet<(u32, u32)>,
}

impl Cycles {
    /// `far` is the distance of each node from where the place begins.
    pub fn find(edges: &[Seen], starts: &Bits, far: &BTreeMap<u32, u32>) -> Cycles {
        let mut cycles = Cycles::default();
        let mut todo = vec![edges.to_vec()];
        while let Some(edges) = todo.pop() {
            let pairs: Vec<_> = edges.iter().map(|seen| (seen.source, seen.target)).collect();
            let sets = components(&pairs);
            let set_of: HashMap<u32, usize> = sets
                .iter()
                .enumerate()
                .flat_map(|(at, set)| set.iter().map(move |&v| (v, at)))
                .collect();
            let mut within: Vec<Vec<Seen>> = vec![Vec::new(); sets.len()];
            let mut entered: HashSet<u32> = HashSet::new();
            for seen in &edges {
                let Some(&to) = set_of.get(&seen.target) else {
                    continue;
                };
                match set_of.get(&seen.source) {
                    Some(&from) if from == to => {
                        within.get_mut(to).into_iter().for_each(|edges| edges.push(*seen))
                    }
                    _ => {
                        entered.insert(seen.target);
                    }
                }
            }
            for (set, within) in sets.iter().zip(within) {
                let enters = |v: &&u32| entered.contains(v) || starts.contains(**v);
                let nearest = |v: &&u32| (far.get(v), **v);
                let head = set
                    .iter()
                    .filter(enters)
                    .min_by_key(nearest)
                    .or(set.iter().min_by_key(nearest));
                let Some(&head) = head else { continue };
                for &node in set {
                    cycles.around.entry(node).or_default().push(head);
                }
                let (back, rest): (Vec<Seen>, Vec<Seen>) =
                    within.into_iter().partition(|seen| seen.target == head);
                cycles
                    .returns
                    .extend(back.iter().map(|seen| (seen.edge, seen.source)));
                todo.push(rest);
            }
        }
        cycles
    }

    /// Whether an edge, leaving `source` in this place, starts the next round of the cycle that its target heads.
    pub fn is_return(&self, edge: u32, source: u32) -> bool {
        self.returns.contains(&(edge, source))
    }

    /// The heads of the cycles around a node, its own included.
    pub fn heads_around(&self, node: u32) -> &[u32] {
        self.around.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.around.is_empty()
    }
}

/// The sets of nodes of a place that can all reach each other and have several entrances.
pub(crate) fn with_two_entrances(edges: &[Seen], starts: &Bits) -> Vec<Vec<u32>> {
    let pairs: Vec<_> = edges.iter().map(|seen| (seen.source, seen.target)).collect();
    let several = |set: &Vec<u32>| entrances(&set.iter().copied().collect(), starts, edges).len() > 1;
    components(&pairs).into_iter().filter(several).collect()
}
