//! Whatever is stored as a graph: it is refused or accepted, and nothing panics.

use std::sync::Arc;

use flow::{Limits, Outcome, Plan, Position, check};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value};

/// Words that mean something in a graph, so that random JSON comes near to being one.
const WORDS: [&str; 24] = [
    "id",
    "type",
    "data",
    "config",
    "source",
    "target",
    "sourceHandle",
    "label",
    "disabled",
    "retry",
    "onError",
    "a",
    "b",
    "t",
    "trigger-manual",
    "trigger-event",
    "logic-loop",
    "logic-condition",
    "logic-switch",
    "action-http",
    "loop",
    "done",
    "cases",
    "{{ x",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![9 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => ".*"]
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        let entries = vec((word(), inner.clone()), 0..6);
        prop_oneof![
            vec(inner, 0..6).prop_map(Value::from),
            entries.prop_map(|all| Value::Object(all.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Something like a node: an id and a type that are right more often than not, any data.
fn nearly_a_node() -> impl Strategy<Value = Value> {
    let kinds: Vec<&str> = flow::catalogue::node_types().map(|kind| kind.name).collect();
    let of = (
        prop::sample::select(&["a", "b", "c", "t"][..]),
        prop::sample::select(kinds),
        anything(),
        anything(),
    );
    of.prop_map(|(id, kind, data, odd)| match odd {
        Value::Number(_) => serde_json::json!({"id": odd, "type": kind, "data": data}),
        _ => serde_json::json!({"id": id, "type": kind, "data": data, "hidden": odd}),
    })
}

fn nearly_an_edge() -> impl Strategy<Value = Value> {
    let end = || prop::sample::select(&["a", "b", "c", "t", "x"][..]);
    (end(), end(), anything()).prop_map(|(source, target, handle)| {
        serde_json::json!({"source": source, "target": target, "sourceHandle": handle})
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn arbitrary_json_never_panics(nodes in anything(), edges in anything()) {
        let limits = Limits::default();
        let found = check(&nodes, &edges, Some("event"), &limits);
        let refused = Plan::compile(&nodes, &edges, "event", "event", &limits).is_err();
        prop_assert_eq!(refused, found.iter().any(flow::Problem::is_error));
    }

    #[test]
    fn nearly_a_graph_never_panics_and_runs_if_it_is_accepted(
        nodes in vec(nearly_a_node(), 0..6), edges in vec(nearly_an_edge(), 0..8), items in 0_u64..4,
    ) {
        let (nodes, edges) = (Value::from(nodes), Value::from(edges));
        if let Ok(plan) = Plan::compile(&nodes, &edges, "manual", "manual", &Limits::default()) {
            let (mut position, _) = Position::start(Arc::new(plan), 100);
            while let Some(step) = position.running().first().cloned() {
                let outcomes = [Outcome::Items(items), Outcome::Broke, Outcome::Default, Outcome::Failed];
                prop_assert!(outcomes.iter().any(|outcome| position.complete(&step, outcome).is_ok()));
            }
            prop_assert!(position.end().is_some());
        }
    }
}
