//! Evaluates expressions over borrowed values: what is only looked up is never copied.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::budget::{Budget, Trouble};
use super::error::TemplateError;
use super::filters::{self, Input};
use super::lookup;
use super::number::{Num, calculate};
use super::operate::{arithmetic, compare};
use super::scope::{LoopState, Scope};
use super::tree::{Calculation, Expr, Link, Op};
use super::value::{kind, own, truth, write};

/// Elements that `range` makes at most.
const MAX_RANGE: usize = 10_000;

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
        self.at(0, self.budget.hold(LoopState::SIZE))?;
        Ok(Some(Cow::Owned(each.value())))
    }

    /// What a chain begins with, none if missing, and how many links that takes: `loop.index` is looked up in one.
    fn beginning<'s>(
        &self,
        base: &'s Expr,
        links: &'s [Link],
        scope: &'s Scope<'s>,
    ) -> Result<(Option<Cow<'s, Value>>, usize)> {
        match (base, links.first()) {
            (
                Expr::Name(name),
                Some(Link {
                    op: Op::Attribute(part),
                    ..
                }),
            ) if name == "loop" && scope.get(name).is_none() => {
                match scope.each().and_then(|each| each.attribute(part)) {
                    Some(value) => Ok((Some(Cow::Owned(value)), 1)),
                    None => Ok((self.name(name, scope)?, 0)),
                }
            }
            (Expr::Name(name), _) => Ok((self.name(name, scope)?, 0)),
            (other, _) => Ok((Some(self.value(other, scope)?), 0)),
        }
    }

    /// Applies links from left to right. A part that is missing is noted only when something needs its value:
    /// `default`, `or` and `is defined` exist for missing parts.
    fn chain<'s>(&self, base: &'s Expr, links: &'s [Link], scope: &'s Scope<'s>) -> Result<Cow<'s, Value>> {
        let (first, taken) = self.beginning(base, links, scope)?;
        let mut missing = if first.is_none() { Some(0) } else { None };
        let mut value = first.unwrap_or_default();
        for (position, link) in links.iter().enumerate().skip(taken) {
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
