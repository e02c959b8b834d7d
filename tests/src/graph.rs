//! Graphs as an editor would save them, written short.

use serde_json::{Value, json};

/// Nodes and edges in the order in which they were added.
#[derive(Clone, Default)]
pub struct Graph {
    nodes: Vec<Value>,
    edges: Vec<Value>,
}

impl Graph {
    /// Nothing yet.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// A graph that begins with this trigger node, whose id is `start`.
    pub fn from(trigger: &str) -> Graph {
        Graph::new().node("start", trigger, json!({}))
    }

    /// Adds a node with this configuration.
    pub fn node(self, id: &str, kind: &str, config: Value) -> Graph {
        self.node_with(id, kind, json!({ "config": config }))
    }

    /// Adds a node with this `data`: configuration and what any node may have (`disabled`, `onError` ...).
    pub fn node_with(mut self, id: &str, kind: &str, data: Value) -> Graph {
        let mut data = data;
        if data.get("label").is_none() {
            data["label"] = json!(id);
        }
        let x = 200 * self.nodes.len();
        self.nodes
            .push(json!({"id": id, "type": kind, "position": {"x": x, "y": 0}, "data": data}));
        self
    }

    /// An edge from the default handle.
    pub fn edge(self, source: &str, target: &str) -> Graph {
        self.edge_by(source, None, target)
    }

    /// An edge from a named handle.
    pub fn edge_from(self, source: &str, handle: &str, target: &str) -> Graph {
        self.edge_by(source, Some(handle), target)
    }

    fn edge_by(mut self, source: &str, handle: Option<&str>, target: &str) -> Graph {
        let id = format!("e{}", self.edges.len() + 1);
        self.edges
            .push(json!({"id": id, "source": source, "target": target, "sourceHandle": handle}));
        self
    }

    /// Edges along this list of nodes, each from the default handle.
    pub fn chain(mut self, ids: &[&str]) -> Graph {
        for pair in ids.windows(2) {
            self = self.edge(pair[0], pair[1]);
        }
        self
    }

    /// A node that sets one variable.
    pub fn set(self, id: &str, name: &str, value: Value) -> Graph {
        self.node(
            id,
            "transform-set-variable",
            json!({"variables": [{"name": name, "value": value}]}),
        )
    }

    /// The nodes as JSON.
    pub fn nodes(&self) -> Value {
        Value::Array(self.nodes.clone())
    }

    /// The edges as JSON.
    pub fn edges(&self) -> Value {
        Value::Array(self.edges.clone())
    }
}
