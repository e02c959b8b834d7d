//! Who listens: the source of a table, the accounts of its rows, the automations of those accounts.
//!
//! One query each for a statement, as the owner of the tables. A cache per backend belongs here and nowhere else: the
//! source by table, the listeners by (source, account), both emptied by an invalidation of `automations.sources` and
//! `automations.listeners`.

use std::cell::OnceCell;
use std::collections::HashMap;

use flow::Listener;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::OwnedPreparedStatement;
use serde_json::{Value, json};
use uuid::Uuid;

use super::patience::quickly;
use crate::refusal::Refusal;

/// A table that is watched, as `watch()` registered it.
#[derive(Debug, Clone)]
pub struct Source {
    /// `lead`, `conversation` ...
    pub name: String,
    /// The column that holds the account or leads to it.
    pub owner_column: String,
    /// Whether it only leads there.
    pub by_path: bool,
}

/// An automation that listens.
pub struct Heard {
    /// Its owner.
    pub account: Uuid,
    /// The automation.
    pub automation: Uuid,
    /// Its version when the change happened.
    pub version: i32,
    /// The priority of its executions.
    pub priority: i16,
    /// `re_entry` or `debounce_seconds` ask which record changed.
    pub asks_record: bool,
    /// What it waits for, or why that cannot be read.
    pub listener: Result<Listener, String>,
}

/// A plan that is made once for a backend and never freed: at the backend's exit nobody could free it safely.
type Plan = OnceCell<&'static OwnedPreparedStatement>;

thread_local! {
    static SOURCE: Plan = const { OnceCell::new() };
    static SOURCE_OF_LEAF: Plan = const { OnceCell::new() };
    static LISTENERS: Plan = const { OnceCell::new() };
}

const SOURCE_SQL: &str = "
    SELECT s.source, s.owner_column, s.owner_table IS NOT NULL
      FROM automations.sources s
     WHERE s.tab = $1 AND s.source IS NOT NULL";
const SOURCE_OF_LEAF_SQL: &str = "
    SELECT s.source, s.owner_column, s.owner_table IS NOT NULL
      FROM automations.sources s
     WHERE s.source IS NOT NULL AND s.tab IN (SELECT a.relid FROM pg_partition_ancestors($1) a)
     LIMIT 1";
const LISTENERS_SQL: &str = "
    SELECT l.account_id, l.automation_id, l.version, l.event, l.columns, l.conditions::text,
           l.priority, l.record
      FROM automations.listeners l
     WHERE l.source = $1 AND l.account_id = ANY ($2)
     ORDER BY l.account_id, l.automation_id";

/// The source that a table is with the given name of a relation, for changes that are replayed.
const SOURCE_OF_NAME_SQL: &str = "
    SELECT s.source, s.owner_column, s.owner_table IS NOT NULL, c.relname::text, c.oid
      FROM pg_class c
      JOIN automations.sources s ON s.source IS NOT NULL
           AND (s.tab = c.oid OR s.tab IN (SELECT a.relid FROM pg_partition_ancestors(c.oid) a))
     WHERE c.oid = to_regclass($1)
     LIMIT 1";

/// The source, the plain name and the oid of a table by its qualified name, none if nobody watches it any more.
pub fn source_of_name(table: &str) -> Result<Option<(Source, String, pg_sys::Oid)>, Refusal> {
    quickly(|| {
        Spi::connect(|client| {
            for row in client.select(SOURCE_OF_NAME_SQL, Some(1), &[table.into()])? {
                if let (Some(name), Some(owner_column), by_path, Some(table), Some(oid)) = (
                    row.get::<String>(1)?,
                    row.get::<String>(2)?,
                    row.get::<bool>(3)?,
                    row.get::<String>(4)?,
                    row.get::<pg_sys::Oid>(5)?,
                ) {
                    let by_path = by_path.unwrap_or(false);
                    return Ok(Some((
                        Source {
                            name,
                            owner_column,
                            by_path,
                        },
                        table,
                        oid,
                    )));
                }
            }
            Ok(None)
        })
    })
}

/// The names of the columns of a table's primary key; none without one.
pub fn primary_key(table: pg_sys::Oid) -> Result<Vec<String>, Refusal> {
    quickly(|| {
        // SAFETY: the oid of a table.
        let table = unsafe { DatumWithOid::new(table, pg_sys::OIDOID) };
        let names: Option<Vec<String>> = Spi::get_one_with_args(
            "SELECT ARRAY(SELECT a.attname::text FROM pg_index i
                            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                           WHERE i.indrelid = $1 AND i.indisprimary)",
            &[table],
        )?;
        Ok(names.unwrap_or_default())
    })
}

