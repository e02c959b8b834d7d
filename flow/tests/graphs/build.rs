//! Graphs in a few characters: nodes by kind, edges as `t>a>b` and `c.true>d`.

use serde_json::{Map, Value, json};

/// A graph as the editor saves it.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Drawn {
    pub nodes: Vec<Value>,
    pub edges: Vec<Value>,
}

impl Drawn {
    pub fn nodes(&self) -> Value {
        Value::from(self.nodes.clone())
    }

    pub fn edges(&self) -> Value {
        Value::from(self.edges.clone())
    }
}

/// The settings without which the check would refuse a node of this type; what they say does not matter here.
fn needed(kind: &str) -> Map<String, Value> {
    let needed = match kind {
        "transform-set-variable" => json!({"variables": []}),
        "logic-condition" => json!({"expression": "true"}),
        "logic-switch" => json!({"expression": "1", "cases": []}),
        "logic-loop" => json!({"arrayExpression": "[]"}),
        "logic-delay" => json!({"duration": 1}),
        "action-http" => json!({"url": "https://example.com"}),
        _ => json!({}),
    };
    needed.as_object().cloned().unwrap_or_default()
}

/// A node. `disabled` and `onError` go to its data, everything else to its configuration.
pub fn node(id: &str, kind: &str, settings: Value) -> Value {
    let mut config = needed(kind);
    let mut data = json!({"label": id});
    for (key, value) in settings.as_object().cloned().unwrap_or_default() {
        match key.as_str() {
            "disabled" | "onError" => data[key] = value,
            _ => drop(config.insert(key, value)),
        }
    }
    data["config"] = config.into();
    json!({"id": id, "type": kind, "position": {"x": 0, "y": 0}, "data": data})
}

/// The nodes that `list` names, as `id`, `id:kind` or `id:kind:{"setting": ...}`, separated by `;`.
/// Kinds: `if`, `loop`, `any`, `first`, `delay`, `break`, `stop`, `approval`, `switch`, or a type; else a plain node.
pub fn nodes(list: &str) -> Vec<Value> {
    let one = |entry: &str| {
        let mut parts = entry.trim().splitn(3, ':');
        let (id, kind) = (
            parts.next().unwrap(),
            parts.next().unwrap_or("transform-set-variable"),
        );
        let mut settings: Value = parts
            .next()
            .map_or(json!({}), |text| serde_json::from_str(text).unwrap());
        let kind = match kind {
            "any" | "first" => {
                settings["mode"] = kind.into();
                "logic-merge"
            }
            "if" => "logic-condition",
            "loop" => "logic-loop",
            "delay" => "logic-delay",
            "break" => "logic-break",
            "stop" => "logic-stop",
            "approval" => "logic-approval",
            "switch" => "logic-switch",
            "" => "transform-set-variable",
            other => other,
        };
        node(id, kind, settings)
    };
    list.split(';').map(one).collect()
}

/// Edges: `a>b>c` is two, `c.true>d` leaves by a handle.
pub fn edges(hops: &str) -> Vec<Value> {
    let mut edges = Vec::new();
    for hop in hops.split_whitespace() {
        let parts: Vec<&str> = hop.split('>').collect();
        for pair in parts.windows(2) {
            let (source, handle) = pair[0]
                .split_once('.')
                .map_or((pair[0], None), |(s, h)| (s, Some(h)));
            let target = pair[1].split('.').next();
            edges.push(
                json!({"id": edges.len().to_string(), "source": source, "target": target,
                "sourceHandle": handle, "targetHandle": null}),
            );
        }
    }
    edges
}

/// A graph that begins at the manual trigger `t`.
pub fn graph(list: &str, hops: &str) -> Drawn {
    let mut all = vec![node("t", "trigger-manual", json!({}))];
    all.extend(nodes(list));
    Drawn {
        nodes: all,
        edges: edges(hops),
    }
}
