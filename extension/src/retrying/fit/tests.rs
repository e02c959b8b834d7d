//! Which steps a retry takes over, without a server.

use serde_json::{Value, json};

use super::*;

/// A graph with these ids; what has no type of its own is a merge.
fn graph(ids: &[&str], edges: &[(&str, Option<&str>, &str)]) -> Graph {
    let nodes: Vec<Value> = ids
        .iter()
        .map(|id| {
            let (kind, config) = match *id {
                "start" => ("trigger-manual", json!({})),
                "each" => (
                    "logic-loop",
                    json!({"arrayExpression": "{{ [1, 2] }}", "concurrency": 2}),
                ),
                "first" => ("logic-merge", json!({"mode": "first"})),
                _ => ("logic-merge", json!({"mode": "all"})),
            };
            json!({"id": id, "type": kind, "data": {"config": config}})
        })
        .collect();
    let edges: Vec<Value> = edges
        .iter()
        .map(|(source, handle, target)| {
            json!({"id": format!("{source}{target}"), "source": source, "sourceHandle": handle, "target": target})
        })
        .collect();
    Graph {
        trigger_type: "manual".to_owned(),
        own: "manual".to_owned(),
        nodes: nodes.into(),
        edges: edges.into(),
    }
}

fn chain() -> Graph {
    graph(&["start", "a", "b"], &[("start", None, "a"), ("a", None, "b")])
}

fn records(steps: &[(&str, &str, Value)]) -> Vec<Record> {
    let record = |(ordinal, (node, place, outcome)): (i32, &(&str, &str, Value))| Record {
        ordinal,
        node: (*node).to_owned(),
        place: (*place).to_owned(),
        run: 1,
        kind: None,
        outcome: outcome.to_string(),
    };
    (1..).zip(steps).map(record).collect()
}

fn ran(steps: &[&str]) -> Vec<Record> {
    let steps: Vec<_> = steps.iter().map(|node| (*node, "[]", json!("default"))).collect();
    records(&steps)
}

/// The ordinals that are taken over, or why none are.
fn taken(graph: &Graph, records: &[Record], node: &str) -> Result<Vec<i32>, String> {
    let before = before_last_run(graph, records, node);
    before
        .map(|taken| taken.iter().map(|one| one.record.ordinal).collect())
        .map_err(|refusal| refusal.to_string())
}

#[test]
fn what_had_completed_before_a_node_began_is_taken_over() {
    let steps = ran(&["start", "a", "b"]);
    assert_eq!(taken(&chain(), &steps, "b").unwrap(), [1, 2]);
    assert_eq!(taken(&chain(), &steps, "a").unwrap(), [1]);
    assert!(taken(&chain(), &steps, "start").unwrap().is_empty());
}

#[test]
fn a_node_that_had_begun_and_never_ended_can_be_begun_again() {
    assert_eq!(taken(&chain(), &ran(&["start", "a"]), "b").unwrap(), [1, 2]);
}

#[test]
fn a_node_that_never_ran_is_named() {
    for node in ["b", "x"] {
        let why = taken(&chain(), &ran(&["start"]), node).unwrap_err();
        assert_eq!(why, format!("node {node} never ran in this execution"));
    }
}

#[test]
fn a_branch_that_ended_after_the_node_began_runs_again() {
    let fork = graph(
        &["start", "a", "b", "c"],
        &[("start", None, "a"), ("start", None, "b"), ("a", None, "c")],
    );
    assert_eq!(
        taken(&fork, &ran(&["start", "a", "b", "c"]), "c").unwrap(),
        [1, 2]
    );
}

#[test]
fn in_a_loop_the_last_run_of_the_node_counts_and_the_items_before_it_are_taken_over() {
    let each = graph(
        &["start", "each", "a", "b", "d"],
        &[
            ("start", None, "each"),
            ("each", Some("loop"), "a"),
            ("a", None, "b"),
            ("each", Some("done"), "d"),
        ],
    );
    let (first, second) = (r#"[["each",1,0]]"#, r#"[["each",1,1]]"#);
    let done = || json!("default");
    let steps = records(&[
        ("start", "[]", done()),
        ("each", "[]", json!({"items": 2})),
        ("a", second, done()),
        ("a", first, done()),
        ("b", second, json!("failed")),
    ]);
    // the b of the first item is the one that began last
    assert_eq!(taken(&each, &steps, "b").unwrap(), [1, 2, 3, 4]);
    assert_eq!(taken(&each, &steps, "a").unwrap(), [1, 2]);
    assert_eq!(taken(&each, &steps, "each").unwrap(), [1]);
    assert!(taken(&each, &steps, "d").unwrap_err().contains("d never ran"));
}

#[test]
fn a_step_that_lost_against_a_cancellation_keeps_its_ordinal() {
    let first = graph(
        &["start", "a", "b", "first", "d"],
        &[
            ("start", None, "a"),
            ("start", None, "b"),
            ("a", None, "first"),
            ("b", None, "first"),
            ("first", None, "d"),
        ],
    );
    // the merge cancels b when a has ended; b was recorded all the same
    let steps = ran(&["start", "a", "b", "first", "d"]);
    assert_eq!(taken(&first, &steps, "d").unwrap(), [1, 2, 3, 4]);
    let before = before_last_run(&first, &steps, "d").unwrap();
    fits(&first, &before).unwrap();
}

#[test]
fn records_of_another_graph_are_refused() {
    let steps = records(&[("start", "[]", json!({"items": 2}))]);
    assert!(
        taken(&chain(), &steps, "a")
            .unwrap_err()
            .contains("cannot choose")
    );
    let steps = records(&[("start", "nowhere", json!("default"))]);
    assert!(
        taken(&chain(), &steps, "a")
            .unwrap_err()
            .contains("cannot be read")
    );
    assert!(before_last_run(&Graph::nothing(), &[], "a").is_err());
}

/// Whether what was taken over of [`chain`] before b fits this graph.
fn fit(newest: &Graph) -> Result<(), String> {
    let mut steps = ran(&["start", "a", "b"]);
    steps[1].kind = Some("logic-merge".to_owned());
    let chain = chain();
    let before = before_last_run(&chain, &steps, "b").unwrap();
    fits(newest, &before).map_err(|refusal| refusal.to_string())
}

#[test]
fn what_is_behind_the_node_may_have_changed_and_what_is_before_it_may_not() {
    let longer = graph(
        &["start", "a", "x", "b"],
        &[("start", None, "a"), ("a", None, "x"), ("x", None, "b")],
    );
    assert_eq!(fit(&longer), Ok(()));
    let without = graph(&["start", "b"], &[("start", None, "b")]);
    assert!(
        fit(&without)
            .unwrap_err()
            .contains("node a, which would be taken over, is not there")
    );
    let elsewhere = graph(
        &["start", "x", "a", "b"],
        &[("start", None, "x"), ("x", None, "a"), ("a", None, "b")],
    );
    assert!(
        fit(&elsewhere)
            .unwrap_err()
            .contains("node a, which would be taken over, does not run there")
    );
    let mut other = chain();
    other.nodes[1]["type"] = json!("transform-set-variable");
    other.nodes[1]["data"]["config"] = json!({"variables": [{"name": "x", "value": 1}]});
    assert!(fit(&other).unwrap_err().contains("is transform-set-variable now"));
}
