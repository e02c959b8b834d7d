//! What the check says about graphs that people, editors and mistakes produce.

use flow::{Limits, Plan, check};
use serde_json::{Value, json};

use crate::build::{Drawn, graph, node};

/// Severity, code and node of each finding.
pub fn findings(nodes: &Value, edges: &Value) -> Vec<String> {
    let found = check(nodes, edges, Some("manual"), &Limits::default());
    for problem in &found {
        assert!(
            problem.message.ends_with('.') && problem.message.len() > 15,
            "no sentence: {problem}"
        );
    }
    let line = |problem: &flow::Problem| {
        let (severity, code) = (problem.severity.as_str(), problem.code);
        format!("{severity} {code} {}", problem.node_id.as_deref().unwrap_or("-"))
    };
    found.iter().map(line).collect()
}

pub fn of(drawn: &Drawn) -> Vec<String> {
    findings(&drawn.nodes(), &drawn.edges())
}

/// One node of this type behind a trigger.
pub fn alone(kind: &str, config: Value) -> Vec<String> {
    let nodes = json!([node("t", "trigger-manual", json!({})), {"id": "x", "type": kind, "data": {"config": config}}]);
    findings(&nodes, &json!([{"source": "t", "target": "x"}]))
}

#[test]
fn a_graph_as_react_flow_saves_it_is_accepted() {
    let nodes = json!([
        {"id": "g", "type": "group", "position": {"x": 0, "y": 0}, "data": {}, "style": {"width": 400}, "width": 400},
        {"id": "note", "type": "stickyNote", "data": {"text": "remember {{ this"}, "zIndex": 3},
        {"id": "t", "type": "trigger-event", "data": {"label": "New", "eventSource": "lead", "event_type": "INSERT"},
            "parentId": "g", "extent": "parent", "measured": {"width": 1, "height": 2}, "selected": true},
        {"id": "c", "type": "logic-condition", "hidden": true, "data": {"label": "Hot?",
            "config": {"rules": [{"field": "lead.score", "operator": "gt", "value": 50}]}, "icon": "Zap"}},
        {"id": "h", "type": "action-http", "data": {"config": {"url": "https://x.de/{{ lead.id }}", "timeout": "500"}}}
    ]);
    let edges = json!([
        {"id": "1", "source": "t", "target": "c", "sourceHandle": null, "targetHandle": null, "animated": true,
            "markerEnd": {"type": "arrowclosed"}, "data": {"label": "x"}},
        {"id": "2", "source": "c", "target": "h", "sourceHandle": "true", "type": "smoothstep"},
        {"id": "3", "source": "note", "target": "h"}, {"id": "4", "source": "h", "target": "g"}
    ]);
    assert_eq!(check(&nodes, &edges, Some("event"), &Limits::default()), []);
    let plan = Plan::compile(&nodes, &edges, "event", "event", &Limits::default()).unwrap();
    let node = plan.node("c").unwrap();
    assert_eq!(
        (node.label.as_str(), node.kind.name, &*plan.start().id),
        ("Hot?", "logic-condition", "t")
    );
    assert_eq!(plan.node("t").unwrap().config["eventSource"], "lead");
    assert!(plan.node("g").is_none() && plan.nodes().count() == 3);
}

#[test]
fn what_is_wrong_with_the_form_is_told_at_its_node() {
    let t = || node("t", "trigger-manual", json!({}));
    let a = || node("a", "transform-set-variable", json!({}));
    let cases = [
        (
            json!([t(), a(), a()]),
            json!([{"source": "t", "target": "a"}]),
            vec!["error duplicate_id a"],
        ),
        (
            json!([t()]),
            json!([{"source": "t", "target": "gone"}]),
            vec!["error edge_to_nowhere gone"],
        ),
        (
            json!([t(), a()]),
            json!([{"source": "a", "target": "t"}]),
            vec!["error edge_into_trigger t"],
        ),
        (
            json!([t(), {"id": "z", "type": "action-magic"}]),
            json!([]),
            vec!["error unknown_type z"],
        ),
        (
            json!([t(), {"id": "z", "type": "magic"}]),
            json!([{"source": "t", "target": "z"}]),
            vec!["error unknown_type z"],
        ),
        (
            json!([t(), {"id": "z", "data": {}}]),
            json!([{"source": "t", "target": "z"}]),
            vec!["error unknown_type z"],
        ),
        (
            json!([t(), {"type": "logic-merge"}]),
            json!([]),
            vec!["error no_id -"],
        ),
        (
            json!([t(), {"id": 7, "type": "logic-merge"}]),
            json!([]),
            vec!["error no_id -"],
        ),
        (json!([t(), 7, null]), json!([]), vec!["error wrong_type -"]),
        (json!([t()]), json!([7]), vec!["error wrong_type -"]),
        (
            json!([t(), a()]),
            json!([{"source": "t"}]),
            vec!["error wrong_type -"],
        ),
        (
            json!([t(), a()]),
            json!([{"source": "t", "target": "a", "sourceHandle": 1}]),
            vec!["error wrong_type t"],
        ),
        (
            json!([t(), {"id": "z", "type": "logic-merge", "data": "no"}]),
            json!([]),
            vec!["error wrong_type z"],
        ),
        (
            json!([t(), {"id": "z", "type": "logic-merge", "data": {"config": []}}]),
            json!([]),
            vec!["error wrong_type z"],
        ),
        (
            json!([t(), {"id": "z", "type": "logic-merge", "data": {"disabled": "yes"}}]),
            json!([]),
            vec!["error wrong_setting z"],
        ),
        (
            json!([t(), {"id": "z", "type": 5}]),
            json!([]),
            vec!["error wrong_type z"],
        ),
        (json!({}), json!([]), vec!["error wrong_type -"]),
        (json!(null), json!(null), vec!["error no_trigger -"]),
        (json!([a()]), json!([]), vec!["error no_trigger -"]),
        (json!([t(), a()]), json!([]), vec!["warning unreachable a"]),
    ];
    for (nodes, edges, want) in cases {
        assert_eq!(findings(&nodes, &edges), want, "{nodes} {edges}");
    }
}

