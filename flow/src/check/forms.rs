//! Whether a value has the form that a field of the catalogue takes.

use serde_json::Value;
use uuid::Uuid;

use crate::{
    catalogue::{Field, Kind},
    moment::Moment,
    names,
};

/// A sentence, if a value has not the form of its field. `name` is the way to it.
pub(super) fn mistake(field: &Field, name: &str, value: &Value) -> Option<String> {
    let template = |text: &str| field.template && ["{{", "{%"].iter().any(|tag| text.contains(tag));
    if value.is_null() || value.as_str().is_some_and(template) {
        return None;
    }
    let must = |what: &str| Some(format!("`{name}` must be {what}."));
    match field.kind {
        Kind::Any | Kind::Expression | Kind::Condition => None,
        Kind::Text if value.is_string() => None,
        Kind::Time if value.as_str().is_some_and(|text| Moment::parse(text).is_some()) => None,
        Kind::Id if value.as_str().is_some_and(is_id) => None,
        Kind::Id => must("the id of a row, such as \"01890a5d-ac96-774b-bcce-b302099a8057\""),
        Kind::Name => match value.as_str() {
            Some(text) if names::is_name(text) => None,
            _ => must("a name of letters, digits and `_`, which does not begin with a digit"),
        },
        Kind::Text => must("a text"),
        Kind::Time => must("a point in time as text, such as \"2026-01-31T09:00:00Z\""),
        Kind::Boolean if value.is_boolean() => None,
        Kind::Boolean => must("true or false"),
        Kind::Object | Kind::Match if value.is_object() => None,
        Kind::Object | Kind::Match => must("an object"),
        Kind::List if value.is_array() => None,
        Kind::Rules if value.is_array() => None,
        Kind::List | Kind::Rules => must("a list"),
        Kind::ListExpression if value.is_array() || value.is_string() => None,
        Kind::ListExpression => must("a list, or an expression that gives one"),
        Kind::Texts if value.is_string() => None,
        Kind::Texts => match value.as_array() {
            Some(items) if items.iter().all(Value::is_string) => None,
            _ => must("a text or a list of texts"),
        },
        Kind::Choice(of) if value.as_str().is_some_and(|text| of.contains(&text)) => None,
        Kind::Choice(of) => must(&format!("one of `{}`", of.join("`, `"))),
        Kind::Number(least, most) => match number(field, value) {
            Some(number) if (least..=most).contains(&number) => None,
            _ => must(&format!("a number from {least} to {most}")),
        },
        Kind::Integer(least, most) => match number(field, value) {
            Some(number) if number.fract() == 0.0 && (least as f64..=most as f64).contains(&number) => None,
            _ => must(&format!("a whole number from {least} to {most}")),
        },
        Kind::ObjectOf(fields) => match value.is_object() {
            true => entry(fields, name, value),
            false => must("an object"),
        },
        Kind::ListOf(fields) => match value.as_array() {
            None => must("a list"),
            Some(items) => {
                let mut numbered = items.iter().enumerate();
                numbered.find_map(|(at, item)| match item.is_object() {
                    true => entry(fields, &format!("{name}[{at}]"), item),
                    false => Some(format!("`{name}[{at}]` must be an object.")),
                })
            }
        },
    }
}

fn is_id(text: &str) -> bool {
    Uuid::try_parse(text.trim()).is_ok()
}

/// A number, also as a string where a template could have made one.
fn number(field: &Field, value: &Value) -> Option<f64> {
    match value {
        Value::String(text) if field.template => text.trim().parse().ok(),
        value => value.as_f64(),
    }
}

fn entry(fields: &[Field], name: &str, value: &Value) -> Option<String> {
    fields.iter().find_map(|field| {
        let way = format!("{name}.{}", field.name);
        match value.get(field.name) {
            None | Some(Value::Null) if field.required => {
                Some(format!("`{way}` is missing: set {}.", field.description))
            }
            None => None,
            Some(value) => mistake(field, &way, value),
        }
    })
}
