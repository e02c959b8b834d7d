//! What the execution itself sees, or one iteration of a loop: its *ground* (all nodes, or the body), which of them
//! can run here, by which edges, and what each must wait for. A loop in it is one node; where its body leads out,
//! the loop itself seems to (rules 3, 4, 5, 7).

mod cycles;
mod wait;

use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::{
    bits::Bits,
    live::{Live, Way},
};

pub(crate) use cycles::{Cycles, with_two_entrances};
pub(crate) use wait::Wait;

/// An edge as a place sees it. Ordered by target, so that the ways into a node lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Seen {
    pub target: u32,
    /// The node that it leaves in this place: for an edge out of a body, the loop.
    pub source: u32,
    /// The edge of the graph.
    pub edge: u32,
    /// Whether it leads out of a loop's body.
    pub leaves: bool,
}

/// One kind of place.
#[derive(Debug)]
pub(crate) struct Scope {
    pub ground: Bits,
    pub starts: Bits,
    /// The bodies of the loops in the ground.
    pub bodies: BTreeMap<u32, Bits>,
    /// The nodes that can run here.
    pub members: Bits,
    /// By target.
    pub edges: Vec<Seen>,
    /// Of each node, where the ways into it begin among the edges.
    into: Vec<u32>,
    pub cycles: Cycles,
    /// Of the members with several ways in, what they wait for; computed when first asked.
    waits: BTreeMap<u32, std::sync::OnceLock<Wait>>,
}

impl Scope {
    pub fn new(live: &Live, ground: Bits, starts: Bits) -> Scope {
        let inside: Vec<Seen> = live
            .edges
            .iter()
            .zip(0..)
            .filter(|(edge, _)| ground.contains(edge.source) && ground.contains(edge.target))
            .map(|(edge, at)| Seen {
                target: edge.target,
                source: edge.source,
                edge: at,
                leaves: false,
            })
            .collect();
        let is_loop_edge = |seen: &Seen| {
            live.edge(seen.edge)
                .is_some_and(|edge| live.way(edge) == Way::Loop)
        };
        let outof = by_source(live.bound(), &inside);
        let mut loops = ground.clone();
        loops.keep(&live.loops);
        let body = |one| (one, body(live, &ground, &outof, one, &is_loop_edge));
        let bodies: BTreeMap<u32, Bits> = loops.iter().map(body).collect();

        let mut edges: Vec<Seen> = inside
            .iter()
            .copied()
            .filter(|seen| !is_loop_edge(seen))
            .collect();
        for (&one, body) in &bodies {
            let leaves = |seen: &&Seen| {
                let within = body.contains(seen.source) || (seen.source == one && is_loop_edge(seen));
                within && !body.contains(seen.target) && seen.target != one
            };
            let out = inside.iter().filter(leaves);
            edges.extend(out.map(|seen| Seen {
                source: one,
                leaves: true,
                ..*seen
            }));
        }
        let far = distances(live.bound(), &edges, &starts);
        let members = Bits::of(live.bound(), far.keys().copied());
        edges.retain(|seen| members.contains(seen.source));
        edges.sort_unstable();
        let cycles = Cycles::find(&edges, &starts, &far);
        let into = beginnings(live.bound(), &edges);
        let waits = BTreeMap::new();
        let mut scope = Scope {
            ground,
            starts,
            bodies,
            members,
            edges,
            into,
            cycles,
            waits,
        };
        scope.waits = scope
            .members
            .iter()
            .filter(|&v| scope.ways(v) > 1)
            .map(|v| (v, Default::default()))
            .collect();
        scope
    }

    /// The ways into a node.
    pub fn into(&self, node: u32) -> &[Seen] {
        let at = |node: usize| self.into.get(node).map_or(self.edges.len(), |at| *at as usize);
        let (first, after) = (at(node as usize), at(node as usize + 1));
        self.edges.get(first..after).unwrap_or_default()
    }

    /// How many ways lead into a node, a beginning of the place counted.
    pub fn ways(&self, node: u32) -> usize {
        self.into(node).len() + usize::from(self.starts.contains(node))
    }

