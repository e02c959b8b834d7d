//! Reading a rendered configuration: templates may have made text out of numbers and numbers out of text, so each
//! setting takes both, and what cannot be meant fails with the setting's name.

use std::ops::RangeInclusive;

use serde_json::Value;
use uuid::Uuid;

use super::NodeError;

/// The setting, if it is there and says something: null and blank text count as not given.
pub(super) fn given<'a>(config: &'a Value, name: &str) -> Option<&'a Value> {
    config.get(name).filter(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    })
}

/// A text; numbers and booleans are written out.
pub(super) fn text(config: &Value, name: &str) -> Result<Option<String>, NodeError> {
    given(config, name)
        .map(|value| scalar(value).ok_or_else(|| wrong(name, "a text", value)))
        .transpose()
}

/// A text that must be there.
pub(super) fn required_text(config: &Value, name: &str) -> Result<String, NodeError> {
    text(config, name)?.ok_or_else(|| missing(name))
}

/// A whole number within bounds, or what it is when it is not given.
pub(super) fn integer(
    config: &Value,
    name: &str,
    default: u64,
    bounds: RangeInclusive<u64>,
) -> Result<u64, NodeError> {
    Ok(integer_given(config, name, bounds)?.unwrap_or(default))
}

/// A whole number within bounds, if it is given.
pub(super) fn integer_given(
    config: &Value,
    name: &str,
    bounds: RangeInclusive<u64>,
) -> Result<Option<u64>, NodeError> {
    let Some(value) = given(config, name) else {
        return Ok(None);
    };
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            (float >= 0.0 && float.fract() == 0.0 && float < 9e15).then_some(float as u64)
        }),
        _ => None,
    };
    let within = number.filter(|number| bounds.contains(number));
    within.map(Some).ok_or_else(|| {
        let (least, most) = (bounds.start(), bounds.end());
        NodeError::failed(format!(
            "{name} must be a whole number between {least} and {most}"
        ))
    })
}

/// Yes or no; not given is no.
pub(super) fn flag(config: &Value, name: &str) -> Result<bool, NodeError> {
    match given(config, name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text.trim() == "true" => Ok(true),
        Some(Value::String(text)) if text.trim() == "false" => Ok(false),
        Some(value) => Err(wrong(name, "true or false", value)),
    }
}

/// An id; where it is not given, the one that the execution has.
pub(super) fn id(config: &Value, name: &str, own: Option<Uuid>) -> Result<Option<Uuid>, NodeError> {
    match text(config, name)? {
        None => Ok(own),
        Some(text) => match text.trim().parse() {
            Ok(id) => Ok(Some(id)),
            Err(_) => Err(NodeError::failed(format!("{name} is not an id (UUID)"))),
        },
    }
}

/// Text, number or boolean as text; none for null, lists and objects.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Any value as text, as templates write it: null is empty, lists and objects are JSON.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What kind of value it is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing (null)",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The error for a setting that must be there.
pub(super) fn missing(name: &str) -> NodeError {
    NodeError::failed(format!("{name} is missing or empty"))
}

/// The error for a setting of the wrong kind.
pub(super) fn wrong(name: &str, expected: &str, value: &Value) -> NodeError {
    NodeError::failed(format!("{name} must be {expected}, but it is {}", kind(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_as_they_were_meant() {
        let config = json!({"t": 5, "n": " 12 ", "f": 3.0, "b": "true", "blank": "  ", "none": null});
        assert_eq!(text(&config, "t"), Ok(Some("5".to_owned())));
        assert_eq!(integer(&config, "n", 0, 1..=20), Ok(12));
        assert_eq!(integer(&config, "f", 0, 1..=20), Ok(3));
        assert_eq!(integer(&config, "blank", 7, 1..=20), Ok(7));
        assert_eq!(integer_given(&config, "blank", 1..=20), Ok(None));
        assert_eq!(flag(&config, "b"), Ok(true));
        assert_eq!(flag(&config, "none"), Ok(false));
        assert_eq!(text(&config, "blank"), Ok(None));
    }

    #[test]
    fn what_cannot_be_meant_names_the_setting() {
        let config = json!({"n": "many", "big": 21, "minus": -1, "half": 0.5, "l": [], "id": "x"});
        for name in ["n", "big", "minus", "half", "l"] {
            let message = integer(&config, name, 0, 1..=20).unwrap_err().message;
            assert_eq!(message, format!("{name} must be a whole number between 1 and 20"));
        }
        assert_eq!(
            text(&config, "l").unwrap_err().message,
            "l must be a text, but it is a list"
        );
        assert_eq!(
            id(&config, "id", None).unwrap_err().message,
            "id is not an id (UUID)"
        );
        assert_eq!(
            required_text(&config, "gone").unwrap_err().message,
            "gone is missing or empty"
        );
    }
}
