//! JSON Schemas (draft 2020-12), made from the catalogue: what an editor checks while somebody types.

use serde_json::{Map, Value, json};

use super::{Field, Kind, Need, NodeType};

/// The schema of a node's configuration. Unknown keys are allowed: the editor keeps its own beside ours.
pub(super) fn of(kind: &NodeType) -> Value {
    let mut schema = object(kind.fields);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = kind.name.into();
    schema["description"] = kind.description.into();
    let needs: Vec<Value> = kind.needs.iter().map(need).collect();
    if !needs.is_empty() {
        schema["allOf"] = needs.into();
    }
    schema
}

fn need(need: &Need) -> Value {
    match need {
        Need::OneOf(names) => {
            let each: Vec<Value> = names.iter().map(|name| json!({"required": [name]})).collect();
            json!({"anyOf": each})
        }
        Need::When { when, is, field } => json!({
            "if": {"properties": {*when: {"enum": is}}, "required": [when]},
            "then": {"required": [field]},
        }),
    }
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|one| (one.name.to_owned(), field(one)))
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn field(field: &Field) -> Value {
    let form = form(field.kind);
    let is_text = form.get("type").is_none_or(|form| *form == "string") && form.get("enum").is_none();
    let mut schema = match field.template && !is_text && form != json!({}) {
        true => json!({"anyOf": [form, {"type": "string", "pattern": "\\{[{%]"}]}),
        false => form,
    };
    schema["description"] = field.description.into();
    if let Ok(default) = serde_json::from_str::<Value>(field.default) {
        schema["default"] = default;
    }
    schema
}

fn form(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Id => json!({"type": "string"}),
        Kind::Name => json!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
        Kind::Time => json!({"type": "string"}),
        Kind::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
        Kind::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Choice(of) => json!({"enum": of}),
        Kind::Object | Kind::Match => json!({"type": "object"}),
        Kind::List => json!({"type": "array"}),
        Kind::ListOf(fields) => json!({"type": "array", "items": object(fields)}),
        Kind::ObjectOf(fields) => object(fields),
        Kind::Texts => json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
        Kind::ListExpression => json!({"anyOf": [{"type": "array"}, {"type": "string"}]}),
        Kind::Rules => json!({"type": "array", "items": rule()}),
        Kind::Condition => json!({"anyOf": [
            {"type": "object", "properties": {"rules": {"type": "array", "items": rule()},
                "logic": {"enum": ["and", "or"]}, "expression": {"type": "string"}}},
            {"type": "array", "items": rule()},
            {"type": "string"},
        ]}),
        Kind::Expression | Kind::Any => json!({}),
    }
}

fn rule() -> Value {
    json!({"type": "object", "required": ["field", "operator"],
        "properties": {"field": {"type": "string"}, "operator": {"type": "string"}, "value": {}}})
}
