//! One rule: a field, an operator, a value.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::Values;
use super::field::Field;
use super::operator::{Operator, scalar};
use super::pattern::Pattern;
use crate::template::budget::{Budget, Trouble};
use crate::template::value::{own, text};
use crate::template::{Globals, Template, TemplateError};

/// A parsed rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    field: Field,
    operator: Operator,
    value: Operand,
}

/// What the field is compared with.
#[derive(Debug, Clone)]
enum Operand {
    Plain(Value),
    Template(Template),
    List(Vec<Operand>),
    Pattern(Pattern),
}

impl Operand {
    fn parse(value: &Value, depth: usize) -> Result<Operand, TemplateError> {
        match value {
            Value::String(source) if source.contains("{{") || source.contains("{%") => {
                Ok(Operand::Template(Template::parse(source)?))
            }
            // A list of templates is what `in` may have; what is in lists deeper is taken as it stands.
            Value::Array(items) if depth == 0 => {
                let items = items
                    .iter()
                    .map(|item| Operand::parse(item, 1))
                    .collect::<Result<Vec<_>, _>>()?;
                let plain = items.iter().all(|item| matches!(item, Operand::Plain(_)));
                Ok(if plain {
                    Operand::Plain(value.clone())
                } else {
                    Operand::List(items)
                })
            }
            other => Ok(Operand::Plain(other.clone())),
        }
    }

    fn reads(&self, reads: &mut BTreeSet<(String, Option<String>)>) {
        match self {
            Operand::Plain(_) | Operand::Pattern(_) => {}
            Operand::Template(template) => reads.extend(template.reads().iter().cloned()),
            Operand::List(items) => items.iter().for_each(|item| item.reads(reads)),
        }
    }

    fn value(&self, globals: &Globals<'_>, budget: &Budget) -> Result<Cow<'_, Value>, TemplateError> {
        match self {
            Operand::Plain(value) => Ok(Cow::Borrowed(value)),
            Operand::Template(template) => template.evaluate(globals, budget).map(Cow::Owned),
            Operand::List(items) => {
                let values = items.iter().map(|item| {
                    let value = item.value(globals, budget)?;
                    own(value, budget).map_err(|trouble| trouble.at(1))
                });
                Ok(Cow::Owned(Value::Array(values.collect::<Result<_, _>>()?)))
            }
            Operand::Pattern(_) => Ok(Cow::Owned(Value::Null)),
        }
    }
}

impl Rule {
    /// Reads a rule; an error says what is wrong with it.
    pub(super) fn parse(rule: &Value, values: Values) -> Result<Rule, String> {
        let Some(field) = rule
            .get("field")
            .and_then(Value::as_str)
            .filter(|field| !field.trim().is_empty())
        else {
            return Err("it needs a `field`, such as `trigger.new.score`".to_owned());
        };
        let field = Field::parse(field).map_err(|error| format!("field: {error}"))?;
        let Some(name) = rule.get("operator").and_then(Value::as_str) else {
            return Err(format!("it needs an `operator`, one of {}", Operator::names()));
        };
        let operator = Operator::find(name.trim()).ok_or_else(|| {
            let shown: String = name.chars().take(40).collect();
            format!("there is no operator `{shown}`; there are {}", Operator::names())
        })?;
        let value = match (operator.takes_value(), rule.get("value")) {
            (false, _) | (true, None) => Operand::Plain(Value::Null),
            (true, Some(value)) if values == Values::Literal => Operand::Plain(value.clone()),
            (true, Some(value)) => Operand::parse(value, 0).map_err(|error| format!("value: {error}"))?,
        };
        let value = match (operator, value) {
            (Operator::MatchesRegex, Operand::Plain(Value::String(pattern))) => {
                Operand::Pattern(Pattern::compile(&pattern).map_err(|message| format!("value: {message}"))?)
            }
            (Operator::MatchesRegex, Operand::Template(template)) => Operand::Template(template),
            (Operator::MatchesRegex, _) => {
                return Err("value: `matches_regex` needs a pattern as text".to_owned());
            }
            (_, value) => value,
        };
        Ok(Rule {
            field,
            operator,
            value,
        })
    }

    pub(super) fn holds_pattern(&self) -> bool {
        self.operator == Operator::MatchesRegex
    }

    /// Adds what the rule reads.
    pub(super) fn reads(&self, reads: &mut BTreeSet<(String, Option<String>)>) {
        if self.operator == Operator::Changed {
            reads.insert(("trigger".to_owned(), Some("changed".to_owned())));
            reads.insert(("changed".to_owned(), None));
        }
        if self.operator != Operator::Changed || self.field.column.is_none() {
            reads.extend(self.field.template.reads().iter().cloned());
        }
        self.value.reads(reads);
    }

    /// Whether the rule holds; trouble is a warning, and false.
    pub(super) fn holds(&self, globals: &Globals<'_>, budget: &Budget) -> bool {
        let noted = budget.noted();
        let held = self.decide(globals, budget);
        if self.operator.takes_missing() {
            budget.forget(noted);
        }
        held.unwrap_or_else(|error| {
            budget.warn(error.to_string());
            false
        })
    }

    fn decide(&self, globals: &Globals<'_>, budget: &Budget) -> Result<bool, TemplateError> {
        if let (Operator::Changed, Some(column)) = (self.operator, &self.field.column) {
            return Ok(is_changed(column, globals));
        }
        let value = self.value.value(globals, budget)?;
        let held =
            self.field
                .template
                .inspect(globals, budget, |field| match (self.operator, &self.value) {
                    (Operator::Changed, _) => {
                        Ok(scalar(field).is_some_and(|column| is_changed(&column, globals)))
                    }
                    (Operator::MatchesRegex, operand) => {
                        let Some(subject) = scalar(field) else {
                            return Ok(false);
                        };
                        match operand {
                            Operand::Pattern(pattern) => pattern.is_in(&subject, budget),
                            _ => {
                                Pattern::compile_paid(&text(&value, budget)?, budget)?.is_in(&subject, budget)
                            }
                        }
                    }
                    (operator, _) => operator.holds(field, &value, budget),
                })?;
        held.map_err(|trouble: Trouble| trouble.at(1))
    }
}

/// Whether the trigger's row changed in that column.
fn is_changed(column: &str, globals: &Globals<'_>) -> bool {
    let of_trigger = globals.get("trigger").and_then(|trigger| trigger.get("changed"));
    let changed = of_trigger
        .or_else(|| globals.get("changed"))
        .and_then(Value::as_array);
    changed.is_some_and(|changed| changed.iter().any(|name| name.as_str() == Some(column)))
}
