//! Which source a table is. One query, as the owner of the tables, by what was committed last; remembered in
//! [`super::cache`] where changes of it are announced.

use std::cell::OnceCell;
use std::rc::Rc;

use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

use super::cache::{self, Announced};
use super::statement::Statement;
use super::table::{Source, Table};
use crate::newest::by_what_is_newest;
use crate::patience::quickly;
use crate::plans::{Plan, plan};
use crate::refusal::Refusal;

thread_local! {
    static SOURCE: Plan = const { OnceCell::new() };
    static SOURCE_OF_LEAF: Plan = const { OnceCell::new() };
    static ANNOUNCED: Plan = const { OnceCell::new() };
}

const SOURCE_SQL: &str = "
    SELECT s.source, s.owner_column, s.owner_table IS NOT NULL,
           EXISTS (SELECT FROM automations.listeners l WHERE l.source = s.source)
      FROM automations.sources s
     WHERE s.tab = $1 AND s.source IS NOT NULL";
const SOURCE_OF_LEAF_SQL: &str = "
    SELECT s.source, s.owner_column, s.owner_table IS NOT NULL,
           EXISTS (SELECT FROM automations.listeners l WHERE l.source = s.source)
      FROM automations.sources s
     WHERE s.source IS NOT NULL AND s.tab IN (SELECT a.relid FROM pg_partition_ancestors($1) a)
     LIMIT 1";
/// Both tables, and whether every change of a row and every TRUNCATE of either fires `announce_listeners()`, whatever
/// the role of the session in replication.
const ANNOUNCED_SQL: &str = "
    SELECT to_regclass('automations.sources')::oid, to_regclass('automations.listeners')::oid,
           (SELECT count(DISTINCT (t.tgrelid, t.tgtype)) = 4
              FROM pg_trigger t
             WHERE t.tgrelid IN (to_regclass('automations.sources'), to_regclass('automations.listeners'))
               AND t.tgfoid = to_regprocedure('automations.announce_listeners()')
               AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = ''
               -- for each row: 1 + INSERT 4 + DELETE 8 + UPDATE 16; for the statement: TRUNCATE 32
               AND t.tgtype IN (29, 32))";

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
                            has_listeners: true,
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

/// What the table of a statement is.
///
/// # Errors
/// Not installed; somebody holds a lock.
pub fn table_of(statement: &Statement) -> Result<Rc<Table>, Refusal> {
    let oid = statement.table();
    if let Some(table) = cache::table(oid) {
        return Ok(table);
    }
    find_out_announced()?;
    let asking = cache::asking();
    let table = Rc::new(Table::of(statement, source_of(oid, statement.is_leaf())?));
    asking.keep_table(oid, &table);
    Ok(table)
}

/// Whether changes of who listens are announced, so that anything may be remembered.
fn find_out_announced() -> Result<(), Refusal> {
    if cache::is_off() || cache::announced().is_some() {
        return Ok(());
    }
    let asking = cache::asking();
    let announced = by_what_is_newest(|client| {
        let plan = plan(&ANNOUNCED, client, ANNOUNCED_SQL, &[])?;
        for row in client.select(plan, Some(1), &[])? {
            if let (Some(sources), Some(listeners), Some(always)) = (
                row.get::<pg_sys::Oid>(1)?,
                row.get::<pg_sys::Oid>(2)?,
                row.get::<bool>(3)?,
            ) {
                return Ok(Some(Announced {
                    sources,
                    listeners,
                    always,
                }));
            }
        }
        Ok(None)
    })?;
    if let Some(announced) = announced {
        asking.keep_announced(announced);
    }
    Ok(())
}

fn source_of(table: pg_sys::Oid, is_leaf: bool) -> Result<Option<Source>, Refusal> {
    let (cell, text) = if is_leaf {
        (&SOURCE_OF_LEAF, SOURCE_OF_LEAF_SQL)
    } else {
        (&SOURCE, SOURCE_SQL)
    };
    by_what_is_newest(|client| {
        // SAFETY: the oid of a table, as a regclass.
        let table = unsafe { DatumWithOid::new(table, pg_sys::REGCLASSOID) };
        let plan = plan(cell, client, text, &[PgBuiltInOids::REGCLASSOID.oid()])?;
        for row in client.select(plan, Some(1), &[table])? {
            if let (Some(name), Some(owner_column), by_path, has_listeners) = (
                row.get::<String>(1)?,
                row.get::<String>(2)?,
                row.get::<bool>(3)?,
                row.get::<bool>(4)?,
            ) {
                return Ok(Some(Source {
                    name,
                    owner_column,
                    by_path: by_path.unwrap_or(false),
                    has_listeners: has_listeners.unwrap_or(true),
                }));
            }
        }
        Ok(None)
    })
}
