//! A graph as the editor saves it (React Flow's `toObject()`), read into nodes and edges in a fixed order: nothing
//! that follows depends on the order of the JSON (rule 15).

mod read;

use std::sync::Arc;

use serde_json::Value;

use crate::{limits::Limits, node::Node, problem::Problem};

/// The executable nodes of a graph and the edges between them.
#[derive(Debug)]
pub struct Graph {
    /// By id.
    nodes: Vec<Node>,
    /// By source, handle and target.
    edges: Vec<Edge>,
}

/// One edge between executable nodes, by their positions in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub source: u32,
    /// None: it leaves a node that has named handles only, and names none.
    pub handle: Option<Arc<str>>,
    pub target: u32,
}

impl Graph {
    /// Reads `nodes` and `edges`. Everything that is wrong with their form is told at once, in a fixed order.
    ///
    /// # Errors
    /// JSON of the wrong form, what passes the limits, two nodes with one id, an edge to nowhere or into a trigger,
    /// an unknown type.
    pub fn parse(nodes: &Value, edges: &Value, limits: &Limits) -> Result<Graph, Vec<Problem>> {
        let mut problems = Vec::new();
        let graph = read::read(nodes, edges, limits, &mut problems);
        problems.sort();
        problems.dedup();
        match graph {
            Some(graph) if problems.is_empty() => Ok(graph),
            _ => Err(problems),
        }
    }

    /// The node of that id, if it is executable.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.index(id).and_then(|at| self.nodes.get(at as usize))
    }

    /// The executable nodes, by id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    pub(crate) fn index(&self, id: &str) -> Option<u32> {
        self.nodes
            .binary_search_by(|node| (*node.id).cmp(id))
            .ok()
            .map(|at| at as u32)
    }

    pub(crate) fn all(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn edges(&self) -> &[Edge] {
        &self.edges
    }
}