#[test]
fn triggers_clash_where_nothing_says_which_one_starts() {
    let two = |kind: &str| {
        json!([
            node("a", "trigger-schedule", json!({})),
            node("b", kind, json!({}))
        ])
    };
    let codes = |nodes: &Value, own: &str| {
        let found = check(nodes, &json!([]), Some(own), &Limits::default());
        found.iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&two("trigger-schedule"), "schedule"), ["two_triggers"]);
    assert_eq!(codes(&two("trigger-webhook"), "schedule"), [] as [&str; 0]);
    assert_eq!(codes(&two("trigger-webhook"), "manual"), ["two_triggers"]);
    let start = |asked: &str, own: &str| {
        let plan = Plan::compile(
            &two("trigger-webhook"),
            &json!([]),
            asked,
            own,
            &Limits::default(),
        )
        .unwrap();
        plan.start().id.to_string()
    };
    assert_eq!(
        (start("webhook", "schedule"), start("manual", "schedule")),
        ("b".into(), "a".into())
    );
    let one = json!([node("a", "trigger-ai-tool", json!({}))]);
    let plan = Plan::compile(&one, &json!([]), "manual", "event", &Limits::default()).unwrap();
    assert_eq!(&*plan.start().id, "a");
}

#[test]
fn limits_are_told_and_passing_them_by_far_costs_nothing() {
    let many: Vec<Value> = (0..1_001)
        .map(|at| node(&format!("n{at}"), "logic-merge", json!({})))
        .collect();
    assert_eq!(findings(&many.into(), &json!([])), ["error too_many_nodes -"]);
    let wide = json!([node("t", "trigger-manual", json!({"x": "x".repeat(1 << 20)}))]);
    assert_eq!(findings(&wide, &json!([])), ["error too_large -"]);
    let mut deep = json!(1);
    for _ in 0..3_000 {
        deep = Value::Array(vec![deep]); // the macro would copy it, by recursion
    }
    let mut nested = json!([node("t", "trigger-manual", json!({}))]);
    nested[0]["data"]["deep"] = deep;
    assert_eq!(findings(&nested, &json!([])), ["error too_deep -"]);
    let long = json!([node(&"é".repeat(201), "trigger-manual", json!({}))]);
    assert_eq!(
        findings(&long, &json!([]))[0],
        format!("error long_id {}", "é".repeat(200))
    );
    let just = json!([node(&"é".repeat(200), "trigger-manual", json!({}))]);
    assert_eq!(findings(&just, &json!([])), [] as [&str; 0]);
}

#[test]
fn settings_are_held_against_the_catalogue() {
    assert_eq!(alone("action-http", json!({})), ["error missing_setting x"]);
    assert_eq!(
        alone("action-http", json!({"url": " "})),
        ["error missing_setting x"]
    );
    assert_eq!(
        alone("action-http", json!({"url": "{{ a }}", "method": "FETCH"})),
        ["error wrong_setting x"]
    );
    assert_eq!(
        alone("action-http", json!({"url": "{{ a }}", "timeout": "{{ b }}"})),
        [] as [&str; 0]
    );
    assert_eq!(
        alone("action-http", json!({"url": "{{ a"})),
        ["error bad_template x"]
    );
    assert_eq!(alone("logic-delay", json!({})), ["error missing_setting x"]);
    assert_eq!(
        alone("logic-delay", json!({"duration": 3, "unit": "weeks"})),
        ["error wrong_setting x"]
    );
    assert_eq!(
        alone("logic-loop", json!({"arrayExpression": "a.b.", "concurrency": 1})),
        ["error bad_template x"]
    );
    assert_eq!(
        alone("logic-loop", json!({"arrayExpression": "a.b", "concurrency": 0})),
        ["error wrong_setting x"]
    );
    assert_eq!(
        alone("action-db", json!({"operation": "delete", "table": "leads"})),
        ["error missing_setting x"]
    );
    let cases = json!({"expression": "1", "cases": [{"value": 1, "handleId": "a"}, {"value": 2}]});
    assert_eq!(alone("logic-switch", cases), ["error wrong_setting x"]);
    assert_eq!(
        alone(
            "transform-filter",
            json!({"inputArray": [], "condition": {"rules": 5}})
        )[0],
        "error bad_condition x"
    );
    let mut off = graph("x:action-http", "t>x");
    off.nodes[1]["data"] = json!({"disabled": true, "config": {}});
    assert_eq!(of(&off), [] as [&str; 0], "a disabled node may be unfinished");
}
