//! What conditions mean: every operator, what cannot be compared, and what a rule may cost.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail"
)]

mod properties;

use flow::{Condition, ConditionError};
use serde_json::{Value, json};

fn names() -> Value {
    json!({
        "lead": {
            "score": 80, "text_score": "80", "name": "Ada Lovelace", "tags": ["hot", 3], "vip": true, "note": "",
            "company": null, "custom": {"city": "London"}, "zip": 10115,
            "created_at": "2026-01-31 23:30:00.123+01", "list": [], "object": {},
        },
        "trigger": {"new": {"status": "won"}, "old": {"status": "open"}, "changed": ["status", "score"]},
        "nodes": {"http-1": {"output": {"headers": {"x-id": "7"}, "rows": [{"id": 1}]}}},
        "env": {"now": "2026-02-01T00:00:00Z"},
        "limit": 70,
    })
}

fn rule(field: &str, operator: &str, value: Value) -> Value {
    json!({"rules": [{"field": field, "operator": operator, "value": value}]})
}

fn holds(field: &str, operator: &str, value: Value) -> bool {
    let condition = rule(field, operator, value);
    let parsed = Condition::parse(&condition).unwrap_or_else(|error| panic!("{condition}: {error}"));
    parsed.evaluate(&names()).value
}

#[track_caller]
fn table(cases: &[(&str, &str, Value, bool)]) {
    for (field, operator, value, expected) in cases {
        assert_eq!(
            holds(field, operator, value.clone()),
            *expected,
            "{field} {operator} {value}"
        );
    }
}

#[test]
fn equals_compares_numbers_as_numbers_also_as_text() {
    table(&[
        ("lead.score", "equals", json!(80), true),
        ("lead.score", "equals", json!("80"), true),
        ("lead.score", "equals", json!(" 80.0 "), true),
        ("lead.score", "equals", json!("80x"), false),
        ("lead.text_score", "equals", json!(80), true),
        ("lead.name", "equals", json!("Ada Lovelace"), true),
        ("lead.name", "equals", json!("ada lovelace"), false),
        ("lead.vip", "equals", json!("true"), true),
        ("lead.vip", "equals", json!(true), true),
        ("lead.company", "equals", Value::Null, true),
        ("lead.company", "equals", json!(""), false),
        ("lead.tags", "equals", json!(["hot", 3]), true),
        ("lead.nope", "equals", json!("x"), false),
        ("lead.score", "not_equals", json!(80), false),
        ("lead.nope", "not_equals", json!("x"), true),
        ("lead.custom", "not_equals", json!(5), true),
    ]);
}

#[test]
fn contains_looks_into_text_lists_and_objects() {
    table(&[
        ("lead.name", "contains", json!("Love"), true),
        ("lead.name", "contains", json!("love"), false),
        ("lead.tags", "contains", json!("hot"), true),
        ("lead.tags", "contains", json!("3"), true),
        ("lead.tags", "contains", json!("ho"), false),
        ("lead.custom", "contains", json!("city"), true),
        ("lead.company", "contains", json!("x"), false),
        ("lead.name", "contains", Value::Null, false),
        ("lead.company", "not_contains", json!("x"), true),
        ("lead.tags", "not_contains", json!("cold"), true),
        ("lead.name", "starts_with", json!("Ada"), true),
        ("lead.name", "ends_with", json!("lace"), true),
        ("lead.zip", "starts_with", json!("101"), true),
        ("lead.tags", "starts_with", json!("hot"), false),
        ("lead.company", "ends_with", json!(""), false),
    ]);
}

#[test]
fn order_exists_between_numbers_and_between_texts_and_else_is_false() {
    table(&[
        ("lead.score", "gt", json!(70), true),
        ("lead.score", "gt", json!("9"), true),
        ("lead.text_score", "gt", json!("9"), true),
        ("lead.text_score", "gte", json!(80), true),
        ("lead.score", "lt", json!(80), false),
        ("lead.score", "lte", json!(80.0), true),
        ("lead.name", "lt", json!("B"), true),
        ("lead.company", "lt", json!(5), false),
        ("lead.company", "gte", json!(5), false),
        ("lead.tags", "gt", json!(1), false),
        ("lead.score", "gt", json!("many"), false),
        ("lead.score", "gt", json!("{{ limit }}"), true),
        ("{{ lead.score + 5 }}", "equals", json!(85), true),
        ("lead.name | length", "equals", json!(12), true),
    ]);
}

