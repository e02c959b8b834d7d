//! Conditions: `{rules, logic}` or `{expression}` over names, as in `logic-condition` and in a trigger.

mod field;
mod operator;
mod pattern;
mod rule;

use std::collections::BTreeSet;

use serde_json::Value;
use thiserror::Error;

use crate::names::Names;
use crate::template::budget::Budget;
use crate::template::value::truth;
use crate::template::{Globals, Template, TemplateError};
use rule::Rule;

/// Rules of one condition.
pub const MAX_RULES: usize = 100;

/// Rules with a regular expression among them: each may hold a megabyte when compiled.
pub const MAX_PATTERNS: usize = 10;

/// A parsed condition.
#[derive(Debug, Clone)]
pub struct Condition {
    form: Form,
    names: BTreeSet<String>,
    reads: BTreeSet<(String, Option<String>)>,
}

#[derive(Debug, Clone)]
enum Form {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Expression(Template),
}

/// What strings in the `value` of a rule are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Templates, where there is a tag in them.
    Templates,
    /// Themselves: they were rendered before, and whatever is in them came from data.
    Literal,
}

/// What a condition gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// Whether it holds. What cannot be evaluated does not hold.
    pub value: bool,
    /// What was missing or could not be evaluated, for people.
    pub warnings: Vec<String>,
}

/// Why a condition is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConditionError {
    /// Not the form of a condition.
    #[error("{0}")]
    Form(&'static str),
    /// A rule is wrong; rules count from 1.
    #[error("rule {rule}: {message}")]
    Rule {
        /// The number of the rule.
        rule: usize,
        /// What is wrong.
        message: String,
    },
    /// The expression is wrong.
    #[error("expression: {0}")]
    Expression(#[from] TemplateError),
}

impl Condition {
    /// Reads a condition: `{"rules": [{field, operator, value}], "logic": "and"|"or"}`, `{"expression": "..."}`, a list
    /// of rules (all of which must hold), or an expression as a string. Where there are rules, an expression beside
    /// them is not looked at: editors keep both fields.
    ///
    /// # Errors
    /// Names the rule and what to do.
    pub fn parse(config: &Value) -> Result<Condition, ConditionError> {
        Condition::parse_with(config, Values::Templates)
    }

    /// The same for a condition whose values were rendered before: they are compared as they stand.
    ///
    /// # Errors
    /// As [`Condition::parse`].
    pub fn literal(config: &Value) -> Result<Condition, ConditionError> {
        Condition::parse_with(config, Values::Literal)
    }

    pub(crate) fn parse_with(config: &Value, values: Values) -> Result<Condition, ConditionError> {
        let rules = config
            .get("rules")
            .unwrap_or(config)
            .as_array()
            .filter(|rules| !rules.is_empty());
        let form = match (rules, config.get("expression").unwrap_or(config)) {
            (Some(rules), _) => Condition::rules(rules, config.get("logic"), values)?,
            (None, Value::String(expression)) if !expression.trim().is_empty() => {
                Form::Expression(Template::expression(expression)?)
            }
            _ => {
                return Err(ConditionError::Form(
                    "a condition needs `rules` (a list, not empty) or an `expression`",
                ));
            }
        };
        let mut reads = BTreeSet::new();
        match &form {
            Form::All(rules) | Form::Any(rules) => rules.iter().for_each(|rule| rule.reads(&mut reads)),
            Form::Expression(template) => reads.extend(template.reads().iter().cloned()),
        }
        let names = reads.iter().map(|(name, _)| name.clone()).collect();
        Ok(Condition { form, names, reads })
    }

    fn rules(rules: &[Value], logic: Option<&Value>, values: Values) -> Result<Form, ConditionError> {
        if rules.len() > MAX_RULES {
            return Err(ConditionError::Form("a condition has at most 100 rules"));
        }
        let mut parsed = Vec::with_capacity(rules.len());
        for (position, rule) in rules.iter().enumerate() {
            let rule = Rule::parse(rule, values).map_err(|message| ConditionError::Rule {
                rule: position + 1,
                message,
            })?;
            parsed.push(rule);
        }
        if parsed.iter().filter(|rule| rule.holds_pattern()).count() > MAX_PATTERNS {
            return Err(ConditionError::Form(
                "a condition has at most 10 rules with `matches_regex`",
            ));
        }
        match logic {
            None | Some(Value::Null) => Ok(Form::All(parsed)),
            Some(Value::String(logic)) if logic.is_empty() || logic.eq_ignore_ascii_case("and") => {
                Ok(Form::All(parsed))
            }
            Some(Value::String(logic)) if logic.eq_ignore_ascii_case("or") => Ok(Form::Any(parsed)),
            Some(_) => Err(ConditionError::Form("`logic` is `and` or `or`")),
        }
    }

    /// The top-level names that it may read.
    pub fn names(&self) -> BTreeSet<String> {
        self.names.clone()
    }

    /// The same with the second level where known, as [`Template::reads`].
    pub fn reads(&self) -> &BTreeSet<(String, Option<String>)> {
        &self.reads
    }

    /// Evaluates it. Never an error: what cannot be evaluated is false, with a warning.
    ///
    /// ```
    /// use flow::Condition;
    /// use serde_json::json;
    ///
    /// let hot = json!({"rules": [{"field": "lead.score", "operator": "gt", "value": "70"}]});
    /// let hot = Condition::parse(&hot)?;
    /// assert!(hot.evaluate(&json!({"lead": {"score": 80}})).value);
    /// assert!(!hot.evaluate(&json!({"lead": {"score": null}})).value);
    /// # Ok::<(), flow::ConditionError>(())
    /// ```
    pub fn evaluate(&self, names: &dyn Names) -> Evaluated {
        let budget = Budget::new();
        let globals = Globals::fetch(&self.names, names);
        let value = match &self.form {
            Form::All(rules) => rules.iter().all(|rule| rule.holds(&globals, &budget)),
            Form::Any(rules) => rules.iter().any(|rule| rule.holds(&globals, &budget)),
            Form::Expression(template) => {
                template
                    .inspect(&globals, &budget, truth)
                    .unwrap_or_else(|error| {
                        budget.warn(error.to_string());
                        false
                    })
            }
        };
        Evaluated {
            value,
            warnings: budget.into_warnings(),
        }
    }
}
