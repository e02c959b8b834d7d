//! What holds for all values.

use flow::Condition;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::rule;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-5_i64..5).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9]{1,3}".prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        Just(json!("2026-01-01 10:00:00+00")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn decide(a: &Value, operator: &str, b: &Value) -> bool {
    let condition = Condition::parse(&rule("a", operator, json!("{{ b }}"))).expect("a rule");
    condition.evaluate(&json!({"a": a, "b": b})).value
}

proptest! {
    #[test]
    fn equality_is_symmetric_and_not_is_its_opposite(a in any_json(), b in any_json()) {
        prop_assert_eq!(decide(&a, "equals", &b), decide(&b, "equals", &a));
        prop_assert!(decide(&a, "equals", &a));
        for (positive, negative) in [("equals", "not_equals"), ("contains", "not_contains"), ("in", "not_in")] {
            prop_assert_ne!(decide(&a, positive, &b), decide(&a, negative, &b));
        }
    }

    #[test]
    fn order_is_antisymmetric_and_fits_equality(a in any_json(), b in any_json()) {
        prop_assert_eq!(decide(&a, "gt", &b), decide(&b, "lt", &a));
        prop_assert_eq!(decide(&a, "gte", &b), decide(&b, "lte", &a));
        prop_assert!(!(decide(&a, "gt", &b) && decide(&a, "lte", &b)));
        prop_assert_eq!(decide(&a, "before", &b), decide(&b, "after", &a));
    }

    #[test]
    fn no_condition_panics(a in any_json(), config in any_json(), field in ".{0,12}", value in any_json(), operator in 0..22_usize) {
        let operators = ["equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with", "gt", "gte", "lt",
            "lte", "is_empty", "is_not_empty", "is_null", "is_not_null", "in", "not_in", "matches_regex", "is_true",
            "is_false", "before", "after", "changed"];
        for config in [config, rule(&field, operators[operator], value.clone()), rule("a", operators[operator], value)] {
            if let Ok(condition) = Condition::parse(&config) {
                let _ = condition.evaluate(&json!({ "a": a }));
            }
        }
    }
}
