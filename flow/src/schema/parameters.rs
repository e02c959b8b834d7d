//! The parameters of a tool as a JSON Schema, however they were written down.

use serde_json::{Map, Value, json};

use super::SchemaError;

/// The types of JSON Schema.
const TYPES: &[&str] = &[
    "string", "number", "integer", "boolean", "object", "array", "null",
];

/// The schema of an object, from a JSON Schema of one, from a list of `{name, type, description, required}` (further
/// keys are keywords of that parameter), or from nothing: no parameters.
///
/// # Errors
/// What is neither.
pub fn of_parameters(parameters: Option<&Value>) -> Result<Value, SchemaError> {
    let wrong = |why: &str| Err(SchemaError::Invalid(why.to_owned()));
    match parameters {
        None | Some(Value::Null) => Ok(closed(Map::new(), Vec::new())),
        Some(Value::Array(list)) => of_list(list),
        Some(Value::Object(schema)) => match schema.get("type") {
            Some(kind) if kind == "object" => Ok(Value::Object(schema.clone())),
            None => {
                let mut schema = schema.clone();
                schema.insert("type".to_owned(), json!("object"));
                Ok(Value::Object(schema))
            }
            Some(_) => wrong("it must be the schema of an object: `type` is \"object\""),
        },
        Some(_) => wrong("it is neither a JSON Schema nor a list of {name, type, description, required}"),
    }
}

fn of_list(list: &[Value]) -> Result<Value, SchemaError> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (position, item) in list.iter().enumerate() {
        let wrong = |why: &str| Err(SchemaError::Invalid(format!("parameter {}: {why}", position + 1)));
        let Some(item) = item.as_object() else {
            return wrong("it must be an object with a `name`");
        };
        let Some(name) = item
            .get("name")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
        else {
            return wrong("its `name` is missing");
        };
        let mut schema = item.clone();
        schema.remove("name");
        match schema.remove("required") {
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(Value::Bool(true)) => required.push(json!(name)),
            // of an object's own properties
            Some(names @ Value::Array(_)) => drop(schema.insert("required".to_owned(), names)),
            Some(_) => return wrong("`required` is true or false"),
        }
        match schema.get("type") {
            None => drop(schema.insert("type".to_owned(), json!("string"))),
            Some(Value::String(kind)) if TYPES.contains(&kind.as_str()) => {}
            Some(Value::Array(_)) => {}
            Some(_) => return wrong("`type` is string, number, integer, boolean, object or array"),
        }
        if schema.get("description").is_some_and(Value::is_null) {
            schema.remove("description");
        }
        if properties
            .insert(name.to_owned(), Value::Object(schema))
            .is_some()
        {
            return wrong("another one has the same `name`");
        }
    }
    Ok(closed(properties, required))
}

/// What is listed is all there is.
fn closed(properties: Map<String, Value>, required: Vec<Value>) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
