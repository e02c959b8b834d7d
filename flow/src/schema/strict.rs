//! OpenAI's strict mode: every object closed, every property required, so that what is optional is null instead of
//! absent; and the way back, because the automation expects it absent.

use serde_json::{Map, Value, json};

use super::bounds::{MAX_DEPTH, resolve};

/// Keywords that strict mode takes as they are.
const KEPT: &[&str] = &[
    "const",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "title",
    "type",
];
/// Keywords that mean nothing for a check and are left out.
const LEFT_OUT: &[&str] = &[
    "$comment",
    "$schema",
    "default",
    "deprecated",
    "examples",
    "readOnly",
    "writeOnly",
];
/// The formats that it knows; others say nothing to anybody and are left out.
const FORMATS: &[&str] = &[
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "time",
    "uuid",
];

/// The schema as strict mode wants it; none where it says more than strict mode can.
///
/// ```
/// use serde_json::json;
/// let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
/// assert_eq!(flow::schema::strict(&schema).unwrap(), json!({
///     "type": "object", "properties": {"city": {"type": ["string", "null"]}},
///     "required": ["city"], "additionalProperties": false
/// }));
/// ```
pub fn strict(schema: &Value) -> Option<Value> {
    let own = schema.as_object()?;
    // the root is an object and nothing else
    (own.get("type")? == "object" && !own.contains_key("anyOf") && !own.contains_key("$ref")).then_some(())?;
    closed(schema, 0)
}

fn closed(schema: &Value, depth: usize) -> Option<Value> {
    let own = schema.as_object().filter(|_| depth <= MAX_DEPTH)?;
    let is = |name: &str| match own.get("type") {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    };
    let says_what = ["type", "anyOf", "$ref", "enum", "const"];
    says_what.iter().any(|key| own.contains_key(*key)).then_some(())?;
    // an object of anything, a list of anything
    (!is("object") || own.contains_key("properties")).then_some(())?;
    (!is("array") || own.contains_key("items")).then_some(())?;
    let mut out = Map::new();
    for (key, value) in own {
        let closed_value = match (key.as_str(), value) {
            (key, _) if LEFT_OUT.contains(&key) => continue,
            ("required", _) | ("additionalProperties", Value::Bool(false)) => continue,
            ("format", Value::String(format)) if !FORMATS.contains(&format.as_str()) => continue,
            ("format" | "$ref", _) => value.clone(),
            (key, _) if KEPT.contains(&key) => value.clone(),
            ("items", item) => closed(item, depth + 1)?,
            ("anyOf", Value::Array(schemas)) => schemas
                .iter()
                .map(|schema| closed(schema, depth + 1))
                .collect::<Option<Value>>()?,
            ("$defs" | "definitions", Value::Object(schemas)) => schemas
                .iter()
                .map(|(name, schema)| Some((name.clone(), closed(schema, depth + 1)?)))
                .collect::<Option<Map<_, _>>>()?
                .into(),
            ("properties", Value::Object(schemas)) => schemas
                .iter()
                .map(|(name, schema)| Some((name.clone(), property(own, name, schema, depth)?)))
                .collect::<Option<Map<_, _>>>()?
                .into(),
            _ => return None,
        };
        out.insert(key.clone(), closed_value);
    }
    if let Some(properties) = out.get("properties").and_then(Value::as_object) {
        let names: Vec<_> = properties.keys().map(|name| json!(name)).collect();
        out.insert("required".to_owned(), Value::Array(names));
        out.insert("additionalProperties".to_owned(), json!(false));
    }
    Some(Value::Object(out))
}

/// A property of `object`: one that may be absent may be null.
fn property(object: &Map<String, Value>, name: &str, schema: &Value, depth: usize) -> Option<Value> {
    let mut own = closed(schema, depth + 1)?;
    if is_required(object, name) || takes_null(schema) {
        return Some(own);
    }
    if own.get("anyOf").is_some() || own.get("$ref").is_some() || own.get("const").is_some() {
        return Some(json!({ "anyOf": [own, { "type": "null" }] }));
    }
    if let Some(kind) = own.get_mut("type") {
        match kind {
            Value::Array(kinds) => kinds.push(json!("null")),
            kind => *kind = json!([kind.take(), "null"]),
        }
    }
    if let Some(Value::Array(values)) = own.get_mut("enum") {
        values.push(Value::Null);
    }
    Some(own)
}

/// Without the nulls that stand for what is absent: those of optional properties whose own schema takes none.
pub fn without_nulls(schema: &Value, mut value: Value) -> Value {
    take_nulls(schema, schema, &mut value, 0);
    value
}

fn take_nulls(root: &Value, schema: &Value, value: &mut Value, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        if let Some(target) = resolve(root, target) {
            take_nulls(root, target, value, depth + 1);
        }
        return;
    }
    match value {
        Value::Array(items) => {
            if let Some(each) = schema.get("items").filter(|items| items.is_object()) {
                for item in items {
                    take_nulls(root, each, item, depth + 1);
                }
            }
        }
        Value::Object(entries) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let own = schema.as_object();
            let (Some(properties), Some(own)) = (properties, own) else {
                return;
            };
            entries.retain(|name, value| {
                let absent = value.is_null()
                    && !is_required(own, name)
                    && properties
                        .get(name)
                        .is_some_and(|schema| !takes_null(followed(root, schema)));
                !absent
            });
            for (name, value) in entries {
                if let Some(schema) = properties.get(name) {
                    take_nulls(root, schema, value, depth + 1);
                }
            }
        }
        _ => {}
    }
}

fn followed<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        match schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|to| resolve(root, to))
        {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

fn is_required(object: &Map<String, Value>, name: &str) -> bool {
    object
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|required| required == name))
}

/// Whether null fits, as far as the schema says it plainly; what it says otherwise is left to the check.
fn takes_null(schema: &Value) -> bool {
    let Some(own) = schema.as_object() else {
        return schema != &Value::Bool(false);
    };
    if let Some(values) = own.get("enum").and_then(Value::as_array) {
        return values.iter().any(Value::is_null);
    }
    if let Some(value) = own.get("const") {
        return value.is_null();
    }
    match own.get("type") {
        Some(Value::String(kind)) => kind == "null",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "null"),
        _ => match own.get("anyOf").and_then(Value::as_array) {
            Some(schemas) => schemas.iter().any(takes_null),
            None => !own.contains_key("$ref"),
        },
    }
}