#[test]
fn emptiness_null_and_truth() {
    table(&[
        ("lead.note", "is_empty", Value::Null, true),
        ("lead.company", "is_empty", Value::Null, true),
        ("lead.nope.deeper", "is_empty", Value::Null, true),
        ("lead.list", "is_empty", Value::Null, true),
        ("lead.object", "is_empty", Value::Null, true),
        ("lead.score", "is_empty", Value::Null, false),
        ("lead.name", "is_not_empty", Value::Null, true),
        ("lead.note", "is_null", Value::Null, false),
        ("lead.company", "is_null", Value::Null, true),
        ("lead.nope", "is_null", Value::Null, true),
        ("lead.note", "is_not_null", Value::Null, true),
        ("lead.vip", "is_true", Value::Null, true),
        ("lead.vip", "is_false", Value::Null, false),
        ("lead.company", "is_false", Value::Null, false),
        ("lead.score", "is_true", Value::Null, false),
    ]);
    let quiet = Condition::parse(&rule("lead.nope", "is_null", Value::Null))
        .unwrap()
        .evaluate(&names());
    assert_eq!(quiet.warnings, Vec::<String>::new());
    let noted = Condition::parse(&rule("lead.nope", "equals", json!(1)))
        .unwrap()
        .evaluate(&names());
    assert_eq!(noted.warnings, ["lead.nope is missing"]);
}

#[test]
fn in_takes_a_list_or_a_text_with_commas() {
    table(&[
        ("lead.score", "in", json!([70, 80]), true),
        ("lead.score", "in", json!(["80"]), true),
        ("lead.score", "in", json!("70, 80"), true),
        ("lead.name", "in", json!("Bob, Ada Lovelace"), true),
        ("lead.name", "in", json!("Ada"), false),
        ("lead.company", "in", json!("a,b"), false),
        ("lead.company", "in", json!([null]), true),
        (
            "lead.score",
            "in",
            json!(["{{ limit }}", "{{ limit + 10 }}"]),
            true,
        ),
        ("lead.score", "in", json!("{{ [limit, 80] }}"), true),
        ("lead.name", "not_in", json!(["Bob"]), true),
        ("lead.name", "not_in", json!(5), true),
    ]);
}

#[test]
fn before_and_after_read_the_forms_of_json_and_postgres() {
    table(&[
        ("lead.created_at", "before", json!("2026-02-01"), true),
        ("lead.created_at", "after", json!("2026-01-31T22:30:00Z"), true),
        ("lead.created_at", "before", json!("2026-01-31 22:30:01+00"), true),
        ("lead.created_at", "before", json!("{{ env.now }}"), true),
        (
            "lead.created_at",
            "after",
            json!("2026-01-31 23:30:00 +01:00"),
            true,
        ),
        ("lead.created_at", "before", json!("tomorrow"), false),
        ("lead.created_at", "after", json!("tomorrow"), false),
        ("lead.company", "before", json!("2026-02-01"), false),
        ("lead.score", "after", json!("1970-01-01T00:01:19"), true),
    ]);
}

#[test]
fn changed_asks_for_the_column_in_the_list_of_the_trigger() {
    table(&[
        ("trigger.new.status", "changed", Value::Null, true),
        ("trigger.old.status", "changed", Value::Null, true),
        ("new.score", "changed", Value::Null, true),
        ("lead.score", "changed", Value::Null, true),
        ("status", "changed", Value::Null, true),
        ("{{ 'status' }}", "changed", Value::Null, true),
        ("trigger.new.name", "changed", Value::Null, false),
        ("name", "changed", Value::Null, false),
    ]);
    let alone = json!({"changed": ["status"], "new": {}});
    assert!(
        Condition::parse(&rule("new.status", "changed", Value::Null))
            .unwrap()
            .evaluate(&alone)
            .value
    );
}

#[test]
fn paths_may_hold_brackets_and_hyphens() {
    table(&[
        ("nodes['http-1'].output.headers.x-id", "equals", json!(7), true),
        ("nodes[\"http-1\"].output.rows[0].id", "equals", json!(1), true),
        ("nodes.http-1.output.rows.0.id", "equals", json!(1), true),
        ("nodes.http-1.output.rows[-1].id", "equals", json!(1), true),
    ]);
}

#[test]
fn rules_are_joined_by_and_or_or() {
    let yes = json!({"field": "lead.score", "operator": "gt", "value": 1});
    let no = json!({"field": "lead.score", "operator": "lt", "value": 1});
    for (rules, logic, expected) in [
        (json!([yes, no]), json!("and"), false),
        (json!([yes, no]), json!("OR"), true),
        (json!([yes, yes]), Value::Null, true),
        (json!([no, no]), json!("or"), false),
    ] {
        let condition = Condition::parse(&json!({"rules": rules, "logic": logic})).unwrap();
        assert_eq!(condition.evaluate(&names()).value, expected);
    }
    for expression in ["lead.score > limit and lead.vip", "{{ lead.score > limit }}"] {
        assert!(
            Condition::parse(&json!({"expression": expression}))
                .unwrap()
                .evaluate(&names())
                .value
        );
        assert!(
            Condition::parse(&json!(expression))
                .unwrap()
                .evaluate(&names())
                .value
        );
    }
    let names: Vec<_> = Condition::parse(&json!({"rules": [
        {"field": "trigger.new.a", "operator": "equals", "value": "{{ vars.b }}"},
        {"field": "c", "operator": "in", "value": ["{{ d }}"]},
    ]}))
    .unwrap()
    .names()
    .into_iter()
    .collect();
    assert_eq!(names, ["c", "d", "trigger", "vars"]);
}

