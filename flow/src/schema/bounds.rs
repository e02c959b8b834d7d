//! What a schema costs at most for one value, and what is not taken at all.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{MAX_BYTES, SchemaError};

/// Levels, references followed. Compiling and checking recurse that deep (3,000 levels overflow the stack).
pub(super) const MAX_DEPTH: usize = 32;
/// Keywords, references written out: twenty lines of references to two others each would have a million.
pub(super) const MAX_COST: u64 = 5_000;
/// Patterns are compiled each time; a hundred of the largest would take a tenth of a second.
pub(super) const MAX_PATTERNS: usize = 32;

/// Keywords with one schema (`items` may have a list of them).
const ONE: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords with a list of schemas.
const LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords with schemas by name.
const NAMED: &[&str] = &[
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];
/// Keywords that change what a reference means.
const REFUSED: &[&str] = &[
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$vocabulary",
];

/// How many keywords may be looked at for one value.
pub(super) fn cost(schema: &Value) -> Result<u64, SchemaError> {
    let bytes = schema.to_string().len();
    if bytes > MAX_BYTES {
        return Err(SchemaError::TooLong(bytes));
    }
    let mut walk = Walk {
        root: schema,
        targets: HashMap::new(),
        patterns: 0,
    };
    walk.schema(schema, "#", 0)
}

struct Walk<'s> {
    root: &'s Value,
    /// What is behind each reference; none while it is being looked at.
    targets: HashMap<&'s str, Option<u64>>,
    patterns: usize,
}

impl<'s> Walk<'s> {
    fn schema(&mut self, schema: &'s Value, at: &str, depth: usize) -> Result<u64, SchemaError> {
        if depth > MAX_DEPTH {
            return Err(SchemaError::TooDeep(at.chars().take(80).collect()));
        }
        let entries = match schema {
            Value::Object(entries) => entries,
            Value::Bool(_) => return Ok(1),
            _ => return Err(SchemaError::Invalid(format!("at {at:?}: this is no schema"))),
        };
        let mut cost = 1;
        for (key, value) in entries {
            cost += 1 + self.keyword(key, value, at, depth)?;
            if cost > MAX_COST {
                return Err(SchemaError::TooLarge);
            }
        }
        Ok(cost)
    }

    fn keyword(
        &mut self,
        key: &'s str,
        value: &'s Value,
        at: &str,
        depth: usize,
    ) -> Result<u64, SchemaError> {
        match (key, value) {
            ("$ref", Value::String(target)) => self.target(target, depth + 1),
            ("$ref", _) => Err(SchemaError::Reference(String::new())),
            (key, _) if REFUSED.contains(&key) => Err(SchemaError::Keyword(key.to_owned())),
            ("pattern", _) => self.patterns(1),
            ("enum", Value::Array(items)) => Ok(items.len() as u64),
            ("patternProperties", Value::Object(schemas)) => {
                self.patterns(schemas.len())?;
                self.named(key, schemas, at, depth)
            }
            (key, Value::Object(schemas)) if NAMED.contains(&key) => self.named(key, schemas, at, depth),
            (key, Value::Array(schemas)) if LIST.contains(&key) || key == "items" => {
                let mut cost = 0;
                for (position, schema) in schemas.iter().enumerate() {
                    cost += self.schema(schema, &format!("{at}/{key}/{position}"), depth + 1)?;
                }
                Ok(cost)
            }
            (key, schema) if ONE.contains(&key) => self.schema(schema, &format!("{at}/{key}"), depth + 1),
            _ => Ok(0),
        }
    }

    fn named(
        &mut self,
        key: &str,
        schemas: &'s Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Result<u64, SchemaError> {
        let mut cost = 0;
        for (name, schema) in schemas {
            if key == "dependencies" && schema.is_array() {
                continue;
            }
            cost += 1 + self.schema(schema, &format!("{at}/{key}/{name}"), depth + 1)?;
        }
        Ok(cost)
    }

    fn patterns(&mut self, more: usize) -> Result<u64, SchemaError> {
        self.patterns += more;
        if self.patterns > MAX_PATTERNS {
            return Err(SchemaError::TooManyPatterns);
        }
        Ok(1)
    }

    fn target(&mut self, reference: &'s str, depth: usize) -> Result<u64, SchemaError> {
        let refused = || SchemaError::Reference(reference.chars().take(80).collect());
        match self.targets.get(reference) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => return Err(refused()),
            None => {}
        }
        let target = resolve(self.root, reference).ok_or_else(refused)?;
        self.targets.insert(reference, None);
        let cost = self.schema(target, reference, depth)?;
        self.targets.insert(reference, Some(cost));
        Ok(cost)
    }
}

/// What a reference means: a JSON pointer into the schema and nothing else.
pub(super) fn resolve<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let pointer = reference.strip_prefix('#')?;
    // a percent sign would be decoded by some and not by others
    if pointer.is_empty() || pointer.contains('%') {
        return None;
    }
    root.pointer(pointer)
}
