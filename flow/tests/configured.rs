//! A node's configuration: which strings are templates, and what rendering gives.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail"
)]

use flow::catalogue::node_type;
use flow::{Configured, TemplateError};
use serde_json::{Value, json};

fn names() -> Value {
    json!({"lead": {"id": 7, "name": "Ada"}, "secrets": {"TOKEN": "t"}, "vars": {"list": [1, 2]}})
}

fn compile(kind: &str, config: Value) -> Result<Configured, TemplateError> {
    Configured::compile(
        &config,
        node_type(kind).unwrap_or_else(|| panic!("no type {kind}")),
    )
}

#[test]
fn templates_are_rendered_deep_and_keep_their_type() {
    let configured = compile(
        "action-http",
        json!({
            "url": "https://example.com/{{ lead.id }}", "method": "POST",
            "headers": {"Authorization": "Bearer {{ secrets.TOKEN }}", "X": "plain"},
            "body": {"id": "{{ lead.id }}", "list": ["{{ vars.list }}", 1, null], "missing": "{{ lead.nope }}"},
            "timeout": 5000, "unknownField": "{{ kept }}",
        }),
    )
    .unwrap();
    let rendered = configured.render(&names()).unwrap();
    assert_eq!(
        rendered.value,
        json!({
            "url": "https://example.com/7", "method": "POST", "headers": {"Authorization": "Bearer t", "X": "plain"},
            "body": {"id": 7, "list": [[1, 2], 1, null], "missing": null}, "timeout": 5000, "unknownField": "{{ kept }}",
        })
    );
    assert_eq!(rendered.warnings, ["lead.nope is missing"]);
    assert_eq!(
        configured.names().into_iter().collect::<Vec<_>>(),
        ["lead", "secrets", "vars"]
    );
    assert!(
        configured
            .reads()
            .contains(&("secrets".to_owned(), Some("TOKEN".to_owned())))
    );
}

#[test]
fn what_a_node_evaluates_itself_is_kept_and_its_names_are_known() {
    for (kind, config, names) in [
        (
            "logic-condition",
            json!({"rules": [{"field": "lead.score", "operator": "gt", "value": "{{ vars.x }}"}]}),
            vec!["lead", "vars"],
        ),
        (
            "logic-condition",
            json!({"expression": "{{ a > b }}", "rules": []}),
            vec!["a", "b"],
        ),
        (
            "logic-loop",
            json!({"arrayExpression": "{{ lead.tags }}"}),
            vec!["lead"],
        ),
        (
            "logic-switch",
            json!({"expression": "lead.status", "cases": [{"value": "won", "handleId": "w"}]}),
            vec!["lead"],
        ),
        (
            "transform-filter",
            json!({"inputArray": "vars.rows", "condition": "item.ok"}),
            vec!["item", "vars"],
        ),
        (
            "transform-map",
            json!({"inputArray": "vars.rows", "mapping": {"x": "{{ item.a }}"}}),
            vec!["item", "vars"],
        ),
    ] {
        let configured = compile(kind, config.clone()).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(configured.render(&json!({})).unwrap().value, config, "{kind}");
        assert_eq!(
            configured.names().into_iter().collect::<Vec<_>>(),
            names,
            "{kind}"
        );
    }
}

#[test]
fn an_error_names_the_way_to_its_field() {
    let error = compile(
        "action-http",
        json!({"url": "x", "headers": {"A": ["b", "{{ c"]}}),
    )
    .unwrap_err();
    assert!(error.to_string().starts_with("headers.A[1]: line 1"), "{error}");
    let configured = compile("action-http", json!({"url": "{{ lead.name + 1 }}"})).unwrap();
    assert!(
        configured
            .render(&names())
            .unwrap_err()
            .to_string()
            .starts_with("url: line 1: `+` cannot add")
    );
    assert!(
        compile("logic-condition", json!({"rules": [{"field": "a"}]}))
            .unwrap_err()
            .to_string()
            .contains("rule 1")
    );
    assert!(compile("logic-switch", json!({"expression": "a b", "cases": []})).is_err());
}

#[test]
fn a_configuration_without_templates_or_of_a_wrong_kind_is_only_copied() {
    for config in [
        json!({}),
        json!({"url": "https://example.com/{x}", "body": "x".repeat(100_000)}),
    ] {
        let configured = compile("action-http", config.clone()).unwrap();
        assert!(configured.is_plain());
        assert_eq!(configured.render(&names()).unwrap().value, config);
    }
    assert_eq!(
        compile("action-http", json!(5))
            .unwrap()
            .render(&names())
            .unwrap()
            .value,
        json!({})
    );
}
