//! A node's configuration with every template string in it compiled once and rendered for each run.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::catalogue::{Field, Kind, NodeType};
use crate::condition::{Condition, ConditionError};
use crate::names::Names;
use crate::template::budget::Budget;
use crate::template::value::measure;
use crate::template::{Globals, Rendered, Template, TemplateError};

/// How deep a configuration may be nested; deeper parts are refused.
const MAX_DEPTH: usize = 100;

/// A compiled configuration.
#[derive(Debug, Clone)]
pub struct Configured {
    /// What all templates read, also those that the node evaluates itself.
    names: BTreeSet<String>,
    reads: BTreeSet<(String, Option<String>)>,
    /// The configuration as given, without the fields that hold templates.
    kept: Map<String, Value>,
    /// The fields that hold templates.
    rendered: Vec<(String, Part)>,
}

#[derive(Debug, Clone)]
enum Part {
    /// No template in it.
    Plain(Value),
    Template(Template),
    List(Vec<Part>),
    Object(Vec<(String, Part)>),
}

impl Configured {
    /// Compiles a node's configuration.
    ///
    /// Strings in fields that the catalogue calls templates are compiled, deep. Kept as they are: what is no
    /// template there, and what the node evaluates itself, for each item or with its own names (conditions, rules,
    /// expressions, and lists given by an expression). Unknown fields are kept too.
    ///
    /// # Errors
    /// The first template that is refused, with the way to its field.
    pub fn compile(config: &Value, kind: &NodeType) -> Result<Configured, TemplateError> {
        let mut configured = Configured::compile_fields(config, &|name| {
            kind.field(name).is_some_and(|field| is_rendered(kind, field))
        })?;
        for field in kind
            .fields
            .iter()
            .filter(|field| field.template && !is_rendered(kind, field))
        {
            if let Some(value) = config.get(field.name).filter(|value| !value.is_null()) {
                configured.read(field, value)?;
            }
        }
        Ok(configured)
    }

    /// Adds the names that a field reads which the node evaluates itself.
    fn read(&mut self, field: &Field, value: &Value) -> Result<(), TemplateError> {
        let at = |source| TemplateError::Field {
            field: field.name.to_owned(),
            source: Box::new(source),
        };
        let reads = match (field.kind, value) {
            (Kind::Rules | Kind::Condition, value) => match Condition::parse(value) {
                Ok(condition) => condition.reads().clone(),
                // An empty list of rules beside an expression; the check says where a condition is needed.
                Err(ConditionError::Form(_)) => return Ok(()),
                Err(ConditionError::Expression(error)) => return Err(at(error)),
                Err(error) => {
                    return Err(at(TemplateError::Unsupported {
                        line: 1,
                        message: error.to_string(),
                    }));
                }
            },
            (Kind::Expression | Kind::ListExpression, Value::String(source)) if source.trim().is_empty() => {
                return Ok(());
            }
            (Kind::Expression | Kind::ListExpression, Value::String(source)) => {
                Template::expression(source).map_err(at)?.reads().clone()
            }
            (_, value) => Configured::compile_fields(&json!({ field.name: value }), &|_| true)?.reads,
        };
        self.names.extend(reads.iter().map(|(name, _)| name.clone()));
        self.reads.extend(reads);
        Ok(())
    }

    /// Compiles the top-level fields for which `is_template` holds, deep; the others are kept as they are.
    ///
    /// # Errors
    /// As [`Configured::compile`].
    pub fn compile_fields(
        config: &Value,
        is_template: &dyn Fn(&str) -> bool,
    ) -> Result<Configured, TemplateError> {
        let mut configured = Configured {
            names: BTreeSet::new(),
            reads: BTreeSet::new(),
            kept: Map::new(),
            rendered: Vec::new(),
        };
        for (name, value) in config.as_object().into_iter().flatten() {
            let part = match is_template(name) {
                true => configured.part(value, name, 0)?,
                false => Part::Plain(Value::Null),
            };
            match part {
                Part::Plain(_) => drop(configured.kept.insert(name.clone(), value.clone())),
                part => configured.rendered.push((name.clone(), part)),
            }
        }
        Ok(configured)
    }

