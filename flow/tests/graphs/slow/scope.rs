//! Places: bodies of loops, cycles and their heads (rules 3 to 5), and what a node waits for (rules 7 and 8).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::net::{Edge, Net, Set, reach};

/// The sets of nodes that can all reach each other, and hold a cycle.
fn components(nodes: &Set, edges: &[Edge]) -> Vec<Set> {
    let within = |edge: &&Edge| nodes.contains(&edge.source) && nodes.contains(&edge.target);
    let edges: Vec<Edge> = edges.iter().filter(within).cloned().collect();
    let turned = |edge: &Edge| Edge {
        source: edge.target.clone(),
        target: edge.source.clone(),
        ..edge.clone()
    };
    let back: Vec<Edge> = edges.iter().map(turned).collect();
    let (mut left, mut out) = (nodes.clone(), Vec::new());
    for node in nodes {
        if left.contains(node) {
            let ahead = reach([node.clone()].into(), &edges, &|_| false);
            let behind = reach([node.clone()].into(), &back, &|_| false);
            let set: Set = ahead
                .intersection(&behind)
                .filter(|other| left.contains(*other))
                .cloned()
                .collect();
            left.retain(|other| !set.contains(other));
            if set.len() > 1
                || edges
                    .iter()
                    .any(|edge| edge.source == *node && edge.target == *node)
            {
                out.push(set);
            }
        }
    }
    out
}

/// What the execution itself sees, or one iteration of a loop. A loop in it is one node; where its body leads out,
/// the loop itself seems to.
pub struct Scope {
    pub ground: Set,
    pub starts: Set,
    pub body: BTreeMap<String, Set>,
    pub members: Set,
    pub edges: Vec<Edge>,
    far: BTreeMap<String, usize>,
    /// The cycles around a node.
    pub inside: BTreeMap<String, BTreeSet<usize>>,
    /// The cycle that a node heads.
    pub heads: BTreeMap<String, usize>,
    /// The cycle whose next round an edge starts.
    pub returns: BTreeMap<Edge, usize>,
}

impl Scope {
    pub fn new(net: &Net, ground: Set, starts: Set) -> Scope {
        let both = |edge: &&Edge| ground.contains(&edge.source) && ground.contains(&edge.target);
        let inside: Vec<Edge> = net.edges.iter().filter(both).cloned().collect();
        let loops = ground.iter().filter(|id| net.kind(id) == "logic-loop");
        let body: BTreeMap<String, Set> = loops
            .map(|one| (one.clone(), body(net, one, &ground, &inside)))
            .collect();
        let into_body = |edge: &Edge| body.contains_key(&edge.source) && edge.handle == "loop";
        let mut edges: Vec<Edge> = inside.iter().filter(|edge| !into_body(edge)).cloned().collect();
        for (one, body) in &body {
            for edge in &inside {
                let within = body.contains(&edge.source) || edge.source == *one && edge.handle == "loop";
                if within && !body.contains(&edge.target) && edge.target != *one {
                    edges.push(Edge {
                        source: one.clone(),
                        handle: "leave".into(),
                        ..edge.clone()
                    });
                }
            }
        }
        let members = reach(starts.clone(), &edges, &|_| false);
        edges.retain(|edge| members.contains(&edge.source));
        let mut scope = Scope {
            ground,
            starts,
            body,
            members,
            edges,
            far: BTreeMap::new(),
            inside: BTreeMap::new(),
            heads: BTreeMap::new(),
            returns: BTreeMap::new(),
        };
        scope.measure();
        scope.nest(scope.members.clone(), scope.edges.clone());
        scope
    }

    fn measure(&mut self) {
        self.far = self.starts.iter().map(|start| (start.clone(), 0)).collect();
        let mut todo: VecDeque<String> = self.starts.iter().cloned().collect();
        while let Some(node) = todo.pop_front() {
            for edge in self.edges.iter().filter(|edge| edge.source == node) {
                if !self.far.contains_key(&edge.target) {
                    self.far.insert(edge.target.clone(), self.far[&node] + 1);
                    todo.push_back(edge.target.clone());
                }
            }
        }
    }

