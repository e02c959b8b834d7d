//! The settings of each node against the catalogue: what is missing, what has the wrong form, what does not parse.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::forms;
use crate::{
    Condition, Configured, EventMatch, Node, Template,
    catalogue::{DATA, Field, Kind, Need},
    names,
    problem::Problem,
};

/// What any node may carry in its `data`.
pub(crate) fn of_any_node(id: &str, data: &Map<String, Value>, problems: &mut Vec<Problem>) {
    for field in DATA {
        if let Some(message) = data
            .get(field.name)
            .and_then(|value| forms::mistake(field, field.name, value))
        {
            problems.push(Problem::error("wrong_setting", id, message));
        }
    }
}

/// What a node's type asks of its configuration.
pub(super) fn of_type(node: &Node, problems: &mut Vec<Problem>) {
    let mut found = Vec::new();
    for field in node.kind.fields {
        match given(node, field) {
            None if field.required => found.push(("missing_setting", missing(field))),
            None => {}
            Some((name, value)) => match forms::mistake(field, &name, value) {
                Some(message) => found.push(("wrong_setting", message)),
                None => found.extend(parse(field, &name, value)),
            },
        }
    }
    found.extend(
        node.kind
            .needs
            .iter()
            .filter_map(|need| unmet(node, need))
            .map(|message| ("missing_setting", message)),
    );
    // As the node itself will read it: with `logic` beside the rules.
    if node.kind.name == "logic-condition" && found.is_empty() {
        let refused = Condition::parse(&node.config).err();
        found.extend(refused.map(|error| ("bad_condition", format!("The condition is wrong: {error}."))));
    }
    let is_template = |name: &str| {
        node.kind
            .field(name)
            .is_some_and(|field| field.template && !is_parsed(field))
    };
    if let Err(error) = Configured::compile_fields(&node.config, &is_template) {
        found.push(("bad_template", format!("A template does not parse: {error}.")));
    }
    problems.extend(node.kind.fields.iter().filter_map(|field| taken(node, field)));
    problems.extend(
        found
            .into_iter()
            .map(|(code, message)| Problem::error(code, &*node.id, message)),
    );
}

/// A field of a node and the name under which it was found; what is null or blank is not there. Triggers may be
/// written in snake_case as well.
fn given<'a>(node: &'a Node, field: &'static Field) -> Option<(Cow<'static, str>, &'a Value)> {
    let is_there =
        |value: &&Value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty());
    let at = |name: &str| node.config.get(name).filter(is_there);
    match at(field.name) {
        Some(value) => Some((Cow::Borrowed(field.name), value)),
        None if node.kind.is_trigger() => {
            let name = snake_case(field.name);
            let value = at(&name)?;
            Some((Cow::Owned(name), value))
        }
        None => None,
    }
}

fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// A name of the node's own that templates will never read, because theirs wins.
fn taken(node: &Node, field: &'static Field) -> Option<Problem> {
    let (name, value) = given(node, field).filter(|_| matches!(field.kind, Kind::Name))?;
    let value = value.as_str().filter(|value| names::FIXED.contains(value))?;
    let message = format!(
        "`{name}` is {value:?}, and templates mean the execution's own {value:?} by that: choose another name."
    );
    Some(Problem::warning("taken_name", &*node.id, message))
}

fn missing(field: &Field) -> String {
    format!("`{}` is missing: set {}.", field.name, field.description)
}

fn unmet(node: &Node, need: &Need) -> Option<String> {
    let is_there = |name: &str| {
        node.kind
            .field(name)
            .is_some_and(|field| given(node, field).is_some())
    };
    match need {
        Need::OneOf(names) => {
            let listed = names.join("` or `");
            (!names.iter().any(|name| is_there(name))).then(|| format!("Neither is there: set `{listed}`."))
        }
        Need::When { when, is, field } => {
            let decides = node.config.get(*when).and_then(Value::as_str)?;
            let needed = is.contains(&decides) && !is_there(field);
            needed.then(|| format!("`{field}` is missing, which `{when}` {decides:?} needs: set it."))
        }
    }
}

/// Whether the field is parsed as an expression or a condition, not rendered as a template.
fn is_parsed(field: &Field) -> bool {
    matches!(
        field.kind,
        Kind::Rules | Kind::Condition | Kind::Expression | Kind::ListExpression
    )
}

fn parse(field: &Field, name: &str, value: &Value) -> Option<(&'static str, String)> {
    match (field.kind, value) {
        (Kind::Condition, value) => {
            let error = Condition::parse(value).err()?;
            Some((
                "bad_condition",
                format!("The condition `{name}` is wrong: {error}."),
            ))
        }
        (Kind::Match, Value::Object(_)) => {
            let error = EventMatch::check(value).err()?;
            Some(("bad_condition", format!("`{name}` is wrong: {error}.")))
        }
        (Kind::Expression | Kind::ListExpression, Value::String(source)) => {
            let tags = ["{{", "{%"].iter().any(|tag| source.contains(tag));
            let parsed = if tags {
                Template::parse(source.trim())
            } else {
                Template::expression(source)
            };
            let error = parsed.err()?;
            Some((
                "bad_template",
                format!("The expression `{name}` does not parse: {error}."),
            ))
        }
        _ => None,
    }
}
