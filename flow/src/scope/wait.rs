//! What a node with several ways in waits for, as sets of nodes (rules 7 and 8).

use super::{Scope, Seen};
use crate::{bits::Bits, live::Live};

/// What can still reach a node, in one kind of place.
#[derive(Debug)]
pub(crate) struct Wait {
    /// The nodes that can, not counting ways that start the next round of a cycle around the node.
    pub ahead: Bits,
    /// The nodes that can, or that can still start the next round of the cycle that the node heads.
    pub ahead_or_round: Bits,
    /// The heads of the cycles around the node: a token that starts their next round does not count.
    pub excused: Bits,
}

impl Wait {
    pub(super) fn of(scope: &Scope, live: &Live, node: u32) -> Wait {
        let bound = live.bound();
        let excused = Bits::of(bound, scope.cycles.heads_around(node).iter().copied());
        let is_return = |seen: &Seen| scope.cycles.is_return(seen.edge, seen.source);
        let banned = |seen: &Seen| excused.contains(seen.target) && is_return(seen);
        let sources = |keep: &dyn Fn(&Seen) -> bool| {
            scope
                .into(node)
                .iter()
                .filter(|seen| keep(seen))
                .map(|seen| seen.source)
                .collect::<Vec<_>>()
        };
        let ahead = back(scope, bound, sources(&|seen| !banned(seen)), node, &banned);
        let mut ahead_or_round = back(scope, bound, sources(&is_return), node, &banned);
        ahead_or_round.add(&ahead);
        Wait {
            ahead,
            ahead_or_round,
            excused,
        }
    }
}

/// The nodes from which every way leads to a node: what a merge with mode `first` cancels.
pub(super) fn losers(scope: &Scope, live: &Live, node: u32, ahead: &Bits) -> Bits {
    let bound = live.bound();
    let mut leads_on = Bits::of(bound, scope.edges.iter().map(|seen| seen.source));
    leads_on.take_away(&live.ends);
    let mut free = scope.members.clone();
    free.take_away(&leads_on);
    free.remove(node);
    let mut losers = ahead.clone();
    losers.take_away(&back(scope, bound, free.iter().collect(), node, &|_| false));
    losers
}

/// What leads to the nodes of `todo` (themselves included) without going through `stop`.
fn back(scope: &Scope, bound: usize, mut todo: Vec<u32>, stop: u32, banned: &dyn Fn(&Seen) -> bool) -> Bits {
    let mut found = Bits::none(bound);
    while let Some(node) = todo.pop() {
        if node != stop && found.insert(node) {
            todo.extend(
                scope
                    .into(node)
                    .iter()
                    .filter(|seen| !banned(seen))
                    .map(|seen| seen.source),
            );
        }
    }
    found
}
