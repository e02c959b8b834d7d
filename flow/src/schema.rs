//! JSON Schema for what comes from outside: arguments of tools, inputs of manual runs. The check when an automation is
//! saved, the one before it starts in SQL and the daemon's are this one.
//!
//! A schema is a tenant's text, so it is bounded before anything reads it: size, depth, no reference that leaves it or
//! comes back to itself, and so many patterns. What checking costs is known before it begins.

mod bounds;
mod parameters;
mod strict;

use std::fmt::Write as _;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;
use thiserror::Error;

pub use parameters::of_parameters;
pub use strict::{strict, without_nulls};

/// Bytes of a schema as text.
pub const MAX_BYTES: usize = 64 * 1024;
/// Keywords of the schema times values of the instance: about a quarter of a second.
const MAX_WORK: u64 = 5_000_000;
/// A compiled pattern may have so many bytes: `\w{1,64}` has half of that.
const PATTERN_BYTES: usize = 1024 * 1024;
/// How many mismatches are told, and how much of each.
const MAX_TOLD: usize = 5;
const MAX_SENTENCE: usize = 200;

/// Why a text is no schema that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// More bytes than are read.
    #[error("it has {0} bytes, and a schema may have {MAX_BYTES}")]
    TooLong(usize),
    /// Nested too deep, references followed.
    #[error("it is nested deeper than {most} levels at {0}", most = bounds::MAX_DEPTH)]
    TooDeep(String),
    /// With its references written out it is too large.
    #[error(
        "with its references written out it has more than {} keywords",
        bounds::MAX_COST
    )]
    TooLarge,
    /// More patterns than are compiled.
    #[error("it has more than {} patterns", bounds::MAX_PATTERNS)]
    TooManyPatterns,
    /// A reference that goes somewhere else, to nothing, or around in a circle.
    #[error("the reference {0:?} is not to a part of the schema that does not lead back to it")]
    Reference(String),
    /// A keyword with which references mean something else than they say.
    #[error("the keyword `{0}` is not taken")]
    Keyword(String),
    /// Not what the meta-schema wants, a pattern that does not compile, an unknown dialect.
    #[error("{0}")]
    Invalid(String),
}

/// What does not fit a schema: where, as JSON pointers, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Mismatch(String);

/// A compiled schema.
pub struct Schema {
    validator: Validator,
    cost: u64,
}

impl Schema {
    /// Compiles a schema of the drafts 6, 7, 2019-09 or 2020-12 (the default).
    ///
    /// # Errors
    /// What is not taken, in a sentence that does not begin with the name of the setting.
    ///
    /// ```
    /// use serde_json::json;
    /// let schema = flow::Schema::compile(&json!({"type": "object", "required": ["city"]})).unwrap();
    /// assert!(schema.check("arguments", &json!({"city": "Nantes"})).is_ok());
    /// let mismatch = schema.check("arguments", &json!({})).unwrap_err();
    /// assert_eq!(mismatch.to_string(), "arguments: \"city\" is a required property");
    /// ```
    pub fn compile(schema: &Value) -> Result<Schema, SchemaError> {
        let cost = bounds::cost(schema)?;
        let validator = jsonschema::options()
            .offline()
            .with_draft(draft(schema)?)
            .should_validate_formats(false)
            .with_pattern_options(
                PatternOptions::regex()
                    .size_limit(PATTERN_BYTES)
                    .dfa_size_limit(PATTERN_BYTES),
            )
            .build(schema)
            .map_err(|error| {
                SchemaError::Invalid(format!(
                    "at {:?}: {}",
                    error.instance_path().as_str(),
                    cut(&error.to_string())
                ))
            })?;
        Ok(Schema { validator, cost })
    }

    /// Checks a value, which is called `what` in the sentence.
    ///
    /// # Errors
    /// The first few mismatches.
    pub fn check(&self, what: &str, value: &Value) -> Result<(), Mismatch> {
        if self.cost.saturating_mul(values(value)) > MAX_WORK {
            return Err(Mismatch(format!(
                "{what}: too large to be checked against this schema"
            )));
        }
        let mut told = String::new();
        for (position, error) in self.validator.iter_errors(value).enumerate() {
            if position == MAX_TOLD {
                told.push_str("; and more");
                break;
            }
            let before = if position == 0 { "" } else { "; " };
            // never the value itself: it may be a secret, and it may be long
            let sentence = cut(&error.masked().to_string());
            let _ = write!(
                told,
                "{before}{what}{}: {sentence}",
                error.instance_path().as_str()
            );
        }
        if told.is_empty() {
            return Ok(());
        }
        Err(Mismatch(told))
    }
}

fn draft(schema: &Value) -> Result<Draft, SchemaError> {
    let Some(named) = schema.get("$schema") else {
        return Ok(Draft::Draft202012);
    };
    let named = named.as_str().unwrap_or_default();
    match named
        .trim_end_matches('#')
        .trim_start_matches("https")
        .trim_start_matches("http")
    {
        "://json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        "://json-schema.org/draft/2019-09/schema" => Ok(Draft::Draft201909),
        "://json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        "://json-schema.org/draft-06/schema" => Ok(Draft::Draft6),
        _ => Err(SchemaError::Invalid(format!(
            "`$schema` is {:?}, and known are the drafts 6, 7, 2019-09 and 2020-12",
            cut(named)
        ))),
    }
}

/// How many values there are, long texts counted by their length.
fn values(value: &Value) -> u64 {
    match value {
        Value::String(text) => 1 + text.len() as u64 / 64,
        Value::Array(items) => 1 + items.iter().map(values).sum::<u64>(),
        Value::Object(entries) => 1 + entries.values().map(|value| 1 + values(value)).sum::<u64>(),
        _ => 1,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_SENTENCE).collect()
}
