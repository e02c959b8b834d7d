//! A captured table: which source it is, and where in its rows the account stands.

use pgrx::pg_sys;

use super::statement::{Column, Statement};

/// A table that is watched, as `watch()` registered it.
#[derive(Debug, Clone)]
pub struct Source {
    /// `lead`, `conversation` ...
    pub name: String,
    /// The column that holds the account or leads to it.
    pub owner_column: String,
    /// Whether it only leads there.
    pub by_path: bool,
    /// Whether any automation at all listens to it.
    pub has_listeners: bool,
}

/// A table with capture's triggers.
#[derive(Debug)]
pub struct Table {
    /// What it is; none where nobody watches it any more.
    pub source: Option<Source>,
    /// Its name, without the schema.
    pub name: String,
    /// Its columns, without dropped ones.
    pub columns: Vec<Column>,
    /// The number of the column that holds the account as a uuid; none where it must be found otherwise.
    pub account: Option<i32>,
}

impl Table {
    /// Of a statement.
    pub fn of(statement: &Statement, source: Option<Source>) -> Table {
        let columns = statement.columns();
        let account = source
            .as_ref()
            .filter(|source| !source.by_path)
            .and_then(|source| columns.iter().find(|column| column.name == source.owner_column))
            .filter(|column| column.kind == pg_sys::UUIDOID)
            .map(|column| column.number);
        Table {
            source,
            name: statement.table_name(),
            columns,
            account,
        }
    }
}
