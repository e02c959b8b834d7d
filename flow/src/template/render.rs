//! Renders statements into text.

use std::borrow::Cow;

use serde_json::Value;

use super::elements::elements;
use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::scope::{LoopState, Scope};
use super::tree::{For, Node};
use super::value::{truth, write};

impl Evaluator<'_> {
    /// Appends what the statements give.
    pub(crate) fn render(
        &self,
        nodes: &[Node],
        scope: &Scope<'_>,
        out: &mut String,
    ) -> Result<(), TemplateError> {
        for node in nodes {
            match node {
                Node::Text(text) => self.at(1, self.budget.push(out, text))?,
                Node::Emit(expr, line) => {
                    self.at(*line, self.budget.work(1))?;
                    let value = self.value(expr, scope)?;
                    self.at(*line, write(&value, out, self.budget))?;
                }
                Node::If(branches, otherwise) => {
                    let mut chosen = otherwise;
                    for (test, body) in branches {
                        self.at(1, self.budget.work(1))?;
                        if truth(&*self.value(test, scope)?) {
                            chosen = body;
                            break;
                        }
                    }
                    self.render(chosen, scope, out)?;
                }
                Node::For(each) => self.each(each, scope, out)?,
            }
        }
        Ok(())
    }

    fn each(&self, each: &For, scope: &Scope<'_>, out: &mut String) -> Result<(), TemplateError> {
        let list = self.value(&each.list, scope)?;
        let mut items = self.at(each.line, elements(list, self.budget))?;
        if let Some(filter) = &each.filter {
            let mut kept = Vec::new();
            for item in items {
                self.at(each.line, self.budget.hold(2 * size_of::<Cow<'_, Value>>()))?;
                let passes = {
                    let inner = self.bind(each, &item, None, scope)?;
                    truth(&*self.value(filter, &inner)?)
                };
                if passes {
                    kept.push(item);
                }
            }
            items = kept;
        }
        if items.is_empty() {
            return self.render(&each.otherwise, scope, out);
        }
        let length = items.len();
        let depth = scope.each().map_or(1, |outer| outer.depth + 1);
        for (index, item) in items.into_iter().enumerate() {
            let inner = self.bind(each, &item, Some(LoopState { index, length, depth }), scope)?;
            self.render(&each.body, &inner, out)?;
        }
        Ok(())
    }

    /// The scope of one round.
    fn bind<'s>(
        &self,
        each: &'s For,
        item: &'s Value,
        state: Option<LoopState>,
        scope: &'s Scope<'s>,
    ) -> Result<Scope<'s>, TemplateError> {
        self.at(each.line, self.budget.work(4))?;
        let bound = match each.targets.as_slice() {
            [target] => vec![(target.as_str(), Cow::Borrowed(item))],
            // `for key, value in object.items()`: what the item has too little of is null.
            targets => {
                let part = |position| item.get(position).map_or(Cow::Owned(Value::Null), Cow::Borrowed);
                targets
                    .iter()
                    .enumerate()
                    .map(|(position, target)| (target.as_str(), part(position)))
                    .collect()
            }
        };
        Ok(Scope {
            globals: scope.globals,
            parent: Some(scope),
            bound,
            each: state,
        })
    }
}