    /// What a node with several ways in waits for; none for one with a single way.
    pub fn wait(&self, live: &Live, node: u32) -> Option<&Wait> {
        Some(self.waits.get(&node)?.get_or_init(|| Wait::of(self, live, node)))
    }

    /// The nodes from which every way leads to a node with several ways in.
    pub fn losers(&self, live: &Live, node: u32) -> Option<Bits> {
        let wait = self.wait(live, node)?;
        Some(wait::losers(self, live, node, &wait.ahead))
    }

    /// The place inside an iteration of a loop: its body and where it begins. None for a body that holds nothing.
    pub fn inner(&self, live: &Live, one: u32) -> Option<(Bits, Bits)> {
        let body = self.bodies.get(&one)?;
        let targets = live
            .outof(one)
            .filter(|(_, edge)| live.way(edge) == Way::Loop)
            .map(|(_, edge)| edge.target);
        let mut starts = Bits::of(live.bound(), targets);
        starts.keep(body);
        Some((body.clone(), starts))
    }
}

/// What lies behind a loop's `loop` handle and not behind its other handles (rule 4).
fn body(
    live: &Live,
    ground: &Bits,
    outof: &[Vec<Seen>],
    one: u32,
    is_loop_edge: &dyn Fn(&Seen) -> bool,
) -> Bits {
    let behind = |looping: bool, deeper: bool| {
        let mine = live
            .outof(one)
            .filter(|(_, edge)| (live.way(edge) == Way::Loop) == looping);
        let first = mine
            .map(|(_, edge)| edge.target)
            .filter(|&v| v != one && ground.contains(v));
        let mut todo: Vec<u32> = first.collect();
        let mut found = Bits::none(live.bound());
        while let Some(node) = todo.pop() {
            if found.insert(node) {
                let others = |seen: &&Seen| seen.target != one && (deeper || !is_loop_edge(seen));
                let edges = outof.get(node as usize).into_iter().flatten();
                todo.extend(edges.filter(others).map(|seen| seen.target));
            }
        }
        found
    };
    let mut body = behind(true, true);
    body.take_away(&behind(false, false));
    body
}

fn by_source(bound: usize, edges: &[Seen]) -> Vec<Vec<Seen>> {
    let mut outof = vec![Vec::new(); bound];
    for seen in edges {
        outof
            .get_mut(seen.source as usize)
            .into_iter()
            .for_each(|edges| edges.push(*seen));
    }
    outof
}

/// Where the edges into each node begin, of edges that are sorted by target.
fn beginnings(bound: usize, edges: &[Seen]) -> Vec<u32> {
    let mut into = Vec::with_capacity(bound);
    let mut at = 0;
    for node in 0..bound as u32 {
        into.push(at as u32);
        at += edges
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take_while(|seen| seen.target == node)
            .count();
    }
    into
}

/// How many edges each node that can run here is away from where the place begins.
fn distances(bound: usize, edges: &[Seen], starts: &Bits) -> BTreeMap<u32, u32> {
    let outof = by_source(bound, edges);
    let mut far: BTreeMap<u32, u32> = starts.iter().map(|v| (v, 0)).collect();
    let mut todo: VecDeque<(u32, u32)> = starts.iter().map(|v| (v, 0)).collect();
    while let Some((node, steps)) = todo.pop_front() {
        for &Seen { target, .. } in outof.get(node as usize).into_iter().flatten() {
            if let std::collections::btree_map::Entry::Vacant(new) = far.entry(target) {
                new.insert(steps + 1);
                todo.push_back((target, steps + 1));
            }
        }
    }
    far
}

/// The nodes of a set of nodes by which it is entered: where the place begins, or from outside of the set.
pub(crate) fn entrances(set: &HashSet<u32>, starts: &Bits, edges: &[Seen]) -> HashSet<u32> {
    let begin = set.iter().copied().filter(|&v| starts.contains(v));
    let enter = edges
        .iter()
        .filter(|seen| set.contains(&seen.target) && !set.contains(&seen.source));
    begin.chain(enter.map(|seen| seen.target)).collect()
}