/// The source that a table is, none if nobody watches it.
pub fn source_of(table: pg_sys::Oid, is_leaf: bool) -> Result<Option<Source>, Refusal> {
    let (cell, text) = if is_leaf {
        (&SOURCE_OF_LEAF, SOURCE_OF_LEAF_SQL)
    } else {
        (&SOURCE, SOURCE_SQL)
    };
    quickly(|| {
        // SAFETY: the oid of a table, as a regclass.
        let table = unsafe { DatumWithOid::new(table, pg_sys::REGCLASSOID) };
        Spi::connect(|client| {
            let plan = plan(cell, client, text, &[PgBuiltInOids::REGCLASSOID.oid()])?;
            for row in client.select(plan, Some(1), &[table])? {
                if let (Some(name), Some(owner_column), by_path) =
                    (row.get::<String>(1)?, row.get::<String>(2)?, row.get::<bool>(3)?)
                {
                    let by_path = by_path.unwrap_or(false);
                    return Ok(Some(Source {
                        name,
                        owner_column,
                        by_path,
                    }));
                }
            }
            Ok(None)
        })
    })
}

/// The account behind each key, for a source whose owner is found by a path. Keys that lead nowhere (the row they
/// name went in the same cascade) are left out.
pub fn owners_of(source: &str, keys: Vec<String>) -> Result<HashMap<String, Uuid>, Refusal> {
    quickly(|| {
        Spi::connect(|client| {
            let mut owners = HashMap::new();
            let found = client.select(
                "SELECT o.key, o.account_id FROM automations.owners_of($1, $2) o",
                None,
                &[source.into(), keys.into()],
            )?;
            for row in found {
                if let (Some(key), Some(account)) = (row.get::<String>(1)?, row.get::<pgrx::Uuid>(2)?) {
                    owners.insert(key, Uuid::from_bytes(*account.as_bytes()));
                }
            }
            Ok(owners)
        })
    })
}

/// Who of these accounts listens to the source, by account.
pub fn listeners_of(source: &str, accounts: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<Heard>>, Refusal> {
    let accounts: Vec<pgrx::Uuid> = accounts
        .into_iter()
        .map(|account| pgrx::Uuid::from_bytes(*account.as_bytes()))
        .collect();
    quickly(|| {
        Spi::connect(|client| {
            let types = [PgBuiltInOids::TEXTOID.oid(), PgBuiltInOids::UUIDARRAYOID.oid()];
            let plan = plan(&LISTENERS, client, LISTENERS_SQL, &types)?;
            let mut listeners: HashMap<Uuid, Vec<Heard>> = HashMap::new();
            for row in client.select(plan, None, &[source.into(), accounts.into()])? {
                let (Some(account), Some(automation)) =
                    (row.get::<pgrx::Uuid>(1)?, row.get::<pgrx::Uuid>(2)?)
                else {
                    continue;
                };
                let event = row.get::<String>(4)?.unwrap_or_default();
                let columns = row.get::<Vec<String>>(5)?.unwrap_or_default();
                let conditions = row.get::<String>(6)?;
                let account = Uuid::from_bytes(*account.as_bytes());
                listeners.entry(account).or_default().push(Heard {
                    account,
                    automation: Uuid::from_bytes(*automation.as_bytes()),
                    version: row.get::<i32>(3)?.unwrap_or_default(),
                    priority: row.get::<i16>(7)?.unwrap_or_default(),
                    asks_record: row.get::<bool>(8)?.unwrap_or_default(),
                    listener: read(source, &event, &columns, conditions.as_deref()),
                });
            }
            Ok(listeners)
        })
    })
}

/// A row of automations.listeners as `flow` knows it.
fn read(source: &str, event: &str, columns: &[String], conditions: Option<&str>) -> Result<Listener, String> {
    let conditions = match conditions.map(serde_json::from_str::<Value>) {
        None => Value::Null,
        Some(Ok(conditions)) => conditions,
        Some(Err(error)) => return Err(error.to_string()),
    };
    let config = json!({
        "event_source": source, "event_type": event, "columns": columns, "conditions": conditions,
    });
    match Listener::from_config(&config) {
        Ok(Some(listener)) => Ok(listener),
        Ok(None) => Err("it does not say what it listens to".to_owned()),
        Err(problem) => Err(problem.to_string()),
    }
}

fn plan(
    cell: &'static std::thread::LocalKey<Plan>,
    client: &pgrx::spi::SpiClient<'_>,
    text: &str,
    types: &[PgOid],
) -> Result<&'static OwnedPreparedStatement, Refusal> {
    cell.with(|cell| match cell.get() {
        Some(plan) => Ok(*plan),
        None => {
            let made: &'static OwnedPreparedStatement =
                Box::leak(Box::new(client.prepare(text, types)?.keep()));
            Ok(*cell.get_or_init(|| made))
        }
    })
}
