//! A template as we evaluate it. Chains that the parser nests on the left (`a.b.c`, `a + b + c`, `a | f | g`)
//! are flat lists here, so that the depth of evaluation is the depth of parentheses.

use serde_json::Value;

use super::filters::Filter;
use super::predicates::Test;

/// A statement.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Text as it stands.
    Text(String),
    /// `{{ expression }}`.
    Emit(Expr, u16),
    /// `{% if %}` with its `elif`s and `else`.
    If(Vec<(Expr, Vec<Node>)>, Vec<Node>),
    /// `{% for %}`.
    For(Box<For>),
}

/// `{% for targets in list if filter %} body {% else %} otherwise {% endfor %}`.
#[derive(Debug, Clone)]
pub(crate) struct For {
    pub(crate) targets: Vec<String>,
    pub(crate) list: Expr,
    pub(crate) filter: Option<Expr>,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
    pub(crate) line: u16,
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Literal(Value),
    Name(String),
    List(Vec<Expr>, u16),
    Map(Vec<(Expr, Expr)>, u16),
    Range(Vec<Expr>, u16),
    IfElse(Box<(Expr, Expr, Option<Expr>)>),
    Chain(Box<Expr>, Vec<Link>),
}

/// One step of a chain, applied to what is on its left.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) op: Op,
    pub(crate) line: u16,
}

/// What a link does.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Attribute(String),
    Item(Expr),
    Slice(Box<[Option<Expr>; 3]>),
    Negate,
    Not,
    And(Expr),
    Or(Expr),
    Calculate(Calculation, Expr),
    Concatenate(Expr),
    Compare(Vec<(Comparison, Expr)>),
    Filter(&'static Filter, Vec<Option<Expr>>),
    Test(&'static Test, Vec<Expr>),
}

/// Arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
}

/// Comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}
