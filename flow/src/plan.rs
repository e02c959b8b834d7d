//! A graph compiled for walking: once per version, shared by all its executions.

use serde_json::Value;

use crate::{Graph, Limits, Node, problem::Problem};

/// A graph compiled from its start. Immutable; share it with an `Arc`.
#[derive(Debug)]
pub struct Plan {
    pub(crate) graph: Graph,
    pub(crate) start: u32,
}

impl Plan {
    /// Checks and compiles a graph for an execution of `trigger_type`, of an automation whose own type is `own`.
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
        let _ = (trigger_type, own);
        Ok(Plan {
            graph: Graph::parse(nodes, edges, limits)?,
            start: 0,
        })
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
        &self.graph.all()[self.start as usize]
    }
}
