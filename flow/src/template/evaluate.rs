//! Evaluates expressions over borrowed values: what is only looked up is never copied.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::budget::{Budget, Trouble};
use super::error::TemplateError;
use super::filters::{self, Input};
use super::lookup;
use super::number::{Num, calculate};
use super::tree::{Calculation, Comparison, Expr, Link, Op};
use super::value::{equal, kind, order, own, truth, write};
use crate::names::Names;

/// Elements that `range` makes at most.
const MAX_RANGE: usize = 10_000;

/// The top-level names of an evaluation, each asked for once.
pub(crate) struct Globals<'n>(BTreeMap<String, Option<Cow<'n, Value>>>);

impl Globals<'_> {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)?.as_deref()
    }
}

impl<'n> Globals<'n> {
    pub(crate) fn fetch<'a>(
        wanted: impl IntoIterator<Item = &'a String>,
        names: &'n dyn Names,
    ) -> Globals<'n> {
        Globals(
            wanted
                .into_iter()
                .map(|name| (name.clone(), names.get(name)))
                .collect(),
        )
    }
}

/// Where a loop is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoopState {
    pub(crate) index: usize,
    pub(crate) length: usize,
    pub(crate) depth: usize,
}

impl LoopState {
    fn attribute(self, name: &str) -> Option<Value> {
        Some(match name {
            "index" => Value::from(self.index + 1),
            "index0" => Value::from(self.index),
            "revindex" => Value::from(self.length - self.index),
            "revindex0" => Value::from(self.length - self.index - 1),
            "first" => Value::from(self.index == 0),
            "last" => Value::from(self.index + 1 == self.length),
            "length" => Value::from(self.length),
            "depth" => Value::from(self.depth),
            "depth0" => Value::from(self.depth - 1),
            _ => return None,
        })
    }
}

/// What names mean at one point: the variables of the loops around it, then the top-level names.
pub(crate) struct Scope<'s> {
    pub(crate) globals: &'s Globals<'s>,
    pub(crate) parent: Option<&'s Scope<'s>>,
    pub(crate) bound: Vec<(&'s str, Cow<'s, Value>)>,
    pub(crate) each: Option<LoopState>,
}

impl<'s> Scope<'s> {
    fn get(&'s self, name: &str) -> Option<&'s Value> {
        let mut scope = Some(self);
        while let Some(current) = scope {
            if let Some((_, value)) = current.bound.iter().find(|(bound, _)| *bound == name) {
                return Some(value);
            }
            scope = current.parent;
        }
        self.globals.get(name)
    }

    /// The innermost loop.
    pub(crate) fn each(&self) -> Option<LoopState> {
        let mut scope = Some(self);
        while let Some(current) = scope {
            if current.each.is_some() {
                return current.each;
            }
            scope = current.parent;
        }
        None
    }
}

/// Evaluates expressions within a budget.
pub(crate) struct Evaluator<'b> {
    pub(crate) budget: &'b Budget,
}

type Result<T> = std::result::Result<T, TemplateError>;

