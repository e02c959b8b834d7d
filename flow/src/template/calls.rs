//! Filters, tests and `range`: looked up and their arguments put in order when the template is parsed.

use minijinja::machinery::ast::{self, Expr as Parsed};

use super::error::TemplateError;
use super::filters;
use super::lower::{Lowering, unsupported};
use super::predicates;
use super::tree::{Expr, Op};

impl Lowering {
    pub(crate) fn test(&mut self, test: &ast::Test<'_>, line: u16) -> Result<Op, TemplateError> {
        let found = predicates::find(test.name).ok_or_else(|| {
            let names = predicates::names();
            unsupported(
                line,
                format!("there is no test `{}`; there are {names}", shown(test.name)),
            )
        })?;
        let arguments = test.args.iter().map(|argument| match argument {
            ast::CallArg::Pos(value) => self.expr(value),
            _ => Err(unsupported(line, "tests take no named arguments")),
        });
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        if arguments.len() != found.arguments {
            let message = format!("the test `{}` takes {} arguments", found.name, found.arguments);
            return Err(unsupported(line, message));
        }
        Ok(Op::Test(found, arguments))
    }

    pub(crate) fn range(&mut self, arguments: &[ast::CallArg<'_>], line: u16) -> Result<Expr, TemplateError> {
        let bounds = arguments.iter().map(|argument| match argument {
            ast::CallArg::Pos(value) => self.expr(value),
            _ => Err(unsupported(line, "`range` takes one to three numbers")),
        });
        let bounds = bounds.collect::<Result<Vec<_>, _>>()?;
        if bounds.is_empty() || bounds.len() > 3 {
            return Err(unsupported(line, "`range` takes one to three numbers"));
        }
        Ok(Expr::Range(bounds, line))
    }

    pub(crate) fn filter(
        &mut self,
        name: &str,
        arguments: &[ast::CallArg<'_>],
        line: u16,
    ) -> Result<Op, TemplateError> {
        let filter = filters::find(name).ok_or_else(|| {
            unsupported(
                line,
                format!(
                    "there is no filter `{}`; there are {}",
                    shown(name),
                    filters::names()
                ),
            )
        })?;
        let mut bound: Vec<Option<Expr>> = filter.parameters.iter().map(|_| None).collect();
        for (position, argument) in arguments.iter().enumerate() {
            let (slot, value) = match argument {
                ast::CallArg::Pos(value) => (Some(position), value),
                ast::CallArg::Kwarg(key, value) => {
                    (filter.parameters.iter().position(|known| known == key), value)
                }
                _ => (None, ast_splat(argument)),
            };
            let slot = slot
                .and_then(|slot| bound.get_mut(slot))
                .filter(|slot| slot.is_none());
            let Some(slot) = slot else {
                let parameters = filter.parameters.join(", ");
                return Err(unsupported(
                    line,
                    format!("the filter `{name}` takes ({parameters}), each once"),
                ));
            };
            *slot = Some(self.expr(value)?);
        }
        if bound.iter().take(filter.required).any(Option::is_none) {
            let needed = filter
                .parameters
                .get(..filter.required)
                .unwrap_or_default()
                .join(", ");
            return Err(unsupported(line, format!("the filter `{name}` needs ({needed})")));
        }
        Ok(Op::Filter(filter, bound))
    }
}

fn ast_splat<'p, 'a>(argument: &'p ast::CallArg<'a>) -> &'p Parsed<'a> {
    match argument {
        ast::CallArg::Pos(value)
        | ast::CallArg::Kwarg(_, value)
        | ast::CallArg::PosSplat(value)
        | ast::CallArg::KwargSplat(value) => value,
    }
}

/// A name from the source, cut for a message.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}
