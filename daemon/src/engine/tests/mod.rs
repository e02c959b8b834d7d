//! Stories told with invented steps: no database, no nodes that act.

mod endings;
mod holding;
mod looping;
mod naming;
mod replaying;

use std::sync::Arc;

use chrono::Utc;
use flow::{Outcome, Plan, StepId};
use serde_json::{Map, Value, json};

use super::story::{Begun, Moves, Story, Told};
use crate::settings::Limits;

/// One loop `each` over `trigger.list` whose body is `x`, with this configuration and data.
fn looped(config: Value, data: Value) -> Arc<Plan> {
    let mut each = json!({ "arrayExpression": "trigger.list" });
    merge(&mut each, config);
    let mut each = json!({ "config": each });
    merge(&mut each, data);
    let nodes = json!([
        { "id": "t", "type": "trigger-manual" },
        { "id": "each", "type": "logic-loop", "data": each },
        { "id": "x", "type": "logic-merge" },
        { "id": "after", "type": "logic-merge" },
    ]);
    let edges = json!([
        { "id": "1", "source": "t", "target": "each" },
        { "id": "2", "source": "each", "sourceHandle": "loop", "target": "x" },
        { "id": "3", "source": "each", "sourceHandle": "done", "target": "after" },
    ]);
    Arc::new(Plan::compile(&nodes, &edges, "manual", "manual", &flow::Limits::default()).unwrap())
}

fn merge(into: &mut Value, more: Value) {
    let (Value::Object(into), Value::Object(more)) = (into, more) else {
        panic!("objects");
    };
    into.extend(more);
}

/// A graph of `(id, type)` and `(source, handle, target)`, compiled for a manual start.
fn plan(nodes: &[(&str, &str)], edges: &[(&str, &str, &str)]) -> Arc<Plan> {
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|(id, kind)| json!({ "id": id, "type": kind, "data": { "config": config(kind) } }))
        .collect();
    let edges: Vec<Value> = edges
        .iter()
        .enumerate()
        .map(|(k, (source, handle, target))| {
            json!({ "id": k.to_string(), "source": source, "sourceHandle": handle, "target": target })
        })
        .collect();
    let limits = flow::Limits::default();
    Arc::new(Plan::compile(&json!(nodes), &json!(edges), "manual", "manual", &limits).unwrap())
}

/// What the check wants of each type that these tests use.
fn config(kind: &str) -> Value {
    match kind {
        "logic-condition" => json!({ "expression": "true" }),
        "logic-delay" => json!({ "duration": 5 }),
        "logic-loop" => json!({ "arrayExpression": "trigger.list", "itemVariable": "lead" }),
        "action-http" => json!({ "method": "GET", "url": "https://example.com" }),
        "transform-set-variable" => json!({ "variables": [{ "name": "x", "value": "1" }] }),
        _ => json!({}),
    }
}

/// Two branches that join: `t` to `a` and `b`, both to `j`.
fn diamond() -> Arc<Plan> {
    plan(
        &[
            ("t", "trigger-manual"),
            ("a", "transform-set-variable"),
            ("b", "action-http"),
            ("j", "logic-merge"),
        ],
        &[("t", "", "a"), ("t", "", "b"), ("a", "", "j"), ("b", "", "j")],
    )
}

fn start(plan: Arc<Plan>) -> (Story, Moves) {
    Story::start(plan, Arc::new(json!({ "list": [10, 20] })), &Limits::default())
}

fn step(node: &str) -> StepId {
    StepId {
        node: node.into(),
        place: flow::Place::default(),
        run: 1,
    }
}

fn told(output: Value, outcome: Outcome) -> Told {
    let now = Utc::now();
    Told {
        attempt: 1,
        outcome,
        input: Arc::default(),
        output: Arc::new(output),
        error: None,
        variables: Map::new(),
        warnings: Vec::new(),
        started_at: now,
        completed_at: now,
        duration_ms: 0,
    }
}

/// `nodes_executed` by now.
fn listed(story: &Story) -> Value {
    serde_json::from_str(super::summary::nodes_executed(story, &[]).get()).unwrap()
}

fn ids(begun: &[Begun]) -> Vec<String> {
    let mut ids: Vec<_> = begun.iter().map(|begun| begun.step.node.to_string()).collect();
    ids.sort();
    ids
}
