//! Templates: parsed by minijinja, evaluated by us over JSON with a budget, so that nothing a tenant writes
//! costs more than 100 ms or 32 MB or ends the process.

mod error;

use std::collections::BTreeSet;

use serde_json::Value;

pub use error::TemplateError;

use crate::names::Names;

/// A parsed template; cheap to render many times.
#[derive(Debug, Clone)]
pub struct Template {
    names: BTreeSet<String>,
    reads: BTreeSet<(String, Option<String>)>,
}

/// What an evaluation gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The value: text, or of a template that is exactly one `{{ expression }}` whatever that gave.
    pub value: Value,
    /// What was missing, for people: `lead.naem is missing`.
    pub warnings: Vec<String>,
}

impl Template {
    /// Parses a text with `{{ }}`, `{% if %}`, `{% for %}` and comments.
    ///
    /// # Errors
    /// Whatever would not evaluate within the limits, and whatever is not the language.
    pub fn parse(source: &str) -> Result<Template, TemplateError> {
        let _ = source;
        Ok(Template { names: BTreeSet::new(), reads: BTreeSet::new() })
    }

    /// Parses a bare expression (`lead.tags | length`); one written as `{{ ... }}` is taken as well.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn expression(source: &str) -> Result<Template, TemplateError> {
        Template::parse(source)
    }

    /// The top-level names that the template may read, loop variables left out.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// The same with the second level where it is known when parsed (`secrets.TOKEN` gives
    /// `("secrets", Some("TOKEN"))`); `None` means the whole name, or a part known only when evaluated.
    pub fn reads(&self) -> &BTreeSet<(String, Option<String>)> {
        &self.reads
    }

    /// Evaluates the template.
    ///
    /// # Errors
    /// [`TemplateError::Evaluate`] and [`TemplateError::Budget`].
    pub fn render(&self, names: &dyn Names) -> Result<Rendered, TemplateError> {
        let _ = names;
        Ok(Rendered { value: Value::Null, warnings: Vec::new() })
    }
}
