//! The sets of nodes that can all reach each other, found in one pass (Tarjan), without recursion.

use std::collections::HashMap;

/// The strongly connected components that hold a cycle, each sorted, in the order of their least nodes.
/// `edges` are pairs of source and target.
pub(crate) fn components(edges: &[(u32, u32)]) -> Vec<Vec<u32>> {
    let mut outof: HashMap<u32, Vec<u32>> = HashMap::new();
    for (source, target) in edges {
        outof.entry(*source).or_default().push(*target);
    }
    let mut roots: Vec<u32> = outof.keys().copied().collect();
    roots.sort_unstable();
    let mut search = Search {
        outof,
        seen: HashMap::new(),
        stack: Vec::new(),
        found: Vec::new(),
    };
    for root in roots {
        if !search.seen.contains_key(&root) {
            search.from(root);
        }
    }
    search.found.sort();
    search.found
}

/// What is known of a node: when it was seen, the earliest one on the stack that it reaches, whether it is there.
struct Seen {
    at: usize,
    low: usize,
    stacked: bool,
}

struct Search {
    outof: HashMap<u32, Vec<u32>>,
    seen: HashMap<u32, Seen>,
    stack: Vec<u32>,
    found: Vec<Vec<u32>>,
}

impl Search {
    fn from(&mut self, root: u32) {
        let mut path = vec![(root, 0)]; // a node and how many of its edges were followed
        self.see(root);
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            let target = self
                .outof
                .get(&node)
                .and_then(|targets| targets.get(*next))
                .copied();
            *next += 1;
            match target {
                Some(target) => match self.seen.get(&target) {
                    None => {
                        self.see(target);
                        path.push((target, 0));
                    }
                    Some(Seen {
                        at, stacked: true, ..
                    }) => {
                        let at = *at;
                        self.lower(node, at);
                    }
                    Some(_) => {}
                },
                None => {
                    path.pop();
                    let low = self.leave(node);
                    if let Some((before, _)) = path.last() {
                        self.lower(*before, low);
                    }
                }
            }
        }
    }

    fn see(&mut self, node: u32) {
        let at = self.seen.len();
        self.seen.insert(
            node,
            Seen {
                at,
                low: at,
                stacked: true,
            },
        );
        self.stack.push(node);
    }

    fn lower(&mut self, node: u32, low: usize) {
        if let Some(seen) = self.seen.get_mut(&node) {
            seen.low = seen.low.min(low);
        }
    }

    /// A node whose edges have all been followed; if it closes a component, that is taken from the stack.
    fn leave(&mut self, node: u32) -> usize {
        let Some(Seen { at, low, .. }) = self.seen.get(&node) else {
            return usize::MAX;
        };
        let (at, low) = (*at, *low);
        if at == low {
            let mut members = Vec::new();
            while let Some(member) = self.stack.pop() {
                if let Some(seen) = self.seen.get_mut(&member) {
                    seen.stacked = false;
                }
                members.push(member);
                if member == node {
                    break;
                }
            }
            let turns = self
                .outof
                .get(&node)
                .is_some_and(|targets| targets.contains(&node));
            if members.len() > 1 || turns {
                members.sort_unstable();
                self.found.push(members);
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_components_with_a_cycle_are_found() {
        let edges = [
            (0, 1),
            (1, 2),
            (2, 1),
            (2, 3),
            (3, 3),
            (3, 4),
            (4, 5),
            (7, 6),
            (6, 7),
        ];
        assert_eq!(components(&edges), [vec![1, 2], vec![3], vec![6, 7]]);
    }

    #[test]
    fn a_cycle_of_a_hundred_thousand_nodes_does_not_overflow() {
        let edges: Vec<_> = (0..100_000).map(|n| (n, (n + 1) % 100_000)).collect();
        assert_eq!(components(&edges).len(), 1);
    }
}
