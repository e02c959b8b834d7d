//! What can be reached from the start, and by which handles edges leave (rules 1 and 2).

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use serde_json::Value;

use super::scope::Scope;
use crate::build::Drawn;

pub type Set = BTreeSet<String>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    pub source: String,
    pub handle: String,
    pub target: String,
    /// Which edge of the graph: one that leaves a loop has another source, but the same number.
    pub number: usize,
}

/// What can be reached from the start; everything else does not exist.
pub struct Net {
    pub start: String,
    pub nodes: BTreeMap<String, Value>,
    pub edges: Vec<Edge>,
    scopes: RefCell<HashMap<(Set, Set), Rc<Scope>>>,
}

const EXECUTABLE: [&str; 5] = ["trigger-", "action-", "logic-", "transform-", "ai-"];

impl Net {
    pub fn new(drawn: &Drawn) -> Net {
        let executable = |node: &&Value| {
            EXECUTABLE
                .iter()
                .any(|prefix| node["type"].as_str().unwrap().starts_with(prefix))
        };
        let id = |node: &Value| node["id"].as_str().unwrap().to_owned();
        let known: BTreeMap<String, Value> = drawn
            .nodes
            .iter()
            .filter(executable)
            .map(|node| (id(node), node.clone()))
            .collect();
        let start = drawn
            .nodes
            .iter()
            .find(|node| node["type"] == "trigger-manual")
            .map(id)
            .unwrap();
        let mut edges: Vec<Edge> = Vec::new();
        for edge in &drawn.edges {
            let end = |key: &str| edge[key].as_str().unwrap().to_owned();
            let (source, target) = (end("source"), end("target"));
            if known.contains_key(&source) && known.contains_key(&target) {
                let handle = handle_of(
                    known[&source]["type"].as_str().unwrap(),
                    edge["sourceHandle"].as_str(),
                );
                edges.push(Edge {
                    source,
                    handle,
                    target,
                    number: 0,
                });
            }
        }
        edges.sort(); // the order of the JSON means nothing (rule 15)
        edges
            .iter_mut()
            .enumerate()
            .for_each(|(number, edge)| edge.number = number);
        let live = reach([start.clone()].into(), &edges, &|_| false);
        edges.retain(|edge| live.contains(&edge.source));
        let nodes = known.into_iter().filter(|(id, _)| live.contains(id)).collect();
        Net {
            start,
            nodes,
            edges,
            scopes: RefCell::default(),
        }
    }

    pub fn kind(&self, id: &str) -> &str {
        self.nodes[id]["type"].as_str().unwrap()
    }

    pub fn data(&self, id: &str) -> &Value {
        &self.nodes[id]["data"]
    }

    pub fn disabled(&self, id: &str) -> bool {
        self.data(id)["disabled"] == true
    }

    pub fn config(&self, id: &str) -> &Value {
        let data = self.data(id);
        data.get("config").unwrap_or(data)
    }

    pub fn outof(&self, id: &str) -> Vec<Edge> {
        self.edges
            .iter()
            .filter(|edge| edge.source == id)
            .cloned()
            .collect()
    }

    pub fn catches(&self, id: &str) -> bool {
        self.outof(id).iter().any(|edge| edge.handle == "error")
    }

    pub fn root(&self) -> Rc<Scope> {
        self.scope(self.nodes.keys().cloned().collect(), [self.start.clone()].into())
    }

    pub fn scope(&self, ground: Set, starts: Set) -> Rc<Scope> {
        let key = (ground, starts);
        let known = self.scopes.borrow().get(&key).cloned();
        known.unwrap_or_else(|| {
            let scope = Rc::new(Scope::new(self, key.0.clone(), key.1.clone()));
            self.scopes.borrow_mut().insert(key, scope.clone());
            scope
        })
    }
}

/// A node with one way out has one handle, whatever the editor calls it (rule 2).
fn handle_of(kind: &str, handle: Option<&str>) -> String {
    let named = ["logic-condition", "logic-switch", "logic-loop", "logic-approval"].contains(&kind);
    match handle {
        Some("error") => "error".into(),
        Some("timeout") if kind == "logic-wait" => "timeout".into(),
        Some(handle) if named => handle.into(),
        _ if named => "?".into(),
        _ => "default".into(),
    }
}

pub fn reach(first: Set, edges: &[Edge], skip: &dyn Fn(&Edge) -> bool) -> Set {
    let mut seen = Set::new();
    let mut todo: Vec<String> = first.into_iter().collect();
    while let Some(node) = todo.pop() {
        if seen.insert(node.clone()) {
            todo.extend(
                edges
                    .iter()
                    .filter(|edge| edge.source == node && !skip(edge))
                    .map(|edge| edge.target.clone()),
            );
        }
    }
    seen
}