#[test]
fn a_condition_that_is_none_is_refused_with_what_to_do() {
    let refused = |config: Value| {
        Condition::parse(&config)
            .expect_err(&config.to_string())
            .to_string()
    };
    assert!(refused(json!({})).contains("needs `rules`"));
    assert!(refused(json!({"rules": [], "expression": " "})).contains("needs `rules`"));
    assert!(refused(json!({"rules": [{"operator": "equals"}]})).starts_with("rule 1: it needs a `field`"));
    assert!(refused(json!({"rules": [{"field": "a"}]})).contains("needs an `operator`"));
    assert!(refused(rule("a", "is_like", json!(1))).contains("there is no operator `is_like`"));
    assert!(refused(rule("a b", "equals", json!(1))).contains("field: line 1"));
    assert!(refused(rule("a", "equals", json!("{{ b"))).contains("value: line 1"));
    assert!(
        refused(json!({"rules": [{"field": "a", "operator": "is_null"}], "logic": "xor"}))
            .contains("`logic`")
    );
    assert!(refused(json!({"expression": "a ="})).starts_with("expression: line 1"));
    let many = vec![json!({"field": "a", "operator": "is_null"}); 101];
    assert!(refused(json!({ "rules": many })).contains("at most 100"));
    let patterns = vec![json!({"field": "a", "operator": "matches_regex", "value": "x"}); 11];
    assert!(refused(json!({ "rules": patterns })).contains("at most 10"));
    assert!(matches!(
        Condition::parse(&json!(5)),
        Err(ConditionError::Form(_))
    ));
}

#[test]
fn what_cannot_be_evaluated_is_false_with_a_warning() {
    let evaluated = Condition::parse(&json!({"expression": "lead.name + 1"}))
        .unwrap()
        .evaluate(&names());
    assert!(!evaluated.value);
    assert!(
        evaluated.warnings[0].contains("`+` cannot add"),
        "{:?}",
        evaluated.warnings
    );
    let evaluated = Condition::parse(&rule("lead.name", "matches_regex", json!("{{ '(' }}")))
        .unwrap()
        .evaluate(&names());
    assert!(!evaluated.value);
    assert!(
        evaluated.warnings[0].contains("the pattern cannot be read"),
        "{:?}",
        evaluated.warnings
    );
}

#[test]
fn patterns_match_and_evil_ones_are_refused_or_ended() {
    table(&[
        ("lead.name", "matches_regex", json!("^Ada .*e$"), true),
        ("lead.name", "matches_regex", json!("(?i)LOVE"), true),
        ("lead.zip", "matches_regex", json!("^\\d{5}$"), true),
        ("lead.company", "matches_regex", json!(".*"), false),
        ("lead.name", "matches_regex", json!("{{ '^' ~ 'Ada' }}"), true),
    ]);
    let email = json!("^[\\w.+-]+@[\\w-]+\\.[\\w.-]+$");
    assert!(
        Condition::parse(&rule("a", "matches_regex", email))
            .unwrap()
            .evaluate(&json!({"a": "ada@example.com"}))
            .value
    );
    let evil = [
        "(a+)+$",
        "([a-zA-Z]+)*$",
        "(a|aa)+$",
        "(a|a?)+$",
        "(.*a){20}$",
        "(x+x+)+y",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(\\w+\\s?)*$",
        "(.*)*x",
        "((a{1,30}){1,30}){1,30}",
        "(?:a?){500}a{500}",
        "[01]*1[01]{900}x",
        "1[01]{900}[23]",
        "(1[01]{400}|0[01]{300})*[23]",
        "\\pL{1000}",
        "\\w{100000}",
        "(?:(?:(?:a{100}){100}){100}){100}",
        ".{1000}.{1000}",
        "(?i)(straße|ß){1,40}z",
        "((((((((((a))))))))))*",
        "[\\w\\W]{1,500}[\\d\\D]{1,500}z",
        "^(\\d+\\.?)+$",
    ];
    for pattern in evil {
        let texts = [
            "a".repeat(1 << 20),
            "01".repeat(1 << 19),
            "x".repeat(1 << 14),
            "word ".repeat(200_000),
        ];
        for pattern in [
            json!(pattern),
            json!(format!("{{{{ '{}' }}}}", pattern.replace('\\', "\\\\"))),
        ] {
            let Ok(condition) = Condition::parse(&rule("a", "matches_regex", pattern)) else {
                continue;
            };
            for text in &texts {
                // A megabyte is more than a pattern may look at: it ends with a warning or an answer, never late.
                let _ = condition.evaluate(&json!({ "a": text }));
            }
        }
    }
    assert!(Condition::parse(&rule("a", "matches_regex", json!("x".repeat(1_001)))).is_err());
    assert!(Condition::parse(&rule("a", "matches_regex", json!("("))).is_err());
    assert!(
        Condition::parse(&rule(
            "a",
            "matches_regex",
            json!("(".repeat(500) + &")".repeat(500))
        ))
        .is_err()
    );
}
