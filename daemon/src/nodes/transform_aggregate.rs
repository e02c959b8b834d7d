//! `transform-aggregate`: one value out of a list. Null and missing values are left out, as in SQL.

use std::cmp::Ordering;

use async_trait::async_trait;
use serde_json::{Map, Number, Value};

use super::{Class, Done, NodeError, NodeKind, NodeRun, items, setting};

/// The node type.
pub struct TransformAggregate;

#[async_trait]
impl NodeKind for TransformAggregate {
    fn name(&self) -> &'static str {
        "transform-aggregate"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let mut warnings = Vec::new();
        let list = items::input_array(&run, &mut warnings)?;
        let operation = setting::required_text(run.config, "operation")?;
        let field = setting::text(run.config, "field")?;
        // A separator of blanks is one, so it is not read like other settings.
        let separator = run
            .config
            .get("separator")
            .and_then(Value::as_str)
            .unwrap_or(", ");
        let output = aggregate(
            list,
            &operation,
            field.as_deref(),
            separator,
            run.services.limits.max_output,
        )?;
        Ok(Done {
            warnings,
            ..Done::with(output)
        })
    }
}

fn aggregate(
    list: Vec<Value>,
    operation: &str,
    field: Option<&str>,
    separator: &str,
    limit: usize,
) -> Result<Value, NodeError> {
    if operation == "group" {
        return Ok(group(list, field.ok_or_else(|| setting::missing("field"))?));
    }
    let values: Vec<&Value> = match field {
        Some(path) => list
            .iter()
            .filter_map(|item| items::at_path(item, path))
            .collect(),
        None => list.iter().collect(),
    };
    let counted = field.is_none() && operation == "count"; // every item counts, null ones too
    let values: Vec<&Value> = values
        .into_iter()
        .filter(|value| counted || !value.is_null())
        .collect();
    match operation {
        "count" => Ok(values.len().into()),
        "sum" => sum(&numbers(&values, operation)?),
        "avg" => {
            let numbers = numbers(&values, operation)?;
            match sum(&numbers)?.as_f64() {
                Some(sum) if !numbers.is_empty() => finite(sum / numbers.len() as f64),
                _ => Ok(Value::Null),
            }
        }
        "min" => extreme(&values, operation, Ordering::Less),
        "max" => extreme(&values, operation, Ordering::Greater),
        "first" => Ok(values
            .first()
            .map(|value| Value::clone(value))
            .unwrap_or_default()),
        "last" => Ok(values.last().map(|value| Value::clone(value)).unwrap_or_default()),
        "join" => {
            let parts: Vec<String> = values.into_iter().map(setting::as_text).collect();
            let bytes: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
            if bytes > limit {
                return Err(NodeError::new(
                    "too_large",
                    format!("the joined text is larger than {limit} bytes"),
                ));
            }
            Ok(parts.join(separator).into())
        }
        _ => Err(NodeError::failed(
            "operation must be count, sum, avg, min, max, first, last, join or group",
        )),
    }
}

/// All as numbers, numeric text included as in conditions.
fn numbers(values: &[&Value], operation: &str) -> Result<Vec<Number>, NodeError> {
    values
        .iter()
        .map(|value| {
            number(value).ok_or_else(|| {
                NodeError::failed(format!(
                    "{operation} needs numbers, but there is {}",
                    setting::kind(value)
                ))
            })
        })
        .collect()
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let text = text.trim();
            text.parse::<i64>()
                .ok()
                .map(Number::from)
                .or_else(|| Number::from_f64(text.parse().ok()?))
        }
        _ => None,
    }
}

/// Exact while all are whole and the sum fits into 64 bits.
fn sum(numbers: &[Number]) -> Result<Value, NodeError> {
    let whole: Option<i128> = numbers.iter().map(|number| number.as_i128()).sum();
    match whole.map(i64::try_from) {
        Some(Ok(sum)) => Ok(sum.into()),
        _ => finite(numbers.iter().filter_map(Number::as_f64).sum()),
    }
}

fn finite(number: f64) -> Result<Value, NodeError> {
    match Number::from_f64(number) {
        Some(number) => Ok(number.into()),
        None => Err(NodeError::failed("the result is too large for a number")),
    }
}