    fn part(&mut self, value: &Value, field: &str, depth: usize) -> Result<Part, TemplateError> {
        let at = |source| TemplateError::Field {
            field: field.to_owned(),
            source: Box::new(source),
        };
        if depth > MAX_DEPTH {
            return Err(at(TemplateError::TooDeep {
                line: 1,
                limit: MAX_DEPTH,
            }));
        }
        match value {
            Value::String(text) if holds_tags(text) => {
                let template = Template::parse(text).map_err(at)?;
                self.names.extend(template.names().iter().cloned());
                self.reads.extend(template.reads().iter().cloned());
                Ok(Part::Template(template))
            }
            Value::Array(items) => {
                let mut parts = Vec::with_capacity(items.len());
                for (position, item) in items.iter().enumerate() {
                    parts.push(self.part(item, &format!("{field}[{position}]"), depth + 1)?);
                }
                let plain = parts.iter().all(|part| matches!(part, Part::Plain(_)));
                Ok(if plain {
                    Part::Plain(value.clone())
                } else {
                    Part::List(parts)
                })
            }
            Value::Object(entries) => {
                let mut parts = Vec::with_capacity(entries.len());
                for (key, item) in entries {
                    parts.push((
                        key.clone(),
                        self.part(item, &format!("{field}.{key}"), depth + 1)?,
                    ));
                }
                let plain = parts.iter().all(|(_, part)| matches!(part, Part::Plain(_)));
                Ok(if plain {
                    Part::Plain(value.clone())
                } else {
                    Part::Object(parts)
                })
            }
            other => Ok(Part::Plain(other.clone())),
        }
    }

    /// The top-level names that its templates may read.
    pub fn names(&self) -> BTreeSet<String> {
        self.names.clone()
    }

    /// The same with the second level where known, as [`Template::reads`].
    pub fn reads(&self) -> &BTreeSet<(String, Option<String>)> {
        &self.reads
    }

    /// Whether rendering would only copy.
    pub fn is_plain(&self) -> bool {
        self.rendered.is_empty()
    }

    /// Renders the configuration; all its templates share one budget, so a configuration of many templates is as
    /// bounded as one template.
    ///
    /// # Errors
    /// As [`Template::render`], with the way to the field.
    pub fn render(&self, names: &dyn Names) -> Result<Rendered, TemplateError> {
        let budget = Budget::new();
        let globals = Globals::fetch(&self.names, names);
        let mut config = self.kept.clone();
        for (name, part) in &self.rendered {
            config.insert(name.clone(), part.render(name, &globals, &budget)?);
        }
        Ok(Rendered {
            value: Value::Object(config),
            warnings: budget.into_warnings(),
        })
    }
}

impl Part {
    fn render(&self, field: &str, globals: &Globals<'_>, budget: &Budget) -> Result<Value, TemplateError> {
        let at = |source| TemplateError::Field {
            field: field.to_owned(),
            source: Box::new(source),
        };
        match self {
            Part::Plain(value) => {
                measure(value, budget).map_err(|trouble| at(trouble.at(1)))?;
                Ok(value.clone())
            }
            Part::Template(template) => template.evaluate(globals, budget).map_err(at),
            Part::List(parts) => parts
                .iter()
                .enumerate()
                .map(|(position, part)| part.render(&format!("{field}[{position}]"), globals, budget))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Part::Object(parts) => parts
                .iter()
                .map(|(key, part)| {
                    Ok((
                        key.clone(),
                        part.render(&format!("{field}.{key}"), globals, budget)?,
                    ))
                })
                .collect::<Result<_, _>>()
                .map(Value::Object),
        }
    }
}

/// Whether the engine renders this field before the node runs.
fn is_rendered(kind: &NodeType, field: &Field) -> bool {
    // What each item becomes is rendered for each item.
    let for_each_item = kind.name == "transform-map" && field.name == "mapping";
    let evaluated = matches!(
        field.kind,
        Kind::Rules | Kind::Condition | Kind::Expression | Kind::ListExpression
    );
    field.template && !for_each_item && !evaluated
}

/// Whether a text is more than text.
fn holds_tags(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|tag| text.contains(tag))
}