impl Evaluator<'_> {
    /// The value of an expression; what is missing is null and noted.
    pub(crate) fn value<'s>(&self, expr: &'s Expr, scope: &'s Scope<'s>) -> Result<Cow<'s, Value>> {
        match expr {
            Expr::Literal(value) => Ok(Cow::Borrowed(value)),
            Expr::Name(name) => Ok(self.name(name, scope)?.unwrap_or_else(|| {
                self.budget.missing(name);
                Cow::Owned(Value::Null)
            })),
            Expr::List(items, line) => {
                let mut list = Vec::new();
                for item in items {
                    let value = self.value(item, scope)?;
                    self.at(*line, self.budget.hold(2 * size_of::<Value>()))?;
                    list.push(self.at(*line, own(value, self.budget))?);
                }
                Ok(Cow::Owned(Value::Array(list)))
            }
            Expr::Map(entries, line) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let mut name = String::new();
                    self.at(*line, write(&*self.value(key, scope)?, &mut name, self.budget))?;
                    // A node of the tree behind a map is made for its first entry.
                    self.at(*line, self.budget.hold(if map.is_empty() { 700 } else { 200 }))?;
                    map.insert(name, self.at(*line, own(self.value(value, scope)?, self.budget))?);
                }
                Ok(Cow::Owned(Value::Object(map)))
            }
            Expr::Range(bounds, line) => self.range(bounds, *line, scope),
            Expr::IfElse(parts) => {
                let (test, then, otherwise) = &**parts;
                match (truth(&*self.value(test, scope)?), otherwise) {
                    (true, _) => self.value(then, scope),
                    (false, Some(otherwise)) => self.value(otherwise, scope),
                    (false, None) => Ok(Cow::Owned(Value::Null)),
                }
            }
            Expr::Chain(base, links) => self.chain(base, links, scope),
        }
    }

    /// Adds the line to what went wrong.
    pub(crate) fn at<T>(&self, line: u16, result: std::result::Result<T, Trouble>) -> Result<T> {
        result.map_err(|trouble| trouble.at(line))
    }

    fn name<'s>(&self, name: &str, scope: &'s Scope<'s>) -> Result<Option<Cow<'s, Value>>> {
        if let Some(value) = scope.get(name) {
            return Ok(Some(Cow::Borrowed(value)));
        }
        let Some(each) = scope.each().filter(|_| name == "loop") else {
            return Ok(None);
        };
        // Made anew for each use, which saves making it for the loops that never look at it.
        self.at(0, self.budget.hold(2_000))?;
        let names = [
            "index",
            "index0",
            "revindex",
            "revindex0",
            "first",
            "last",
            "length",
            "depth",
            "depth0",
        ];
        let entries = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), each.attribute(name)?)));
        Ok(Some(Cow::Owned(Value::Object(entries.collect()))))
    }

    /// Applies links from left to right. A part that is missing is noted only when something needs its value:
    /// `default`, `or` and `is defined` exist for missing parts.
    fn chain<'s>(&self, base: &'s Expr, links: &'s [Link], scope: &'s Scope<'s>) -> Result<Cow<'s, Value>> {
        let mut missing = None;
        let mut value = match base {
            Expr::Name(name) => match self.name(name, scope)? {
                Some(value) => value,
                None => {
                    missing = Some(0);
                    Cow::Owned(Value::Null)
                }
            },
            other => self.value(other, scope)?,
        };
        for (position, link) in links.iter().enumerate() {
            self.at(link.line, self.budget.work(1))?;
            let found = match &link.op {
                Op::Attribute(_) | Op::Item(_) if missing.is_some() => continue,
                Op::Attribute(name) => self.at(link.line, lookup::attribute(value, name, self.budget))?,
                Op::Item(key) => {
                    let key = self.value(key, scope)?;
                    self.at(link.line, lookup::item(value, &key, self.budget))?
                }
                op => {
                    let tolerant = match op {
                        Op::Or(_) => true,
                        Op::Filter(filter, _) => filter.takes_missing,
                        Op::Test(test, _) => test.takes_missing,
                        _ => false,
                    };
                    let was_missing = missing.take();
                    if let (Some(depth), false) = (was_missing, tolerant) {
                        self.budget.missing(&path(base, links, depth));
                    }
                    Some(self.apply(op, value, was_missing.is_some(), link.line, scope)?)
                }
            };
            value = found.unwrap_or_else(|| {
                missing = Some(position + 1);
                Cow::Owned(Value::Null)
            });
        }
        if let Some(depth) = missing {
            self.budget.missing(&path(base, links, depth));
        }
        Ok(value)
    }

    fn apply<'s>(
        &self,
        op: &'s Op,
        left: Cow<'s, Value>,
        missing: bool,
        line: u16,
        scope: &'s Scope<'s>,
    ) -> Result<Cow<'s, Value>> {
        let budget = self.budget;
        let result = match op {
            Op::Attribute(_) | Op::Item(_) => Ok(left),
            Op::Slice(bounds) => {
                let mut parts = [None, None, None];
                for (part, bound) in parts.iter_mut().zip(bounds.iter()) {
                    *part = bound.as_ref().map(|bound| self.value(bound, scope)).transpose()?;
                }
                let [start, stop, step] = &parts;
                lookup::slice(&left, start.as_deref(), stop.as_deref(), step.as_deref(), budget)
                    .map(Cow::Owned)
            }
            Op::Negate => match Num::of(&left) {
                Some(number) => calculate(Calculation::Subtract, Num::Whole(0), number).map(Cow::Owned),
                None => Err(Trouble::new(format!("`-` needs a number, not {}", kind(&left)))),
            },
            Op::Not => Ok(Cow::Owned(Value::Bool(!truth(&left)))),
            Op::And(right) => {
                return if truth(&left) {
                    self.value(right, scope)
                } else {
                    Ok(left)
                };
            }
            Op::Or(right) => {
                return if truth(&left) {
                    Ok(left)
                } else {
                    self.value(right, scope)
                };
            }
            Op::Calculate(op, right) => {
                let right = self.value(right, scope)?;
                arithmetic(*op, &left, &right, budget).map(Cow::Owned)
            }
            Op::Concatenate(right) => {
                let right = self.value(right, scope)?;
                let mut out = String::new();
                write(&left, &mut out, budget)
                    .and_then(|()| write(&right, &mut out, budget))
                    .map(|()| Cow::Owned(Value::String(out)))
            }
            Op::Compare(ops) => {
                let mut left = left;
                for (op, right) in ops {
                    let right = self.value(right, scope)?;
                    if !self.at(line, compare(*op, &left, &right, budget))? {
                        return Ok(Cow::Owned(Value::Bool(false)));
                    }
                    left = right;
                }
                Ok(Cow::Owned(Value::Bool(true)))
            }
            Op::Filter(filter, arguments) => {
                let mut given = Vec::new();
                for argument in arguments {
                    given.push(
                        argument
                            .as_ref()
                            .map(|argument| self.value(argument, scope))
                            .transpose()?,
                    );
                }
                filters::apply(
                    filter,
                    Input {
                        value: left,
                        arguments: given,
                        budget,
                        missing,
                    },
                )
            }
            Op::Test(test, arguments) => {
                let argument = arguments
                    .first()
                    .map(|argument| self.value(argument, scope))
                    .transpose()?;
                let argument = argument.as_deref().unwrap_or(&Value::Null);
                (test.run)(&left, argument, missing, budget).map(|truth| Cow::Owned(Value::Bool(truth)))
            }
        };
        self.at(line, result)
    }

    fn range<'s>(&self, bounds: &'s [Expr], line: u16, scope: &'s Scope<'s>) -> Result<Cow<'s, Value>> {
        let mut numbers = Vec::new();
        for bound in bounds {
            let value = self.value(bound, scope)?;
            let number = value
                .as_i64()
                .ok_or_else(|| Trouble::new("`range` needs whole numbers"));
            numbers.push(i128::from(self.at(line, number)?));
        }
        let (start, stop, step) = match numbers.as_slice() {
            [stop] => (0, *stop, 1),
            [start, stop] => (*start, *stop, 1),
            [start, stop, step, ..] => (*start, *stop, *step),
            [] => (0, 0, 1),
        };
        if step == 0 {
            return self.at(line, Err(Trouble::new("the step of `range` cannot be 0")));
        }
        let span = if step > 0 { stop - start } else { start - stop };
        let count = usize::try_from((span + step.abs() - 1) / step.abs()).unwrap_or(0);
        if span > 0 && count > MAX_RANGE {
            return self.at(
                line,
                Err(Trouble::Budget("uses a `range` of more than 10,000 numbers")),
            );
        }
        let count = if span > 0 { count } else { 0 };
        self.at(line, self.budget.hold(count * size_of::<Value>()))?;
        self.at(line, self.budget.work(count))?;
        let item =
            |index: usize| Value::from(i64::try_from(start + step * index as i128).unwrap_or(i64::MAX));
        Ok(Cow::Owned(Value::Array((0..count).map(item).collect())))
    }
}