    /// Rule 3.
    fn nest(&mut self, nodes: Set, edges: Vec<Edge>) {
        for set in components(&nodes, &edges) {
            let enters = |node: &&String| {
                let from_outside = |edge: &Edge| edge.target == **node && !set.contains(&edge.source);
                self.starts.contains(*node) || edges.iter().any(from_outside)
            };
            let entered: Set = set.iter().filter(enters).cloned().collect();
            let heads = if entered.is_empty() { &set } else { &entered };
            let head = heads
                .iter()
                .min_by_key(|node| (self.far[*node], *node))
                .unwrap()
                .clone();
            let cycle = self.heads.len();
            self.heads.insert(head.clone(), cycle);
            for node in &set {
                self.inside.entry(node.clone()).or_default().insert(cycle);
            }
            let within: Vec<Edge> = edges
                .iter()
                .filter(|edge| set.contains(&edge.source) && set.contains(&edge.target))
                .cloned()
                .collect();
            let (back, rest): (Vec<Edge>, Vec<Edge>) =
                within.into_iter().partition(|edge| edge.target == head);
            self.returns.extend(back.into_iter().map(|edge| (edge, cycle)));
            self.nest(set, rest);
        }
    }

    pub fn ways_into(&self, node: &str) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.target == node)
    }

    pub fn is_inside(&self, node: &str, cycle: Option<&usize>) -> bool {
        cycle.is_some_and(|cycle| self.inside.get(node).is_some_and(|inside| inside.contains(cycle)))
    }

    fn back(&self, mut todo: Vec<String>, stop: &str, banned: &dyn Fn(&Edge) -> bool) -> Set {
        let mut seen = Set::new();
        while let Some(node) = todo.pop() {
            if node != stop && seen.insert(node.clone()) {
                todo.extend(
                    self.ways_into(&node)
                        .filter(|edge| !banned(edge))
                        .map(|edge| edge.source.clone()),
                );
            }
        }
        seen
    }

    /// The nodes that can still reach a node, and those that can still start the next round of its own cycle.
    pub fn wait(&self, node: &str) -> (Set, Set) {
        let banned = |edge: &Edge| self.is_inside(node, self.returns.get(edge));
        let ahead = self
            .ways_into(node)
            .filter(|edge| !banned(edge))
            .map(|edge| edge.source.clone())
            .collect();
        let own = |edge: &&Edge| {
            self.returns.contains_key(*edge) && self.returns.get(*edge) == self.heads.get(node)
        };
        let round = self
            .ways_into(node)
            .filter(own)
            .map(|edge| edge.source.clone())
            .collect();
        (self.back(ahead, node, &banned), self.back(round, node, &banned))
    }

    /// The nodes from which every way leads to a node.
    pub fn only_to(&self, net: &Net, node: &str) -> Set {
        let leads_on = |id: &str| self.edges.iter().any(|edge| edge.source == id);
        let ends = |id: &str| !leads_on(id) || ["logic-stop", "logic-break"].contains(&net.kind(id));
        let free = self
            .members
            .iter()
            .filter(|id| *id != node && ends(id))
            .cloned()
            .collect();
        let elsewhere = self.back(free, node, &|_| false);
        self.wait(node).0.difference(&elsewhere).cloned().collect()
    }
}

/// What lies behind a loop's `loop` handle and not behind its other handles (rule 4).
fn body(net: &Net, one: &str, ground: &Set, inside: &[Edge]) -> Set {
    let others: Vec<Edge> = inside
        .iter()
        .filter(|edge| edge.source != one && edge.target != one)
        .cloned()
        .collect();
    let deeper = |edge: &Edge| net.kind(&edge.source) == "logic-loop" && edge.handle == "loop";
    let behind = |looping: bool| -> Set {
        let mine = net
            .outof(one)
            .into_iter()
            .filter(|edge| (edge.handle == "loop") == looping);
        mine.map(|edge| edge.target)
            .filter(|target| ground.contains(target) && target != one)
            .collect()
    };
    let outside = reach(behind(false), &others, &deeper);
    reach(behind(true), &others, &|_| false)
        .difference(&outside)
        .cloned()
        .collect()
}
