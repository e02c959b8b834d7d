//! Which configuration of a trigger counts, and which row changes it waits for.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail"
)]

use flow::trigger::{Event, Listener, resolve};
use serde_json::{Value, json};

fn listener(config: Value) -> Listener {
    Listener::from_config(&config)
        .unwrap_or_else(|problem| panic!("{config}: {problem}"))
        .expect("a listener")
}

fn trigger(kind: &str, config: Value) -> Value {
    json!({"id": "t", "type": kind, "data": {"label": "Start", "config": config}})
}

#[test]
fn the_rows_configuration_lies_over_the_nodes_key_by_key() {
    let nodes = json!([
        trigger("trigger-event", json!({"eventSource": "lead", "eventType": "INSERT", "columns": ["a"], "note": null})),
        {"id": "c", "type": "logic-condition", "data": {}},
    ]);
    assert_eq!(
        resolve(
            "event",
            &json!({"event_type": "UPDATE", "eventName": "x"}),
            &nodes
        ),
        json!({"event_source": "lead", "event_type": "UPDATE", "columns": ["a"], "event_name": "x"})
    );
    assert_eq!(
        resolve("event", &Value::Null, &nodes)["event_type"],
        json!("INSERT")
    );
    assert_eq!(
        resolve("event", &json!({"event_source": "lead"}), &json!([])),
        json!({"event_source": "lead"})
    );
}

#[test]
fn a_node_without_config_is_its_own_configuration() {
    let nodes = json!([{"id": "t", "type": "trigger-ai-tool", "data": {"label": "Tool", "toolName": "book", "disabled": false}}]);
    assert_eq!(
        resolve("ai_tool", &json!({}), &nodes),
        json!({"tool_name": "book"})
    );
}

#[test]
fn the_node_of_the_type_counts_or_the_only_trigger() {
    let event = trigger("trigger-event", json!({"eventSource": "lead"}));
    let manual = trigger("trigger-manual", json!({"inputSchema": {}}));
    let schedule = trigger("trigger-schedule", json!({"cron": "@daily"}));
    assert_eq!(
        resolve("schedule", &json!({}), &json!([event, schedule])),
        json!({"cron": "@daily"})
    );
    assert_eq!(
        resolve("schedule", &json!({}), &json!([manual])),
        json!({"input_schema": {}})
    );
    assert_eq!(
        resolve("schedule", &json!({}), &json!([event, manual])),
        json!({})
    );
    assert_eq!(resolve("event", &json!({}), &json!([event, event])), json!({}));
    for rubbish in [
        json!(null),
        json!(5),
        json!([5, null, {"type": 3}]),
        json!([{"type": "trigger-event", "data": 5}]),
    ] {
        assert_eq!(resolve("event", &json!([1]), &rubbish), json!({}));
    }
}

#[test]
fn without_source_or_type_a_trigger_stays_silent() {
    for config in [
        json!({}),
        json!(null),
        json!({"event_source": "lead"}),
        json!({"event_type": "INSERT"}),
        json!({"event_source": "lead", "event_type": ""}),
        json!({"event_source": "event"}),
        json!({"event_source": "event", "event_type": "any"}),
        json!({"event_source": "event", "event_name": " "}),
    ] {
        assert!(
            Listener::from_config(&config).expect("no problem").is_none(),
            "{config}"
        );
    }
    assert_eq!(
        listener(json!({"event_source": "event", "event_name": "paid"})).event,
        Event::Any
    );
}

#[test]
fn what_cannot_be_meant_is_a_problem() {
    for (config, words) in [
        (
            json!({"event_source": "lead", "event_type": "TRUNCATE"}),
            "`event_type` is INSERT",
        ),
        (
            json!({"event_source": 5, "event_type": "INSERT"}),
            "`event_source` must be text",
        ),
        (
            json!({"event_source": "lead", "event_type": "UPDATE", "columns": "status"}),
            "list of column names",
        ),
        (
            json!({"event_source": "lead", "event_type": "UPDATE", "columns": [1]}),
            "list of column names",
        ),
        (
            json!({"event_source": "lead", "event_type": "INSERT", "conditions": {"rules": [{}]}}),
            "`conditions`: rule 1",
        ),
        (
            json!({"event_source": "lead", "event_type": "INSERT", "conditions": 5}),
            "`conditions`",
        ),
        (
            json!({"event_source": "lead", "event_type": "INSERT", "keep": "yes"}),
            "`keep` must be true or false",
        ),
        (
            json!({"event_source": "event", "event_name": "x".repeat(201)}),
            "`event_name` has up to 200 characters",
        ),
        (
            json!({"event_source": "event", "event_name": "paid", "re_entry": "never"}),
            "not for emitted events",
        ),
        (
            json!({"event_source": "event", "event_name": "paid", "debounce_seconds": 5}),
            "not for emitted events",
        ),
    ] {
        let problem = Listener::from_config(&config).expect_err("a problem");
        assert!(problem.message.contains(words), "{problem}");
    }
}

#[test]
fn any_of_conversations_leaves_out_delete() {
    let any = |source| listener(json!({"event_source": source, "event_type": "any"}));
    for event in [Event::Insert, Event::Update, Event::Delete] {
        assert!(any("lead").wants(event, &[]));
        assert!(any("invoices").wants(event, &[]));
        assert_eq!(any("conversation").wants(event, &[]), event != Event::Delete);
    }
    let delete = listener(json!({"event_source": "conversation", "event_type": "delete"}));
    assert!(delete.wants(Event::Delete, &[]));
    assert!(!delete.wants(Event::Insert, &[]));
}

#[test]
fn columns_count_for_updates_only() {
    let listener =
        listener(json!({"event_source": "lead", "event_type": "any", "columns": ["status", "score"]}));
    assert!(listener.wants(Event::Update, &["name".to_owned(), "score".to_owned()]));
    assert!(!listener.wants(Event::Update, &["name".to_owned()]));
    assert!(!listener.wants(Event::Update, &[]));
    assert!(listener.wants(Event::Insert, &[]));
}

#[test]
fn conditions_read_new_old_changed_and_trigger() {
    let data = json!({"event": "UPDATE", "source": "lead", "old": {"score": 50}, "new": {"score": 90}, "changed": ["score"]});
    for (rules, expected) in [
        (
            json!([{"field": "new.score", "operator": "gt", "value": 70}]),
            true,
        ),
        (
            json!([{"field": "trigger.new.score", "operator": "gt", "value": 70}]),
            true,
        ),
        (
            json!([{"field": "old.score", "operator": "gt", "value": 70}]),
            false,
        ),
        (
            json!([{"field": "new.score", "operator": "gt", "value": "{{ old.score }}"}]),
            true,
        ),
        (json!([{"field": "new.score", "operator": "changed"}]), true),
        (json!([{"field": "status", "operator": "changed"}]), false),
        (
            json!([{"field": "event", "operator": "equals", "value": "UPDATE"}]),
            true,
        ),
    ] {
        let listener =
            listener(json!({"event_source": "lead", "event_type": "UPDATE", "conditions": {"rules": rules}}));
        assert_eq!(listener.matches(&data), expected, "{rules}");
    }
    for none in [
        json!(null),
        json!({}),
        json!([]),
        json!({"rules": [], "logic": "and"}),
        json!({"expression": ""}),
    ] {
        let listener = listener(json!({"event_source": "lead", "event_type": "UPDATE", "conditions": none}));
        assert!(listener.conditions.is_none() && listener.matches(&data));
    }
}
