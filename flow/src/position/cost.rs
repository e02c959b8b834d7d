//! What planning the next nodes costs, counted in edges taken and waiting nodes looked at, never in time: it follows
//! what a completion touches, not how large the graph is.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Position;
use crate::{Limits, Outcome, Plan};

fn plan(
    nodes: impl Iterator<Item = (String, &'static str, Value)>,
    edges: &[(String, &str, String)],
) -> Arc<Plan> {
    let mut all = vec![json!({"id": "t", "type": "trigger-manual"})];
    all.extend(nodes.map(|(id, kind, config)| json!({"id": id, "type": kind, "data": {"config": config}})));
    let edge = |(source, handle, target): &(String, &str, String)| json!({"source": source, "sourceHandle": handle, "target": target});
    let edges: Vec<Value> = edges.iter().map(edge).collect();
    let plan = Plan::compile(&all.into(), &edges.into(), "manual", "manual", &Limits::default());
    Arc::new(plan.unwrap_or_else(|problems| panic!("{problems:?}")))
}

fn merges(range: std::ops::Range<usize>) -> impl Iterator<Item = (String, &'static str, Value)> {
    range.map(|at| (format!("n{at:04}"), "logic-merge", json!({})))
}

fn edge(source: &str, target: &str) -> (String, &'static str, String) {
    (source.into(), "", target.into())
}

/// Walks to the end, newest step first or oldest first, and gives the looks of each completion.
fn walk(plan: Arc<Plan>, newest_first: bool, outcome: impl Fn(&str) -> Outcome) -> Vec<u64> {
    let (mut position, _) = Position::start(plan, 10_000);
    let mut costs = Vec::new();
    loop {
        let running = position.running();
        let Some(step) = (if newest_first {
            running.last()
        } else {
            running.first()
        }) else {
            assert!(position.end().is_some());
            return costs;
        };
        let before = position.looks;
        position.complete(step, &outcome(&step.node)).unwrap();
        costs.push(position.looks - before);
    }
}

fn ordinary(_: &str) -> Outcome {
    Outcome::Default
}

#[test]
fn a_step_of_a_long_chain_costs_as_much_as_one_of_a_short_chain() {
    let most = |length: usize| {
        let edges: Vec<_> = (1..length)
            .map(|at| edge(&format!("n{:04}", at - 1), &format!("n{at:04}")))
            .collect();
        let edges = [vec![edge("t", "n0000")], edges].concat();
        let costs = walk(plan(merges(0..length), &edges), false, ordinary);
        assert_eq!(costs.len(), length + 1);
        costs.into_iter().max().unwrap()
    };
    assert_eq!(
        (most(10), most(999)),
        (2, 2),
        "one edge, and one node that may start"
    );
}

#[test]
fn a_fan_out_of_900_costs_its_edges_and_no_branch_pays_for_the_others() {
    let edges: Vec<_> = (0..900)
        .flat_map(|at| {
            [
                edge("t", &format!("n{at:04}")),
                edge(&format!("n{at:04}"), "join"),
            ]
        })
        .collect();
    let nodes = || merges(0..900).chain([("join".to_owned(), "logic-merge", json!({}))]);
    for newest_first in [false, true] {
        let costs = walk(plan(nodes(), &edges), newest_first, ordinary);
        assert_eq!(costs.len(), 902);
        assert_eq!(costs[0], 2 * 900, "each edge, and each node behind it");
        // The join is looked at when its token comes, and again when what it watched has gone.
        assert!(
            costs[1..].iter().all(|cost| *cost <= 3),
            "{:?}",
            costs.iter().skip(1).max()
        );
    }
}

#[test]
fn a_round_of_a_cycle_costs_the_same_whatever_lies_beside_it() {
    let most = |beside: usize| {
        let ring = ["t", "head", "ask", "head"];
        let mut edges: Vec<_> = ring.windows(2).map(|pair| edge(pair[0], pair[1])).collect();
        edges[2].1 = "true";
        edges.extend((1..beside).map(|at| edge(&format!("n{:04}", at - 1), &format!("n{at:04}"))));
        edges.push(("ask".into(), "false", "n0000".into()));
        let cycle = [
            ("head".to_owned(), "logic-merge", json!({})),
            ("ask".to_owned(), "logic-condition", json!({"expression": "true"})),
        ];
        let rounds = std::cell::Cell::new(0);
        let costs = walk(plan(merges(0..beside).chain(cycle), &edges), false, |node| {
            rounds.set(rounds.get() + usize::from(node == "ask"));
            let handle = if rounds.get() < 100 { "true" } else { "false" };
            if node == "ask" {
                Outcome::Chose(vec![handle.into()])
            } else {
                Outcome::Default
            }
        });
        costs.into_iter().max().unwrap()
    };
    assert_eq!(most(5), most(900));
}

#[test]
fn an_iteration_costs_the_same_in_a_short_and_in_a_long_loop() {
    let costs = |items: u64, beside: usize| {
        let edges = [
            vec![
                ("t".into(), "", "l".into()),
                ("l".into(), "loop", "b".into()),
                ("b".into(), "", "l".into()),
                ("l".into(), "done", "n0000".into()),
            ],
            (1..beside)
                .map(|at| edge(&format!("n{:04}", at - 1), &format!("n{at:04}")))
                .collect(),
        ]
        .concat();
        let nodes = [
            ("l".to_owned(), "logic-loop", json!({"arrayExpression": []})),
            ("b".to_owned(), "logic-merge", json!({})),
        ];
        let outcome = |node: &str| {
            if node == "l" {
                Outcome::Items(items)
            } else {
                Outcome::Default
            }
        };
        walk(plan(merges(0..beside).chain(nodes), &edges), false, outcome)
    };
    let (short, long) = (costs(3, 5), costs(3_000, 900));
    assert_eq!(short.iter().max(), long.iter().max());
}

#[test]
fn tokens_that_queue_before_a_busy_node_cost_one_look_each() {
    // Each round of the cycle sends one more token to a node that is busy until the cycle has ended.
    let edges = [
        edge("t", "head"),
        edge("head", "ask"),
        ("ask".into(), "true", "head".into()),
        ("ask".into(), "true", "tell".into()),
    ];
    let nodes = [
        ("head", "logic-merge", json!({})),
        ("tell", "logic-merge", json!({})),
        ("ask", "logic-condition", json!({"expression": "true"})),
    ];
    let nodes = nodes
        .into_iter()
        .map(|(id, kind, config)| (id.to_owned(), kind, config));
    let rounds = std::cell::Cell::new(0);
    let costs = walk(plan(nodes, &edges), true, |node| {
        rounds.set(rounds.get() + usize::from(node == "ask"));
        let handle = if rounds.get() < 2_000 { "true" } else { "false" };
        if node == "ask" {
            Outcome::Chose(vec![handle.into()])
        } else {
            Outcome::Default
        }
    });
    assert!(costs.iter().all(|cost| *cost <= 5), "{:?}", costs.iter().max());
}
