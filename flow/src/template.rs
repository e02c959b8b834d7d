//! Templates: parsed by minijinja, evaluated by us over JSON with a budget, so that nothing a tenant writes
//! costs more than 100 ms or 32 MB or ends the process. `docs/templates.md` is the language.
//!
//! The parser recurses on the machine's stack, so `guard` counts first what would nest. The evaluator is ours
//! because minijinja's own does unbounded work inside one instruction (`*`, `~`, filters).

pub(crate) mod budget;
mod calls;
mod elements;
mod error;
mod evaluate;
mod filters;
mod guard;
mod literals;
mod lookup;
mod lower;
pub(crate) mod number;
mod operate;
mod predicates;
mod render;
mod scope;
mod tree;
pub(crate) mod value;

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{parse, parse_expr};
use minijinja::syntax::SyntaxConfig;
use serde_json::Value;

use budget::Budget;
pub use error::TemplateError;
use evaluate::Evaluator;
use lower::Lowering;
pub(crate) use scope::Globals;
use scope::Scope;
use tree::{Expr, Node};

use crate::names::Names;

/// A parsed template; cheap to clone and to render many times.
#[derive(Debug, Clone)]
pub struct Template(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    body: Body,
    names: BTreeSet<String>,
    reads: BTreeSet<(String, Option<String>)>,
}

#[derive(Debug)]
enum Body {
    /// Exactly one expression: the value keeps its type.
    Value(Expr),
    /// Anything else gives text.
    Text(Vec<Node>),
}

/// What an evaluation gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The value: text, or of a template that is exactly one `{{ expression }}` whatever that gave.
    pub value: Value,
    /// What was missing, for people: `lead.naem is missing`. At most 20.
    pub warnings: Vec<String>,
}

impl Template {
    /// Parses a text with `{{ }}`, `{% if %}`, `{% for %}` and comments.
    ///
    /// # Errors
    /// Whatever would not evaluate within the limits, and whatever is not the language.
    ///
    /// ```
    /// use flow::Template;
    /// use serde_json::json;
    ///
    /// let template = Template::parse("Hello {{ lead.name | default('there') }}!")?;
    /// assert_eq!(template.render(&json!({"lead": {"name": null}}))?.value, json!("Hello there!"));
    /// # Ok::<(), flow::TemplateError>(())
    /// ```
    pub fn parse(source: &str) -> Result<Template, TemplateError> {
        let syntax = syntax()?;
        guard::guard(source, false, &syntax)?;
        let parsed = parse(source, "template", syntax).map_err(syntax_error)?;
        let Stmt::Template(root) = &parsed else {
            return Err(TemplateError::Syntax {
                line: 1,
                message: "not a template".to_owned(),
            });
        };
        let mut lowering = Lowering::default();
        let mut nodes = lowering.nodes(&root.children)?;
        let body = match (nodes.len(), nodes.pop()) {
            (1, Some(Node::Emit(expr, _))) => Body::Value(expr),
            (_, last) => {
                nodes.extend(last);
                Body::Text(nodes)
            }
        };
        Ok(Template::new(body, lowering))
    }

    /// Parses a bare expression (`lead.tags | length`); one written as `{{ ... }}` is taken as well.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn expression(source: &str) -> Result<Template, TemplateError> {
        let source = source.trim();
        if source.starts_with("{{") || source.contains("{%") {
            return Template::parse(source);
        }
        guard::guard(source, true, &syntax()?)?;
        let parsed = parse_expr(source).map_err(syntax_error)?;
        let mut lowering = Lowering::default();
        let body = Body::Value(lowering.expr(&parsed)?);
        Ok(Template::new(body, lowering))
    }

    fn new(body: Body, lowering: Lowering) -> Template {
        let names = lowering.reads.iter().map(|(name, _)| name.clone()).collect();
        Template(Arc::new(Parsed {
            body,
            names,
            reads: lowering.reads,
        }))
    }

    /// A path made of its parts, as in `rules[].field`.
    pub(crate) fn path(name: String, parts: Vec<String>) -> Template {
        let reads = BTreeSet::from([(name.clone(), parts.first().cloned())]);
        let names = BTreeSet::from([name.clone()]);
        let links = parts
            .into_iter()
            .map(|part| tree::Link {
                op: tree::Op::Attribute(part),
                line: 1,
            })
            .collect();
        let body = Body::Value(Expr::Chain(Box::new(Expr::Name(name)), links));
        Template(Arc::new(Parsed { body, names, reads }))
    }

    /// The top-level names that the template may read, loop variables left out.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.0.names
    }

    /// The same with the second level where it is known when parsed (`secrets.TOKEN` gives
    /// `("secrets", Some("TOKEN"))`); `None` means the whole name, or a part known only when evaluated.
    pub fn reads(&self) -> &BTreeSet<(String, Option<String>)> {
        &self.0.reads
    }

    /// Whether the template is exactly one expression, so that its value keeps its type.
    pub fn keeps_type(&self) -> bool {
        matches!(self.0.body, Body::Value(_))
    }

    /// Evaluates the template.
    ///
    /// # Errors
    /// [`TemplateError::Evaluate`] and [`TemplateError::Budget`].
    pub fn render(&self, names: &dyn Names) -> Result<Rendered, TemplateError> {
        let budget = Budget::new();
        let globals = Globals::fetch(self.names(), names);
        let value = self.evaluate(&globals, &budget)?;
        Ok(Rendered {
            value,
            warnings: budget.into_warnings(),
        })
    }

    /// Evaluates within a budget that others share, and looks at the value without copying it.
    pub(crate) fn inspect<T>(
        &self,
        globals: &Globals<'_>,
        budget: &Budget,
        look: impl FnOnce(&Value) -> T,
    ) -> Result<T, TemplateError> {
        match &self.0.body {
            Body::Value(expr) => {
                let scope = Scope {
                    globals,
                    parent: None,
                    bound: Vec::new(),
                    each: None,
                };
                let value = Evaluator { budget }.value(expr, &scope)?;
                Ok(look(&value))
            }
            Body::Text(_) => Ok(look(&self.evaluate(globals, budget)?)),
        }
    }

    /// Evaluates within a budget that others share.
    pub(crate) fn evaluate(&self, globals: &Globals<'_>, budget: &Budget) -> Result<Value, TemplateError> {
        let scope = Scope {
            globals,
            parent: None,
            bound: Vec::new(),
            each: None,
        };
        let evaluator = Evaluator { budget };
        match &self.0.body {
            Body::Value(expr) => {
                let value = evaluator.value(expr, &scope)?;
                evaluator.at(1, value::own(value, budget))
            }
            Body::Text(nodes) => {
                let mut out = String::new();
                evaluator.render(nodes, &scope, &mut out)?;
                Ok(Value::String(out))
            }
        }
    }
}

fn syntax() -> Result<SyntaxConfig, TemplateError> {
    // A newline at the end of a message belongs to the message.
    SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .build()
        .map_err(syntax_error)
}

fn syntax_error(error: minijinja::Error) -> TemplateError {
    let message = error
        .detail()
        .unwrap_or("this is no template")
        .chars()
        .take(200)
        .collect();
    TemplateError::Syntax {
        line: error.line().unwrap_or(1),
        message,
    }
}
