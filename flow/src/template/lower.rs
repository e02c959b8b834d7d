//! From the parser's tree to ours: refuses what does not exist here, looks up filters and tests, collects the
//! names that are read.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{self, Expr as Parsed, Stmt};
use serde_json::Value;

use super::calls::shown;
use super::error::TemplateError;
use super::literals::{comparison, constant, operation};
use super::tree::{Expr, For, Link, Node, Op};

/// What is collected on the way.
#[derive(Default)]
pub(crate) struct Lowering {
    /// Names bound by the loops around.
    bound: Vec<String>,
    /// Top-level names that are read, with the part that is read where it is known.
    pub(crate) reads: BTreeSet<(String, Option<String>)>,
}

pub(crate) fn unsupported(line: u16, message: impl Into<String>) -> TemplateError {
    TemplateError::Unsupported {
        line: line.into(),
        message: message.into(),
    }
}

impl Lowering {
    /// Lowers statements.
    pub(crate) fn nodes(&mut self, statements: &[Stmt<'_>]) -> Result<Vec<Node>, TemplateError> {
        statements.iter().map(|statement| self.node(statement)).collect()
    }

    fn node(&mut self, statement: &Stmt<'_>) -> Result<Node, TemplateError> {
        Ok(match statement {
            Stmt::EmitRaw(raw) => Node::Text(raw.raw.to_owned()),
            Stmt::EmitExpr(emit) => Node::Emit(self.expr(&emit.expr)?, emit.span().start_line),
            Stmt::IfCond(first) => {
                // `elif` is an `if` alone in the else branch; a chain of them is a list here.
                let mut branches = Vec::new();
                let mut current: &ast::IfCond<'_> = first;
                loop {
                    branches.push((self.expr(&current.expr)?, self.nodes(&current.true_body)?));
                    match current.false_body.as_slice() {
                        [Stmt::IfCond(next)] => current = next,
                        otherwise => break Node::If(branches, self.nodes(otherwise)?),
                    }
                }
            }
            Stmt::ForLoop(each) => self.each(each, each.span().start_line)?,
            // The guard has refused these by name already.
            _ => return Err(unsupported(1, "only `if` and `for` statements exist here")),
        })
    }

    fn each(&mut self, each: &ast::ForLoop<'_>, line: u16) -> Result<Node, TemplateError> {
        if each.recursive {
            return Err(unsupported(line, "a loop cannot be recursive"));
        }
        let targets = match &each.target {
            Parsed::Var(name) => vec![name.id.to_owned()],
            Parsed::List(list) => list
                .items
                .iter()
                .map(|item| match item {
                    Parsed::Var(name) => Ok(name.id.to_owned()),
                    _ => Err(unsupported(line, "loop variables cannot be nested")),
                })
                .collect::<Result<_, _>>()?,
            _ => {
                return Err(unsupported(
                    line,
                    "a loop needs a name for its item: `{% for item in list %}`",
                ));
            }
        };
        if targets.is_empty() {
            return Err(unsupported(
                line,
                "a loop needs a name for its item: `{% for item in list %}`",
            ));
        }
        let list = self.expr(&each.iter)?;
        let outside = self.bound.len();
        self.bound.extend(targets.iter().cloned());
        let filter = each
            .filter_expr
            .as_ref()
            .map(|filter| self.expr(filter))
            .transpose();
        self.bound.push("loop".to_owned());
        let body = self.nodes(&each.body);
        self.bound.truncate(outside);
        let otherwise = self.nodes(&each.else_body)?;
        Ok(Node::For(Box::new(For {
            targets,
            list,
            filter: filter?,
            body: body?,
            otherwise,
            line,
        })))
    }

    /// Lowers an expression. What the parser nested on the left becomes a list of links, without recursion.
    pub(crate) fn expr(&mut self, parsed: &Parsed<'_>) -> Result<Expr, TemplateError> {
        let mut links = Vec::new();
        let mut current = parsed;
        let base = loop {
            let line = current.span().start_line;
            let mut link = |op| links.push(Link { op, line });
            current = match current {
                Parsed::GetAttr(get) => {
                    link(Op::Attribute(get.name.to_owned()));
                    &get.expr
                }
                Parsed::GetItem(get) => {
                    link(match self.expr(&get.subscript_expr)? {
                        Expr::Literal(Value::String(key)) => Op::Attribute(key),
                        key => Op::Item(key),
                    });
                    &get.expr
                }
                Parsed::Slice(slice) => {
                    let mut bound =
                        |part: &Option<Parsed<'_>>| part.as_ref().map(|part| self.expr(part)).transpose();
                    link(Op::Slice(Box::new([
                        bound(&slice.start)?,
                        bound(&slice.stop)?,
                        bound(&slice.step)?,
                    ])));
                    &slice.expr
                }
                Parsed::UnaryOp(unary) => {
                    link(match unary.op {
                        ast::UnaryOpKind::Not => Op::Not,
                        ast::UnaryOpKind::Neg => Op::Negate,
                    });
                    &unary.expr
                }
                Parsed::BinOp(binary) => {
                    let right = self.expr(&binary.right)?;
                    link(operation(binary.op, right));
                    &binary.left
                }
                Parsed::Compare(compare) => {
                    let ops = compare
                        .ops
                        .iter()
                        .map(|op| Ok((comparison(op.op), self.expr(&op.expr)?)));
                    link(Op::Compare(ops.collect::<Result<_, TemplateError>>()?));
                    &compare.expr
                }
                Parsed::Filter(filter) => {
                    let Some(inner) = &filter.expr else {
                        return Err(unsupported(line, "a filter needs something on its left"));
                    };
                    link(self.filter(filter.name, &filter.args, line)?);
                    inner
                }
                Parsed::Test(test) => {
                    link(self.test(test, line)?);
                    &test.expr
                }
                Parsed::Call(call) => match &call.expr {
                    // `text.upper()` is the filter of that name, as people write it in Python and JavaScript.
                    Parsed::GetAttr(method) => {
                        link(self.filter(method.name, &call.args, line)?);
                        &method.expr
                    }
                    Parsed::Var(name) if name.id == "range" => break self.range(&call.args, line)?,
                    Parsed::Var(name) => {
                        let message = format!(
                            "there is no function `{}`; there is `range`, and filters are written `value | filter`",
                            shown(name.id)
                        );
                        return Err(unsupported(line, message));
                    }
                    _ => return Err(unsupported(line, "only `range` and filters can be called")),
                },
                base => break self.base(base)?,
            };
        };
        links.reverse();
        if let Expr::Name(name) = &base
            && !self.bound.contains(name)
        {
            let part = match links.first() {
                Some(Link {
                    op: Op::Attribute(part),
                    ..
                }) => Some(part.clone()),
                _ => None,
            };
            self.reads.insert((name.clone(), part));
        }
        Ok(if links.is_empty() {
            base
        } else {
            Expr::Chain(Box::new(base), links)
        })
    }

    fn base(&mut self, parsed: &Parsed<'_>) -> Result<Expr, TemplateError> {
        let line = parsed.span().start_line;
        Ok(match parsed {
            Parsed::Var(name) => Expr::Name(name.id.to_owned()),
            Parsed::Const(literal) => Expr::Literal(constant(&literal.value, line)?),
            Parsed::List(list) => Expr::List(self.exprs(&list.items)?, line),
            Parsed::Tuple(tuple) => Expr::List(self.exprs(&tuple.items)?, line),
            Parsed::Map(map) => {
                let keys = self.exprs(&map.keys)?;
                Expr::Map(keys.into_iter().zip(self.exprs(&map.values)?).collect(), line)
            }
            Parsed::IfExpr(inline) => {
                let test = self.expr(&inline.test_expr)?;
                let otherwise = inline
                    .false_expr
                    .as_ref()
                    .map(|otherwise| self.expr(otherwise))
                    .transpose()?;
                Expr::IfElse(Box::new((test, self.expr(&inline.true_expr)?, otherwise)))
            }
            _ => return Err(unsupported(line, "this expression is not supported")),
        })
    }

    fn exprs(&mut self, parsed: &[Parsed<'_>]) -> Result<Vec<Expr>, TemplateError> {
        parsed.iter().map(|parsed| self.expr(parsed)).collect()
    }
}
