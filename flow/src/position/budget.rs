//! What is said of an execution that does not end: the nodes that ran most, and the cycle that they are.

use std::{cmp::Reverse, sync::Arc};

use super::{End, Position};

/// How many nodes are named, and of one cycle.
const NAMED: usize = 5;
const CYCLE: usize = 20;

impl Position {
    pub(super) fn over_budget(&self) -> End {
        let mut nodes: Vec<(u64, u32)> = self.ran.iter().copied().zip(0..).collect();
        nodes.retain(|(ran, _)| *ran > 0);
        nodes.sort_by_key(|(ran, node)| (Reverse(*ran), *node));
        let most = nodes.first().map_or(0, |(ran, _)| *ran);
        // the nodes of a cycle ran equally often, but for the round that was cut off
        let busiest = nodes.iter().filter(|(ran, _)| *ran > 1 && ran + 1 >= most);
        let cycle = self.cycle_of(busiest.map(|(_, node)| *node).collect());
        let named: Vec<u32> = match &cycle {
            Some(cycle) => cycle.clone(),
            None => nodes.iter().take(NAMED).map(|(_, node)| *node).collect(),
        };
        let named = named.into_iter().filter_map(|node| {
            let ran = self.ran.get(node as usize)?;
            Some((Arc::clone(&self.plan.at(node)?.id), *ran))
        });
        End::Budget {
            nodes: named.collect(),
            cycle: cycle.is_some(),
        }
    }

    /// These nodes in the order of the cycle that leads through all of them, if that is easy to see.
    fn cycle_of(&self, nodes: Vec<u32>) -> Option<Vec<u32>> {
        let live = self.plan.live();
        let leads = |from: u32, to: u32| live.outof(from).any(|(_, edge)| edge.target == to);
        let mut left = nodes;
        if left.is_empty() || left.len() > CYCLE {
            return None;
        }
        let mut cycle = vec![left.remove(0)];
        while let Some(last) = cycle.last().copied().filter(|_| !left.is_empty()) {
            let next = left.iter().position(|node| leads(last, *node))?;
            cycle.push(left.remove(next));
        }
        leads(*cycle.last()?, *cycle.first()?).then_some(cycle)
    }
}
