//! The catalogue of node types: one definition, from which come the check at save time, `docs/nodes.md` and the
//! JSON Schemas. What runs a type is the daemon's; a type whose execution does not exist yet is here all the same.

mod actions;
mod ai;
mod data;
mod logic;
mod page;
mod schema;
mod transforms;
mod triggers;

use std::sync::Arc;

use serde_json::Value;

pub use data::DATA;
pub use page::page;

/// One node type of the catalogue.
#[derive(Debug)]
pub struct NodeType {
    /// As in the graph: `logic-condition`.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub description: &'static str,
    /// Its configuration.
    pub fields: &'static [Field],
    /// What its fields need of each other.
    pub needs: &'static [Need],
    /// By which handles edges leave it.
    pub handles: Handles,
    /// Its output, in words.
    pub output: &'static str,
}

/// One setting of a node type.
#[derive(Debug)]
pub struct Field {
    /// In camelCase, as the editor writes it.
    pub name: &'static str,
    /// What JSON it takes.
    pub kind: Kind,
    /// Whether the node cannot run without it.
    pub required: bool,
    /// What holds without it, as JSON text; empty where nothing does.
    pub default: &'static str,
    /// Whether strings in it are templates.
    pub template: bool,
    /// What it means, with its unit.
    pub description: &'static str,
}

impl Field {
    const fn new(name: &'static str, kind: Kind, description: &'static str) -> Field {
        Field {
            name,
            kind,
            required: false,
            default: "",
            template: true,
            description,
        }
    }

    const fn required(self) -> Field {
        Field {
            required: true,
            ..self
        }
    }

    const fn or(self, default: &'static str) -> Field {
        Field { default, ..self }
    }

    /// Taken as it stands.
    const fn plain(self) -> Field {
        Field {
            template: false,
            ..self
        }
    }
}

/// What JSON a field takes. Where templates are allowed, a string with a template stands for any of them.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string.
    Text,
    /// The id of a row.
    Id,
    /// A name that templates read, and that is none of theirs.
    Name,
    /// A number between these, also as a string.
    Number(f64, f64),
    /// A whole number between these, also as a string.
    Integer(i64, i64),
    /// `true` or `false`.
    Boolean,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A point in time in ISO 8601, as a string.
    Time,
    /// An object with any keys.
    Object,
    /// A list of anything.
    List,
    /// A list of objects with these fields.
    ListOf(&'static [Field]),
    /// An object with these fields.
    ObjectOf(&'static [Field]),
    /// A list of strings, or one string.
    Texts,
    /// A list, or an expression or template that gives one.
    ListExpression,
    /// An expression, bare or as a template.
    Expression,
    /// The rules of a condition: a list of `{field, operator, value}`.
    Rules,
    /// A whole condition: `{rules, logic}`, `{expression}`, or an expression as a string.
    Condition,
    /// What an event must hold: an object that its payload must contain, or a condition over it.
    Match,
    /// Any JSON.
    Any,
}

/// What fields need of each other.
#[derive(Debug)]
pub enum Need {
    /// At least one of these fields.
    OneOf(&'static [&'static str]),
    /// `field`, where `when` has one of the values `is` (or its default does).
    When {
        /// The field that decides.
        when: &'static str,
        /// Its values.
        is: &'static [&'static str],
        /// The field that is needed then.
        field: &'static str,
    },
}

/// By which handles edges leave a node. `error` exists on every node beside these (rule 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handles {
    /// By the default handle, whatever the editor calls it.
    Default,
    /// By the default handle, or by `timeout`.
    OrTimeout,
    /// By one of these only; a disabled node takes the one that `passing` names.
    Named {
        /// All of them.
        names: &'static [&'static str],
        /// What a disabled node takes.
        passing: &'static str,
    },
    /// By the `handleId` of its `cases`, or its `defaultHandleId`; a disabled node takes the first case.
    Cases,
    /// By none: it ends something. Disabled, it passes by the default handle.
    Ends,
}

/// The default handle.
pub const DEFAULT: &str = "default";
/// The handle of a failed run.
pub const ERROR: &str = "error";

/// Every type, in the order of the documents.
pub fn node_types() -> impl Iterator<Item = &'static NodeType> {
    [
        triggers::TYPES,
        actions::TYPES,
        logic::TYPES,
        transforms::TYPES,
        ai::TYPES,
    ]
    .into_iter()
    .flatten()
}

/// The type of that name.
pub fn node_type(name: &str) -> Option<&'static NodeType> {
    node_types().find(|kind| kind.name == name)
}

/// The handles of a switch: those of its cases, then that for no case.
pub(crate) fn case_handles(config: &Value) -> impl Iterator<Item = &str> {
    let cases = config
        .get("cases")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let named = cases.filter_map(|case| case.get("handleId")?.as_str());
    named.chain(config.get("defaultHandleId").and_then(Value::as_str))
}

impl NodeType {
    /// The setting of that name, in camelCase.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether executions begin here.
    pub fn is_trigger(&self) -> bool {
        self.name.starts_with("trigger-")
    }

    /// The `trigger_type` that this trigger node serves: `ai_tool` for `trigger-ai-tool`.
    pub fn trigger_type(&self) -> Option<String> {
        Some(self.name.strip_prefix("trigger-")?.replace('-', "_"))
    }

    /// The handle by which an edge leaves that the editor saved with `sourceHandle`; none where this type has named
    /// handles only and the edge names none.
    pub fn handle(&self, source_handle: Option<&str>) -> Option<Arc<str>> {
        let named = matches!(
            (self.handles, source_handle),
            (_, Some(ERROR))
                | (Handles::Named { .. } | Handles::Cases, _)
                | (Handles::OrTimeout, Some("timeout"))
        );
        if named {
            source_handle.filter(|name| !name.is_empty()).map(Arc::from)
        } else {
            Some(DEFAULT.into())
        }
    }

    /// The handle that a disabled node chooses, and one that goes on after a failure (rule 11).
    pub fn passing(&self, config: &Value) -> Option<String> {
        match self.handles {
            Handles::Named { passing, .. } => Some(passing.to_owned()),
            Handles::Cases => case_handles(config).next().map(str::to_owned),
            Handles::Default | Handles::OrTimeout | Handles::Ends => Some(DEFAULT.to_owned()),
        }
    }

    /// The JSON Schema (draft 2020-12) of a node's configuration.
    pub fn schema(&self) -> Value {
        schema::of(self)
    }
}
