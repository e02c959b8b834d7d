//! A graph compiled for walking: once per version, shared by all its executions.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::Value;

use crate::{Graph, Limits, Node, bits::Bits, check, live::Live, problem::Problem, scope::Scope};

/// How much work the compilation of one graph may be, counted as edges looked at. A graph of 1,000 nodes that people
/// draw takes some ten thousand, 500 loops in a row take two million; loops that all share their bodies in every order
/// would take for ever. Ten million take some tenths of a second.
const WORK: usize = 10_000_000;

/// A graph compiled from its start. Immutable; share it with an `Arc`.
#[derive(Debug)]
pub struct Plan {
    graph: Arc<Graph>,
    live: Live,
    places: Vec<Kind>,
}

/// One kind of place, and what the iterations of each loop in it are.
#[derive(Debug)]
struct Kind {
    scope: Scope,
    inner: BTreeMap<u32, usize>,
    /// Loops around it, at most.
    depth: usize,
}

impl Plan {
    /// Checks and compiles a graph for an execution of `trigger_type`, of an automation whose own type is `own`
    /// (`event`, `ai_tool` ...).
    ///
    /// # Errors
    /// Every problem of the graph, warnings included, if one of them is an error.
    pub fn compile(
        nodes: &Value,
        edges: &Value,
        trigger_type: &str,
        own: &str,
        limits: &Limits,
    ) -> Result<Plan, Vec<Problem>> {
        let graph = Arc::new(Graph::parse(nodes, edges, limits)?);
        let problems = check::graph(&graph, Some(own), limits);
        if problems.iter().any(Problem::is_error) {
            return Err(problems);
        }
        let start = check::start(&graph, trigger_type, own).map_err(|problem| vec![problem])?;
        Plan::build(graph, start, limits).map_err(|problem| vec![problem])
    }

    /// The node of that id, if it is executable.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.graph.node(id)
    }

    /// The executable nodes, by id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.graph.nodes()
    }

    /// The trigger node at which executions begin.
    pub fn start(&self) -> &Node {
        // The start is a position that `check::start` took from this very graph.
        &self.graph.all()[self.live.start as usize]
    }

    /// The places of a graph from one start.
    pub(crate) fn build(graph: Arc<Graph>, start: u32, limits: &Limits) -> Result<Plan, Problem> {
        let live = Live::new(&graph, start);
        let root = (live.nodes.clone(), Bits::of(live.bound(), [start]));
        let mut plan = Plan {
            graph,
            live,
            places: Vec::new(),
        };
        let mut known: HashMap<(Bits, Bits), usize> = HashMap::new();
        let mut work = 0;
        plan.place(&mut known, root, &mut work)?;
        let mut todo = vec![(0, 0)];
        while let Some((at, depth)) = todo.pop() {
            let Some(kind) = plan.places.get_mut(at) else {
                continue;
            };
            if depth > 0 && depth <= kind.depth {
                continue;
            }
            kind.depth = depth;
            let mut loops = kind.scope.members.clone();
            loops.keep(&plan.live.loops);
            for one in loops.iter() {
                if depth == limits.loop_depth {
                    let message =
                        format!("Loops may be nested {depth} deep: move this one to another automation.");
                    return Err(Problem::error("loops_too_deep", plan.id(one), message));
                }
                let inner = plan
                    .places
                    .get(at)
                    .and_then(|kind| kind.scope.inner(&plan.live, one));
                let Some(inner) = inner else { continue };
                let inner = plan.place(&mut known, inner, &mut work)?;
                if let Some(kind) = plan.places.get_mut(at) {
                    kind.inner.insert(one, inner);
                }
                todo.push((inner, depth + 1));
            }
        }
        Ok(plan)
    }

    fn place(
        &mut self,
        known: &mut HashMap<(Bits, Bits), usize>,
        (ground, starts): (Bits, Bits),
        work: &mut usize,
    ) -> Result<usize, Problem> {
        if let Some(at) = known.get(&(ground.clone(), starts.clone())) {
            return Ok(*at);
        }
        let mut loops = ground.clone();
        loops.keep(&self.live.loops);
        *work += (self.live.edges.len() + self.live.bound()) * (loops.len() + 1);
        if *work > WORK {
            let message =
                "Too many loops share their nodes with each other: give each loop a body of its own.";
            return Err(Problem::error("too_complex", None, message));
        }
        known.insert((ground.clone(), starts.clone()), self.places.len());
        let scope = Scope::new(&self.live, ground, starts);
        self.places.push(Kind {
            scope,
            inner: BTreeMap::new(),
            depth: 0,
        });
        Ok(self.places.len() - 1)
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn at(&self, node: u32) -> Option<&Node> {
        self.graph.all().get(node as usize)
    }

    pub(crate) fn id(&self, node: u32) -> &str {
        self.at(node).map_or("", |node| &node.id)
    }

    pub(crate) fn index(&self, id: &str) -> Option<u32> {
        self.graph.index(id)
    }

    /// A kind of place by its number; 0 is the execution itself.
    pub(crate) fn scope(&self, at: usize) -> Option<&Scope> {
        self.places.get(at).map(|kind| &kind.scope)
    }

    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.places.iter().map(|kind| &kind.scope)
    }

    /// What an iteration of a loop in a kind of place is.
    pub(crate) fn inner(&self, at: usize, one: u32) -> Option<usize> {
        self.places.get(at)?.inner.get(&one).copied()
    }
}