/// The least or greatest: of numbers by value, else of texts (ISO dates among them) by their characters.
fn extreme(values: &[&Value], operation: &str, wanted: Ordering) -> Result<Value, NodeError> {
    let numbers: Option<Vec<f64>> = values.iter().map(|value| number(value)?.as_f64()).collect();
    let texts: Option<Vec<&str>> = values.iter().map(|value| value.as_str()).collect();
    let compare = |one: usize, other: usize| match (&numbers, &texts) {
        (Some(numbers), _) => numbers.get(one).partial_cmp(&numbers.get(other)),
        (None, Some(texts)) => Some(texts.get(one).cmp(&texts.get(other))),
        (None, None) => None,
    };
    if numbers.is_none() && texts.is_none() {
        return Err(NodeError::failed(format!(
            "{operation} needs numbers only, or texts only"
        )));
    }
    let best = (0..values.len()).reduce(|best, next| {
        if compare(next, best) == Some(wanted) {
            next
        } else {
            best
        }
    });
    Ok(best
        .and_then(|best| values.get(best))
        .map(|value| Value::clone(value))
        .unwrap_or_default())
}

/// The items by the text of their field; null and missing ones under the empty text.
fn group(list: Vec<Value>, field: &str) -> Value {
    let mut groups: Map<String, Value> = Map::new();
    for item in list {
        let key = items::at_path(&item, field)
            .map(setting::as_text)
            .unwrap_or_default();
        if let Value::Array(group) = groups.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            group.push(item);
        }
    }
    Value::Object(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_give_one_value() {
        let leads = json!([{"s": 3, "n": "Bo"}, {"s": "1", "n": "Al"}, {"s": null, "n": "Cy"}, {"s": 2}]);
        let empty = json!([]);
        for (list, operation, field, expected) in [
            (&leads, "count", None, json!(4)),
            (&leads, "count", Some("s"), json!(3)),
            (&leads, "sum", Some("s"), json!(6)),
            (&leads, "avg", Some("s"), json!(2.0)),
            (&leads, "min", Some("s"), json!("1")),
            (&leads, "max", Some("s"), json!(3)),
            (&leads, "min", Some("n"), json!("Al")),
            (&leads, "max", Some("n"), json!("Cy")),
            (&leads, "first", Some("n"), json!("Bo")),
            (&leads, "last", Some("s"), json!(2)),
            (&leads, "join", Some("n"), json!("Bo, Al, Cy")),
            (&leads, "group", Some("gone"), json!({"": leads})),
            (
                &json!([{"g": "a"}, {"g": 1}, {"g": "a", "x": 1}]),
                "group",
                Some("g"),
                json!({"a": [{"g": "a"}, {"g": "a", "x": 1}], "1": [{"g": 1}]}),
            ),
            (
                &json!([{"a": {"b": 1}}, {"a": {"b": 2}}]),
                "sum",
                Some("a.b"),
                json!(3),
            ),
            (&json!([null, 1]), "count", None, json!(2)),
            (&json!([0.5, 1]), "sum", None, json!(1.5)),
            (&json!([i64::MAX, 1]), "sum", None, json!(i64::MAX as f64 + 1.0)),
            (
                &json!(["2026-01-02", "2025-12-31"]),
                "min",
                None,
                json!("2025-12-31"),
            ),
            (
                &json!([1, [2], {"a": 3}, true, null]),
                "join",
                None,
                json!("1, [2], {\"a\":3}, true"),
            ),
            (&empty, "count", None, json!(0)),
            (&empty, "sum", None, json!(0)),
            (&empty, "avg", None, json!(null)),
            (&empty, "min", None, json!(null)),
            (&empty, "first", None, json!(null)),
            (&empty, "join", None, json!("")),
            (&empty, "group", Some("x"), json!({})),
        ] {
            let list_of = list.as_array().unwrap().clone();
            assert_eq!(
                aggregate(list_of, operation, field, ", ", 1_000),
                Ok(expected),
                "{operation} of {list} by {field:?}"
            );
        }
    }

    #[test]
    fn what_has_no_value_says_why() {
        for (list, operation) in [
            (json!(["many"]), "sum"),
            (json!([true]), "avg"),
            (json!([1, "x"]), "min"),
            (json!([{}]), "max"),
            (json!([1e308, 1e308]), "sum"),
            (json!([1]), "group"),
            (json!([1]), "median"),
            (json!(vec!["x".repeat(100); 10]), "join"),
        ] {
            let list_of = list.as_array().unwrap().clone();
            assert!(
                aggregate(list_of, operation, None, ", ", 1_000).is_err(),
                "{operation} of {list}"
            );
        }
    }
}