/// How a path is shown in a warning: `lead.company.name`, up to the part that was missing.
fn path(base: &Expr, links: &[Link], depth: usize) -> String {
    let mut shown = match base {
        Expr::Name(name) => name.clone(),
        _ => "part of a value".to_owned(),
    };
    for link in links.iter().take(depth) {
        match &link.op {
            Op::Attribute(name) => {
                shown.push('.');
                shown.push_str(name);
            }
            Op::Item(Expr::Literal(key)) => shown.push_str(&format!("[{key}]")),
            // A key that is computed may be a secret.
            Op::Item(_) => shown.push_str("[...]"),
            _ => shown = "part of a value".to_owned(),
        }
    }
    shown
}

fn arithmetic(
    op: Calculation,
    left: &Value,
    right: &Value,
    budget: &Budget,
) -> std::result::Result<Value, Trouble> {
    if let (Some(left), Some(right)) = (Num::of(left), Num::of(right)) {
        return calculate(op, left, right);
    }
    match (op, left, right) {
        (Calculation::Add, Value::String(left), Value::String(right)) => {
            let mut out = String::new();
            budget.push(&mut out, left)?;
            budget.push(&mut out, right)?;
            Ok(Value::String(out))
        }
        (Calculation::Add, Value::Array(left), Value::Array(right)) => {
            let mut out = Vec::new();
            for item in left.iter().chain(right) {
                budget.hold(2 * size_of::<Value>())?;
                out.push(own(Cow::Borrowed(item), budget)?);
            }
            Ok(Value::Array(out))
        }
        (Calculation::Add, ..) => Err(Trouble::new(format!(
            "`+` cannot add {} and {}; `~` joins text, `default(0)` stands for what is missing",
            kind(left),
            kind(right)
        ))),
        _ => Err(Trouble::new(format!(
            "calculating needs numbers, not {} and {}; `| float` reads text as a number, `default(0)` stands for \
             what is missing",
            kind(left),
            kind(right)
        ))),
    }
}

/// Compares; what has no order is never less or greater.
pub(crate) fn compare(
    op: Comparison,
    left: &Value,
    right: &Value,
    budget: &Budget,
) -> std::result::Result<bool, Trouble> {
    Ok(match op {
        Comparison::Equal => equal(left, right, budget)?,
        Comparison::NotEqual => !equal(left, right, budget)?,
        Comparison::Less => order(left, right, budget)? == Some(Ordering::Less),
        Comparison::Greater => order(left, right, budget)? == Some(Ordering::Greater),
        Comparison::LessOrEqual => order(left, right, budget)?.is_some_and(Ordering::is_le),
        Comparison::GreaterOrEqual => order(left, right, budget)?.is_some_and(Ordering::is_ge),
        Comparison::In => lookup::contains(right, left, budget)?,
        Comparison::NotIn => !lookup::contains(right, left, budget)?,
    })
}
