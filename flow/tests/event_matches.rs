//! Which events a wait takes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail")]

use flow::{Condition, EventMatch, event_matches};
use serde_json::{Value, json};

fn event(payload: Value) -> Value {
    json!({"event": "paid", "payload": payload, "source": "shop", "correlation_id": "c-1",
        "timestamp": "2026-03-01T10:00:00Z"})
}

fn takes(asked: Value, payload: Value) -> bool {
    event_matches(&asked, &event(payload)).unwrap()
}

#[test]
fn nothing_asked_takes_every_event() {
    for payload in [json!(null), json!({}), json!([1]), json!("text")] {
        assert!(takes(json!(null), payload.clone()) && takes(json!({}), payload));
    }
}

#[test]
fn an_object_is_contained_as_jsonb_has_it() {
    // Each row as `SELECT payload @> asked` answers in PostgreSQL.
    let rows = [
        (json!({"a": 1}), json!({"a": 1, "b": 2}), true),
        (json!({"a": 1}), json!({"a": 1.0}), true),
        (json!({"a": 1}), json!({"a": "1"}), false),
        (json!({"a": null}), json!({"a": null}), true),
        (json!({"a": null}), json!({}), false),
        (json!({"a": {}}), json!({"a": {"x": 1}}), true),
        (json!({"a": {}}), json!({"a": []}), false),
        (json!({"a": []}), json!({"a": [1]}), true),
        (json!({"a": [2, 1, 1]}), json!({"a": [1, 2, 3]}), true),
        (json!({"a": [[1]]}), json!({"a": [[2, 1]]}), true),
        (json!({"a": [1]}), json!({"a": [[1]]}), false),
        (json!({"a": 1}), json!({"a": [1]}), false),
        (
            json!({"a": [{"x": 1}]}),
            json!({"a": [{"x": 2}, {"x": 1, "y": 2}]}),
            true,
        ),
        (
            json!({"a": [{"x": 1, "y": 3}]}),
            json!({"a": [{"x": 1}, {"y": 3}]}),
            false,
        ),
        (
            json!({"a": 12_345_678_901_234_567_u64}),
            json!({"a": 12_345_678_901_234_568_u64}),
            false,
        ),
        (json!({"a": 1}), json!([{"a": 1}]), false),
        (json!({"a": 1}), json!("a"), false),
        (json!({"a": 1}), json!(null), false),
    ];
    for (asked, payload, want) in rows {
        assert_eq!(
            takes(asked.clone(), payload.clone()),
            want,
            "{payload} @> {asked}"
        );
    }
}

#[test]
fn a_condition_reads_the_event_and_takes_values_literally() {
    let rule = |field: &str, operator: &str, value: Value| json!({"rules": [{"field": field, "operator": operator, "value": value}]});
    assert!(takes(
        rule("payload.amount", "gt", json!("70")),
        json!({"amount": 80})
    ));
    assert!(takes(rule("source", "equals", json!("shop")), json!({})));
    assert!(takes(
        rule("correlation_id", "in", json!(["c-1", "c-2"])),
        json!({})
    ));
    assert!(takes(rule("timestamp", "after", json!("2026-02-28")), json!({})));
    assert!(!takes(rule("payload.gone", "equals", json!("x")), json!({})));
    assert!(takes(
        json!({"expression": "payload.n > 2 and event == 'paid'"}),
        json!({"n": 3})
    ));
    // What a lead calls himself is text, whatever it looks like.
    let name = json!("{{ payload.name }}");
    assert!(takes(
        rule("payload.said", "equals", name.clone()),
        json!({"said": "{{ payload.name }}", "name": "x"})
    ));
    assert!(!takes(
        rule("payload.said", "equals", name.clone()),
        json!({"said": "x", "name": "x"})
    ));
    assert!(!takes(
        rule("payload.said", "in", json!([name])),
        json!({"said": "x", "name": "x"})
    ));
    let literal = Condition::literal(&rule("a", "equals", json!("{{ b"))).unwrap();
    assert!(
        literal.evaluate(&json!({"a": "{{ b"})).value
            && Condition::parse(&rule("a", "equals", json!("{{ b"))).is_err()
    );
}

#[test]
fn what_is_read_as_an_expression_holds_no_template() {
    for asked in [
        json!({"expression": "payload.name == '{{ lead.name }}'"}),
        json!({"expression": "{{ payload.n > 2 }}"}),
        json!({"rules": [{"field": "payload.{{ vars.key }}", "operator": "equals", "value": 1}]}),
    ] {
        assert!(EventMatch::check(&asked).is_err(), "{asked}");
        assert!(event_matches(&asked, &event(json!({}))).is_err(), "{asked}");
    }
    let drawn = json!({"rules": [{"field": "payload.id", "operator": "equals", "value": "{{ lead.id }}"}]});
    assert!(EventMatch::check(&drawn).is_ok());
    assert!(EventMatch::check(&json!({"rules": [{"field": "a", "operator": "is", "value": 1}]})).is_err());
}

#[test]
fn what_is_no_match_is_refused() {
    for wrong in [
        json!(7),
        json!("payload.a"),
        json!([{"field": "a"}]),
        json!(true),
        json!({"rules": []}),
    ] {
        assert!(event_matches(&wrong, &event(json!({}))).is_err(), "{wrong}");
    }
}

#[test]
fn a_comparison_that_costs_too_much_ends_with_an_error() {
    let many = |from: u32| (from..from + 20_000).map(Value::from).collect::<Vec<_>>();
    let asked = json!({"a": many(0)});
    assert!(event_matches(&asked, &event(json!({"a": many(20_000)}))).is_ok_and(|taken| !taken));
    let backwards: Vec<Value> = many(0).into_iter().rev().collect();
    assert!(event_matches(&asked, &event(json!({"a": backwards}))).is_err());
}
