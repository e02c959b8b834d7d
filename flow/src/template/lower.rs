//! From the parser's tree to ours: refuses what does not exist here, looks up filters and tests, collects the
//! names that are read.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{self, Expr as Parsed, Stmt};
use serde_json::{Number, Value};

use super::error::TemplateError;
use super::filters;
use super::predicates;
use super::tree::{Calculation, Comparison, Expr, For, Link, Node, Op};

/// What is collected on the way.
#[derive(Default)]
pub(crate) struct Lowering {
    /// Names bound by the loops around.
    bound: Vec<String>,
    /// Top-level names that are read, with the part that is read where it is known.
    pub(crate) reads: BTreeSet<(String, Option<String>)>,
}

fn unsupported(line: u16, message: impl Into<String>) -> TemplateError {
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
                        let message =
                            format!("the test `{}` takes {} arguments", found.name, found.arguments);
                        return Err(unsupported(line, message));
                    }
                    link(Op::Test(found, arguments));
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

    fn range(&mut self, arguments: &[ast::CallArg<'_>], line: u16) -> Result<Expr, TemplateError> {
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

    fn filter(&mut self, name: &str, arguments: &[ast::CallArg<'_>], line: u16) -> Result<Op, TemplateError> {
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
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

fn operation(op: ast::BinOpKind, right: Expr) -> Op {
    match op {
        ast::BinOpKind::ScAnd => Op::And(right),
        ast::BinOpKind::ScOr => Op::Or(right),
        ast::BinOpKind::Concat => Op::Concatenate(right),
        ast::BinOpKind::Add => Op::Calculate(Calculation::Add, right),
        ast::BinOpKind::Sub => Op::Calculate(Calculation::Subtract, right),
        ast::BinOpKind::Mul => Op::Calculate(Calculation::Multiply, right),
        ast::BinOpKind::Div => Op::Calculate(Calculation::Divide, right),
        ast::BinOpKind::FloorDiv => Op::Calculate(Calculation::FloorDivide, right),
        ast::BinOpKind::Rem => Op::Calculate(Calculation::Remainder, right),
        ast::BinOpKind::Pow => Op::Calculate(Calculation::Power, right),
        ast::BinOpKind::Eq => Op::Compare(vec![(Comparison::Equal, right)]),
        ast::BinOpKind::Ne => Op::Compare(vec![(Comparison::NotEqual, right)]),
        ast::BinOpKind::Lt => Op::Compare(vec![(Comparison::Less, right)]),
        ast::BinOpKind::Lte => Op::Compare(vec![(Comparison::LessOrEqual, right)]),
        ast::BinOpKind::Gt => Op::Compare(vec![(Comparison::Greater, right)]),
        ast::BinOpKind::Gte => Op::Compare(vec![(Comparison::GreaterOrEqual, right)]),
        ast::BinOpKind::In => Op::Compare(vec![(Comparison::In, right)]),
    }
}

fn comparison(op: ast::CompareOpKind) -> Comparison {
    match op {
        ast::CompareOpKind::Eq => Comparison::Equal,
        ast::CompareOpKind::Ne => Comparison::NotEqual,
        ast::CompareOpKind::Lt => Comparison::Less,
        ast::CompareOpKind::Lte => Comparison::LessOrEqual,
        ast::CompareOpKind::Gt => Comparison::Greater,
        ast::CompareOpKind::Gte => Comparison::GreaterOrEqual,
        ast::CompareOpKind::In => Comparison::In,
        ast::CompareOpKind::NotIn => Comparison::NotIn,
    }
}

/// A literal as JSON. The parser's values can hold more (128 bits, infinity).
fn constant(value: &minijinja::Value, line: u16) -> Result<Value, TemplateError> {
    if value.is_none() || value.is_undefined() {
        return Ok(Value::Null);
    }
    if let Some(text) = value.as_str() {
        return Ok(Value::String(text.to_owned()));
    }
    if value.kind() == minijinja::value::ValueKind::Bool {
        return Ok(Value::Bool(value.is_true()));
    }
    if value.is_integer() {
        if let Ok(whole) = u64::try_from(value.clone()) {
            return Ok(Value::Number(whole.into()));
        }
        return Err(unsupported(line, "a whole number passes 64 bits"));
    }
    f64::try_from(value.clone())
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| unsupported(line, "a number is too large"))
}
