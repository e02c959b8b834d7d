//! Operators and literals of the parser as ours.

use minijinja::machinery::ast;
use serde_json::{Number, Value};

use super::error::TemplateError;
use super::tree::{Calculation, Comparison, Expr, Op};

/// A binary operator with its right side.
pub(crate) fn operation(op: ast::BinOpKind, right: Expr) -> Op {
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

/// A comparison.
pub(crate) fn comparison(op: ast::CompareOpKind) -> Comparison {
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
pub(crate) fn constant(value: &minijinja::Value, line: u16) -> Result<Value, TemplateError> {
    let refuse = |message: &str| TemplateError::Unsupported {
        line: line.into(),
        message: message.to_owned(),
    };
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
        return Err(refuse("a whole number passes 64 bits"));
    }
    f64::try_from(value.clone())
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| refuse("a number is too large"))
}
