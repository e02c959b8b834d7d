//! `transform-set-variable`: sets variables of the execution, each turned into the type that was asked for.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{Class, Done, NodeError, NodeKind, NodeRun, moment, setting};

/// The node type.
pub struct TransformSetVariable;

/// Names that templates resolve before variables (CONTRACT section 3).
const RESERVED: [&str; 10] = [
    "trigger",
    "lead",
    "conversation",
    "nodes",
    "vars",
    "execution",
    "env",
    "secrets",
    "input",
    "resume",
];

#[async_trait]
impl NodeKind for TransformSetVariable {
    fn name(&self) -> &'static str {
        "transform-set-variable"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let list = match run.config.get("variables") {
            Some(Value::Array(list)) => list,
            Some(other) => return Err(setting::wrong("variables", "a list", other)),
            None => return Err(setting::missing("variables")),
        };
        let (mut variables, mut warnings) = (Map::new(), Vec::new());
        for (number, entry) in list.iter().enumerate() {
            let name = setting::text(entry, "name")?.map(|name| name.trim().to_owned());
            let name =
                name.ok_or_else(|| NodeError::failed(format!("variable {} has no name", number + 1)))?;
            if RESERVED.contains(&name.as_str()) {
                warnings.push(format!(
                    "{name} means something else in templates; read it as vars.{name}"
                ));
            }
            let value = entry.get("value").unwrap_or(&Value::Null);
            let wanted = setting::text(entry, "type")?.unwrap_or_default();
            let converted = convert(value, wanted.trim()).map_err(|why| {
                NodeError::failed(format!(
                    "variable {name} {why}, but it is {}",
                    setting::kind(value)
                ))
            })?;
            variables.insert(name, converted);
        }
        Ok(Done {
            variables: variables.clone(),
            warnings,
            ..Done::with(Value::Object(variables))
        })
    }
}

/// The value as that type, or what it should have been.
fn convert(value: &Value, wanted: &str) -> Result<Value, &'static str> {
    match wanted {
        "" | "any" | "auto" => Ok(value.clone()),
        "string" | "text" => Ok(setting::as_text(value).into()),
        "number" => number(value).ok_or("must be a number"),
        "boolean" => boolean(value).ok_or("must be true or false"),
        "json" => json(value).ok_or("must be valid JSON"),
        "object" => json(value).filter(Value::is_object).ok_or("must be an object"),
        "array" | "list" => json(value).filter(Value::is_array).ok_or("must be a list"),
        "date" | "datetime" => {
            let moment = value.as_str().and_then(moment::parse);
            moment
                .map(|moment| moment::write(moment).into())
                .ok_or("must be a date such as 2026-03-01T10:00:00Z")
        }
        _ => Err("must have a type of string, number, boolean, json, object, array or date"),
    }
}

/// A number, also from text as JSON writes numbers.
fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            let unsigned = text.strip_prefix('+').unwrap_or(text);
            match unsigned.parse::<i64>() {
                Ok(integer) => Some(integer.into()),
                Err(_) => unsigned
                    .parse::<f64>()
                    .ok()
                    .filter(|n| n.is_finite())
                    .map(Value::from),
            }
        }
        _ => None,
    }
}

/// A boolean, also from what forms and databases call one.
fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false.into()),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true.into()),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(true.into()),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(false.into()),
            _ => None,
        },
        _ => None,
    }
}

/// A text is read as JSON; anything else is JSON already.
fn json(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Run;
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_the_type_that_was_asked_for() {
        for (value, wanted, expected) in [
            (json!(5), "", json!(5)),
            (json!(5), "string", json!("5")),
            (json!(null), "string", json!("")),
            (json!({"a": 1}), "string", json!("{\"a\":1}")),
            (json!(" 12 "), "number", json!(12)),
            (json!("+1.5"), "number", json!(1.5)),
            (json!("1e3"), "number", json!(1000.0)),
            (json!(7), "number", json!(7)),
            (json!("Yes"), "boolean", json!(true)),
            (json!("off"), "boolean", json!(false)),
            (json!(0), "boolean", json!(false)),
            (json!(true), "boolean", json!(true)),
            (json!("[1, 2]"), "json", json!([1, 2])),
            (json!({"a": 1}), "json", json!({"a": 1})),
            (json!("{\"a\": 1}"), "object", json!({"a": 1})),
            (json!("[1]"), "array", json!([1])),
            (json!([1]), "array", json!([1])),
            (
                json!("2026-03-01 10:00+02:00"),
                "date",
                json!("2026-03-01T08:00:00Z"),
            ),
        ] {
            assert_eq!(convert(&value, wanted), Ok(expected), "{value} as {wanted}");
        }
    }

    #[test]
    fn what_cannot_become_that_type_is_refused() {
        for (value, wanted) in [
            (json!("many"), "number"),
            (json!("NaN"), "number"),
            (json!("inf"), "number"),
            (json!(""), "number"),
            (json!(true), "number"),
            (json!(null), "number"),
            (json!("maybe"), "boolean"),
            (json!(2), "boolean"),
            (json!([]), "boolean"),
            (json!("{"), "json"),
            (json!("1e400"), "json"),
            (json!([1]), "object"),
            (json!({}), "array"),
            (json!("tomorrow"), "date"),
            (json!(5), "date"),
            (json!(5), "colour"),
        ] {
            assert!(convert(&value, wanted).is_err(), "{value} as {wanted}");
        }
    }

    #[tokio::test]
    async fn the_output_is_the_variables() {
        let config = json!({"variables": [
            {"name": "score", "value": "{{ trigger.score }}", "type": "number"},
            {"name": "who", "value": "Hello {{ trigger.name }}"},
        ]});
        let names = json!({"trigger": {"score": "12", "name": "Ann"}});
        let done = Run::new("transform-set-variable", config)
            .names(names)
            .go(&TransformSetVariable)
            .await
            .unwrap();
        assert_eq!(*done.output, json!({"score": 12, "who": "Hello Ann"}));
        assert_eq!(Value::Object(done.variables), *done.output);
    }

    #[tokio::test]
    async fn a_failing_conversion_names_the_variable() {
        let config = json!({"variables": [{"name": "score", "value": "many", "type": "number"}]});
        let error = Run::new("transform-set-variable", config)
            .go(&TransformSetVariable)
            .await
            .unwrap_err();
        assert_eq!(error.message, "variable score must be a number, but it is a text");
    }

    #[tokio::test]
    async fn a_name_that_templates_use_otherwise_is_warned_about() {
        let config = json!({"variables": [{"name": "lead", "value": 1}]});
        let done = Run::new("transform-set-variable", config)
            .go(&TransformSetVariable)
            .await
            .unwrap();
        assert_eq!(
            done.warnings,
            ["lead means something else in templates; read it as vars.lead"]
        );
    }
}
