//! Reading React Flow's JSON: limits first, then nodes, then edges. Nothing here trusts anything.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{Edge, Graph};
use crate::{
    catalogue::{NodeType, node_type},
    limits::{ID_CHARACTERS, JSON_DEPTH, Limits},
    measure::measure,
    node::Node,
    problem::Problem,
};

/// What the names of executable types begin with: one that is not in the catalogue is a mistake, not drawing.
const PREFIXES: [&str; 5] = ["trigger-", "action-", "logic-", "transform-", "ai-"];
/// Types that are drawing, by the words in their names. Of other unknown types a connected one is a mistake.
const DRAWING: [&str; 9] = [
    "group",
    "note",
    "comment",
    "sticky",
    "annotation",
    "label",
    "text",
    "frame",
    "section",
];

/// A node of the JSON, as far as edges need it.
enum Drawn<'a> {
    Executable(&'static NodeType),
    /// A group or a note.
    Drawing,
    /// A type that nothing knows; a mistake if an edge is attached.
    Unknown(Option<&'a str>),
}

pub(super) fn read(
    nodes: &Value,
    edges: &Value,
    limits: &Limits,
    problems: &mut Vec<Problem>,
) -> Option<Graph> {
    let (nodes, edges) = within_limits(nodes, edges, limits, problems)?;
    let mut known: HashMap<&str, Drawn> = HashMap::new();
    let mut read = Vec::new();
    for node in nodes {
        let Some((id, drawn)) = read_head(node, problems) else {
            continue;
        };
        if let Drawn::Executable(kind) = drawn {
            read.push(Node::read(id.into(), kind, node.get("data"), problems));
        }
        if known.insert(id, drawn).is_some() {
            let message = "Two nodes have this id: give one of them another.";
            problems.push(Problem::error("duplicate_id", id, message));
        }
    }
    let found: Vec<_> = edges
        .iter()
        .filter_map(|edge| read_edge(edge, &known, problems))
        .collect();
    read.sort_by(|a, b| a.id.cmp(&b.id));
    let graph = Graph {
        nodes: read,
        edges: Vec::new(),
    };
    let mut edges: Vec<Edge> = found
        .into_iter()
        .filter_map(|(source, handle, target)| {
            Some(Edge {
                source: graph.index(source)?,
                handle,
                target: graph.index(target)?,
            })
        })
        .collect();
    edges.sort();
    Some(Graph { edges, ..graph })
}

/// The two lists, if looking at them is safe and affordable.
fn within_limits<'a>(
    nodes: &'a Value,
    edges: &'a Value,
    limits: &Limits,
    problems: &mut Vec<Problem>,
) -> Option<(&'a [Value], &'a [Value])> {
    let mut bytes = 0;
    for (name, value) in [("nodes", nodes), ("edges", edges)] {
        let found = measure(value, limits.bytes, JSON_DEPTH);
        bytes += found.bytes;
        if found.depth > JSON_DEPTH {
            let message = format!("`{name}` is nested deeper than {JSON_DEPTH} levels: make it flatter.");
            problems.push(Problem::error("too_deep", None, message));
        }
    }
    if bytes > limits.bytes {
        let message = format!(
            "The graph is larger than {} bytes: split it into several.",
            limits.bytes
        );
        problems.push(Problem::error("too_large", None, message));
    }
    let nodes = list("nodes", nodes, problems);
    let edges = list("edges", edges, problems);
    if nodes.is_some_and(|nodes| nodes.len() > limits.nodes) {
        let message = format!(
            "The graph has more than {} nodes: split it into several.",
            limits.nodes
        );
        problems.push(Problem::error("too_many_nodes", None, message));
    }
    nodes.zip(edges).filter(|_| problems.is_empty())
}

fn list<'a>(name: &str, value: &'a Value, problems: &mut Vec<Problem>) -> Option<&'a [Value]> {
    match value {
        Value::Null => Some(&[]),
        Value::Array(items) => Some(items),
        _ => {
            problems.push(Problem::error(
                "wrong_type",
                None,
                format!("`{name}` must be a list."),
            ));
            None
        }
    }
}

