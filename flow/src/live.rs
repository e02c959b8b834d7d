//! What the start can reach; everything else does not exist for an execution.

use std::{collections::HashMap, sync::Arc};

use crate::{
    bits::Bits,
    catalogue::{DEFAULT, ERROR, Handles},
    graph::{Edge, Graph},
    node::Node,
};

/// The part of a graph that one start can reach. Nodes are numbered in the order of their ids.
#[derive(Debug)]
pub(crate) struct Live {
    pub start: u32,
    pub nodes: Bits,
    /// The edges that leave live nodes, by source, handle and target.
    pub edges: Vec<Edge>,
    /// Of each node, live or not, the range of its edges.
    outof: Vec<std::ops::Range<u32>>,
    /// The live nodes that are loops.
    pub loops: Bits,
    /// The live nodes that choose among named handles, loops excluded.
    pub choosers: Bits,
    /// The live nodes at which every path ends: `logic-stop` and `logic-break`.
    pub ends: Bits,
}

/// What an edge's handle means to the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Default,
    Error,
    Timeout,
    /// Into a loop's body.
    Loop,
    /// Out of a loop.
    Done,
    /// Of a node that chooses.
    Chosen,
    /// None at all: the editor named no handle on a node that has named ones only.
    Missing,
}

impl Live {
    pub fn new(graph: &Graph, start: u32) -> Live {
        let count = graph.all().len();
        let mut of: HashMap<u32, Vec<&Edge>> = HashMap::new();
        for edge in graph.edges() {
            of.entry(edge.source).or_default().push(edge);
        }
        let mut nodes = Bits::none(count);
        let mut todo = vec![start];
        while let Some(node) = todo.pop() {
            if nodes.insert(node) {
                todo.extend(of.get(&node).into_iter().flatten().map(|edge| edge.target));
            }
        }
        let mut edges = Vec::new();
        let mut outof = Vec::with_capacity(count);
        for node in 0..count as u32 {
            let first = edges.len() as u32;
            if nodes.contains(node) {
                edges.extend(of.get(&node).into_iter().flatten().map(|&edge| edge.clone()));
            }
            outof.push(first..edges.len() as u32);
        }
        let that = |holds: &dyn Fn(&Node) -> bool| {
            let all = graph.all().iter().zip(0..);
            let found = all
                .filter(|(node, at)| nodes.contains(*at) && holds(node))
                .map(|(_, at)| at);
            Bits::of(count, found)
        };
        let is_loop = |node: &Node| node.kind.name == "logic-loop";
        let loops = that(&is_loop);
        let named = |node: &Node| matches!(node.kind.handles, Handles::Named { .. } | Handles::Cases);
        let choosers = that(&|node| named(node) && !is_loop(node));
        let ends = that(&|node| node.kind.handles == Handles::Ends);
        Live {
            start,
            nodes,
            edges,
            outof,
            loops,
            choosers,
            ends,
        }
    }

    /// How many nodes the whole graph has: the bound of every set of nodes.
    pub fn bound(&self) -> usize {
        self.outof.len()
    }

    pub fn edge(&self, at: u32) -> Option<&Edge> {
        self.edges.get(at as usize)
    }

    /// The edges that leave a node, with their numbers.
    pub fn outof(&self, node: u32) -> impl Iterator<Item = (u32, &Edge)> {
        let range = self.outof.get(node as usize).cloned().unwrap_or(0..0);
        range.filter_map(|at| Some((at, self.edge(at)?)))
    }

    pub fn way(&self, edge: &Edge) -> Way {
        match (edge.handle.as_deref(), self.loops.contains(edge.source)) {
            (None, _) => Way::Missing,
            (Some(ERROR), _) => Way::Error,
            _ if self.choosers.contains(edge.source) => Way::Chosen,
            (Some("loop"), true) => Way::Loop,
            (Some("done"), true) => Way::Done,
            (Some(DEFAULT), _) => Way::Default,
            (Some("timeout"), _) => Way::Timeout,
            (Some(_), _) => Way::Chosen,
        }
    }

    /// Whether an edge is attached to a node's `error` handle.
    pub fn catches(&self, node: u32) -> bool {
        self.outof(node)
            .any(|(_, edge)| edge.handle.as_deref() == Some(ERROR))
    }

    /// The handles that edges leave a node by.
    pub fn handles(&self, node: u32) -> impl Iterator<Item = &Arc<str>> {
        self.outof(node).filter_map(|(_, edge)| edge.handle.as_ref())
    }
}
