//! Conditions: `{rules, logic}` or `{expression}` over names, as in `logic-condition` and in a trigger.

use std::collections::BTreeSet;

use serde_json::Value;
use thiserror::Error;

use crate::names::Names;
use crate::template::TemplateError;

/// A parsed condition.
#[derive(Debug, Clone)]
pub struct Condition {
    names: BTreeSet<String>,
    reads: BTreeSet<(String, Option<String>)>,
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
    Form(String),
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
    /// Reads a condition from `{"rules": [{field, operator, value}], "logic": "and"|"or"}` or
    /// `{"expression": "..."}`.
    ///
    /// # Errors
    /// Names the rule and what to do.
    pub fn parse(config: &Value) -> Result<Condition, ConditionError> {
        let _ = config;
        Ok(Condition { names: BTreeSet::new(), reads: BTreeSet::new() })
    }

    /// The top-level names that it may read.
    pub fn names(&self) -> BTreeSet<String> {
        self.names.clone()
    }

    /// The same with the second level where known, as [`crate::Template::reads`].
    pub fn reads(&self) -> &BTreeSet<(String, Option<String>)> {
        &self.reads
    }

    /// Evaluates it. Never an error: what cannot be evaluated is false, with a warning.
    pub fn evaluate(&self, names: &dyn Names) -> Evaluated {
        let _ = names;
        Evaluated { value: false, warnings: Vec::new() }
    }
}