/// Id and type of a node.
fn read_head<'a>(node: &'a Value, problems: &mut Vec<Problem>) -> Option<(&'a str, Drawn<'a>)> {
    if !node.is_object() {
        problems.push(Problem::error("wrong_type", None, "Each node must be an object."));
        return None;
    }
    let Some(id) = node.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) else {
        problems.push(Problem::error(
            "no_id",
            None,
            "A node has no `id`, or one that is not a string.",
        ));
        return None;
    };
    if id.chars().count() > ID_CHARACTERS {
        let message = format!("A node's id may have {ID_CHARACTERS} characters at most: shorten this one.");
        problems.push(Problem::error("long_id", id, message));
        return None;
    }
    let name = match node.get("type") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.as_str()),
        Some(_) => {
            problems.push(Problem::error(
                "wrong_type",
                id,
                "`type` of this node must be a string.",
            ));
            return Some((id, Drawn::Drawing));
        }
    };
    if let Some(kind) = name.and_then(node_type) {
        return Some((id, Drawn::Executable(kind)));
    }
    if name.is_some_and(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix))) {
        problems.push(unknown_type(id, name));
        return Some((id, Drawn::Drawing));
    }
    let words = name.unwrap_or_default().to_lowercase();
    let drawing = DRAWING.iter().any(|word| words.contains(word));
    Some((
        id,
        if drawing {
            Drawn::Drawing
        } else {
            Drawn::Unknown(name)
        },
    ))
}

fn unknown_type(id: &str, name: Option<&str>) -> Problem {
    let message = match name {
        Some(name) => {
            let name: String = name.chars().take(ID_CHARACTERS).collect();
            format!("There is no node type {name:?}: choose one of the catalogue.")
        }
        None => "This node has no `type`: choose one of the catalogue.".to_owned(),
    };
    Problem::error("unknown_type", id, message)
}

type Ends<'a> = (&'a str, Option<Arc<str>>, &'a str);

/// An edge between two executable nodes; none for drawing, and for what is wrong.
fn read_edge<'a>(
    edge: &'a Value,
    known: &HashMap<&str, Drawn>,
    problems: &mut Vec<Problem>,
) -> Option<Ends<'a>> {
    if !edge.is_object() {
        problems.push(Problem::error("wrong_type", None, "Each edge must be an object."));
        return None;
    }
    let source = read_end("source", edge, known, problems);
    let target = read_end("target", edge, known, problems);
    let handle = match edge.get("sourceHandle") {
        None | Some(Value::Null) => None,
        Some(Value::String(handle)) => Some(handle.as_str()),
        Some(_) => {
            let message = "`sourceHandle` of an edge from this node must be a string or null.";
            problems.push(Problem::error(
                "wrong_type",
                edge.get("source").and_then(Value::as_str),
                message,
            ));
            None
        }
    };
    let ((source, from), (target, to)) = source.zip(target)?;
    for (id, drawn, other) in [(source, from, to), (target, to, from)] {
        if let (Drawn::Unknown(name), Drawn::Executable(_) | Drawn::Unknown(_)) = (drawn, other) {
            problems.push(unknown_type(id, *name));
        }
    }
    let (Drawn::Executable(from), Drawn::Executable(to)) = (from, to) else {
        return None;
    };
    if to.is_trigger() {
        let message = "An edge leads into this trigger, which has no input: remove the edge.";
        problems.push(Problem::error("edge_into_trigger", target, message));
        return None;
    }
    Some((source, from.handle(handle), target))
}

fn read_end<'a, 'k>(
    end: &str,
    edge: &'a Value,
    known: &'k HashMap<&str, Drawn<'k>>,
    problems: &mut Vec<Problem>,
) -> Option<(&'a str, &'k Drawn<'k>)> {
    let Some(id) = edge.get(end).and_then(Value::as_str) else {
        let message = format!("An edge has no `{end}`, or one that is not a string: connect it again.");
        problems.push(Problem::error("wrong_type", None, message));
        return None;
    };
    let Some(drawn) = known.get(id) else {
        let message = "An edge names this node, which is not there: remove the edge.";
        problems.push(Problem::error("edge_to_nowhere", id, message));
        return None;
    };
    Some((id, drawn))
}
