//! The partitions of `public.automation_executions`: which ids each holds, and whether rows can be put into it without a query,
//! by whoever has looked at all that its triggers and references would look at. Looked at once, and again when one of them is
//! altered.
//!
//! What `install()` gives the table is known: `fill_execution()` gives a row what it lacks, `queue_execution()` queues one that is
//! pending, the references ask whether automation, lead and conversation are there. A row that has ended, lacks nothing, and whose
//! references the transaction holds already needs none of them. Whatever else somebody has added, a trigger, a reference, a rule,
//! a constraint, a default, a column that is computed, is not known here, and a query does it.

use std::cell::RefCell;
use std::rc::Rc;

use pgrx::{PgTupleDesc, pg_sys};
use uuid::Uuid;

use super::altered::{HISTORY, is_altered, was_altered};
use super::{Column, lock, places, uuid};
use crate::newest::{self, by_what_is_newest};
use crate::refusal::Refusal;

/// The columns that are filled, and their types; from [`MAYBE_NULL`] on there may be nothing for them.
pub const FILLED: [Column; 22] = [
    (c"id", pg_sys::UUIDOID),
    (c"automation_id", pg_sys::UUIDOID),
    (c"account_id", pg_sys::UUIDOID),
    (c"version", pg_sys::INT4OID),
    (c"trigger_type", pg_sys::TEXTOID),
    (c"status", pg_sys::TEXTOID),
    (c"started_at", pg_sys::TIMESTAMPTZOID),
    (c"test_mode", pg_sys::BOOLOID),
    (c"depth", pg_sys::INT2OID),
    (c"variables", pg_sys::JSONBOID),
    (c"nodes_executed", pg_sys::JSONBOID),
    (c"completed_at", pg_sys::TIMESTAMPTZOID),
    (c"duration_ms", pg_sys::INT4OID),
    (c"trigger_data", pg_sys::JSONBOID),
    (c"lead_id", pg_sys::UUIDOID),
    (c"conversation_id", pg_sys::UUIDOID),
    (c"caused_by", pg_sys::UUIDOID),
    (c"error", pg_sys::TEXTOID),
    (c"error_code", pg_sys::TEXTOID),
    (c"error_node_id", pg_sys::TEXTOID),
    (c"output", pg_sys::JSONBOID),
    (c"steps", pg_sys::JSONBOID),
];
const MAYBE_NULL: usize = 13;

/// A partition.
#[derive(Debug)]
pub struct Leaf {
    /// Its oid.
    pub table: pg_sys::Oid,
    /// How many columns it has, with those that were dropped.
    pub columns: usize,
    /// Where each of [`FILLED`] stands, from 0.
    pub filled: [usize; FILLED.len()],
    /// Its indexes, and which rows are in them.
    pub indexes: Vec<(pg_sys::Oid, Indexed)>,
}

/// Which rows an index holds. The predicates of `install()` are known by what they say, so that an index that a row is
/// not in need not even be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexed {
    /// All, or those that its predicate chooses.
    Ask,
    /// Those with a lead.
    Lead,
    /// Those with a conversation.
    Conversation,
    /// None that has ended and is nobody's retry.
    Never,
}

/// All of them, in the order of the ids that they hold.
#[derive(Debug, Default)]
pub struct History {
    root: pg_sys::Oid,
    /// From which id on a partition holds them; none: nothing without a query is known for these.
    from: Vec<(Option<Uuid>, Option<Rc<Leaf>>)>,
}

impl History {
    /// Where an execution with this id belongs; none where only a query can put it there.
    #[must_use]
    pub fn leaf_of(&self, id: Uuid) -> Option<&Rc<Leaf>> {
        let after = self
            .from
            .partition_point(|(from, _)| from.is_none_or(|from| from <= id));
        self.from.get(after.checked_sub(1)?)?.1.as_ref()
    }
}

/// The partitions whose rows need nothing but to be stored and indexed once they are complete.
const PLAIN_SQL: &str = "
    WITH root AS (
        SELECT c.oid,
               ARRAY(SELECT k.oid
                       FROM pg_constraint k
                       JOIN pg_inherits i ON i.inhparent = c.oid
                       JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
                       JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
                      WHERE k.conrelid IN (c.oid, i.inhrelid) AND k.contype = 'f' AND cardinality(k.conkey) = 1
                        AND b.attname = 'id' AND b.atttypid = 'uuid'::regtype
                        AND k.confrelid = CASE a.attname
                            WHEN 'automation_id' THEN to_regclass('public.automations')
                            WHEN 'lead_id' THEN (SELECT (s.value #>> '{}')::regclass FROM automations.settings s
                                                  WHERE s.name = 'leads')
                            WHEN 'conversation_id' THEN (SELECT (s.value #>> '{}')::regclass FROM automations.settings s
                                                          WHERE s.name = 'conversations') END) AS known
          FROM pg_class c
          JOIN pg_partitioned_table p ON p.partrelid = c.oid AND p.partstrat = 'r' AND p.partnatts = 1
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attname = 'id'
                                AND a.atttypid = 'uuid'::regtype
         WHERE c.oid = to_regclass('public.automation_executions')
           AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid AND i.inhdetachpending)
    )
    SELECT l.oid,
           ARRAY(SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = l.oid AND i.indislive ORDER BY 1),
           ARRAY(SELECT coalesce(pg_get_expr(i.indpred, i.indrelid), '')
                   FROM pg_index i WHERE i.indrelid = l.oid AND i.indislive ORDER BY i.indexrelid)
      FROM root r
      JOIN pg_inherits h ON h.inhparent = r.oid
      JOIN pg_class l ON l.oid = h.inhrelid AND l.relkind = 'r'
      JOIN pg_am m ON m.oid = l.relam AND m.amname = 'heap'
     WHERE NOT EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class IN (r.oid, l.oid))
       AND NOT EXISTS (SELECT FROM pg_attribute a
                        WHERE a.attrelid IN (r.oid, l.oid) AND NOT a.attisdropped AND a.attnum > 0
                          AND (a.attgenerated <> '' OR a.attidentity <> ''
                               OR (a.atthasdef OR a.attnotnull) AND a.attname <> ALL ($1)
                               OR a.attnotnull AND a.attname = ANY ($2)))
       AND NOT EXISTS (SELECT FROM pg_constraint k
                        WHERE k.conrelid IN (r.oid, l.oid) AND k.oid <> ALL (r.known)
                          AND (k.contype IN ('f', 'x')
                               OR k.contype = 'c' AND pg_get_constraintdef(k.oid) <>
                                  'CHECK ((status = ANY (ARRAY[''pending''::text, ''running''::text, ''waiting''::text, '
                                  '''completed''::text, ''failed''::text, ''cancelled''::text])))'))
       AND NOT EXISTS (SELECT FROM pg_trigger t
                        WHERE t.tgrelid IN (r.oid, l.oid) AND t.tgtype & 4 <> 0 AND t.tgenabled <> 'D'
                          AND t.tgfoid NOT IN (coalesce(to_regproc('automations.fill_execution'), 0),
                                               coalesce(to_regproc('automations.queue_execution'), 0))
                          AND NOT (t.tgisinternal AND t.tgconstraint = ANY (r.known)))";

thread_local! {
    static KNOWN: RefCell<Option<Rc<History>>> = const { RefCell::new(None) };
}

/// The partitions, with a lock on the table that was not waited for; none where that cannot be had. Each partition is locked
/// by whoever writes to it ([`lock_leaf`]).
///
/// # Errors
/// Somebody holds a lock on the catalogue.
pub fn locked() -> Result<Option<Rc<History>>, Refusal> {
    // Somebody may have altered one before the lock was there; twice in a row is left to the query.
    for _ in 0..2 {
        let Some(history) = history()? else {
            return Ok(None);
        };
        if !lock(history.root) {
            return Ok(None);
        }
        if !is_altered(&HISTORY) {
            return Ok(Some(history));
        }
    }
    Ok(None)
}

/// A lock on a partition that was not waited for, and it is still as it was when it was looked at.
#[must_use]
pub fn lock_leaf(leaf: &Leaf) -> bool {
    lock(leaf.table) && !is_altered(&HISTORY)
}

fn history() -> Result<Option<Rc<History>>, Refusal> {
    if was_altered(&HISTORY) {
        KNOWN.replace(None);
    }
    if let Some(known) = KNOWN.with_borrow(Clone::clone) {
        return Ok(Some(known));
    }
    if !newest::is_seen() {
        return Ok(None);
    }
    let Some(found) = find_out()?.map(Rc::new) else {
        return Ok(None);
    };
    if !is_altered(&HISTORY) {
        KNOWN.replace(Some(Rc::clone(&found)));
    }
    Ok(Some(found))
}

/// What the partitions are like; nothing while somebody keeps one of them locked, or if there is no such table.
fn find_out() -> Result<Option<History>, Refusal> {
    // SAFETY: look-ups in the catalogue.
    let root = unsafe {
        let schema = pg_sys::get_namespace_oid(c"public".as_ptr(), true);
        pg_sys::get_relname_relid(c"automation_executions".as_ptr(), schema)
    };
    if root == pg_sys::InvalidOid || !lock(root) {
        return Ok(None);
    }
    // SAFETY: the table is locked, and stays so.
    let tables = unsafe { described(root, |described| tables(described)) };
    HISTORY.with(|watch| watch.begin(tables.iter().copied().chain([root]).collect()));
    if !tables.iter().all(|table| lock(*table)) {
        return Ok(None);
    }
    let leaves = leaves()?;
    if leaves.is_empty() {
        return Ok(Some(History::default()));
    }
    // SAFETY: the table is locked, and the leaves say that it is partitioned by ranges of a uuid.
    let parts = unsafe { described(root, |described| parts(described)) };
    let of = |table: Option<pg_sys::Oid>| {
        let leaf = leaves.iter().find(|leaf| Some(leaf.table) == table)?;
        Some(Rc::clone(leaf))
    };
    let from = parts.into_iter().map(|(from, table)| (from, of(table))).collect();
    Ok(Some(History { root, from }))
}

/// Reads what the relation cache knows of a table's partitions.
unsafe fn described<R>(root: pg_sys::Oid, read: impl FnOnce(&pg_sys::PartitionDescData) -> Vec<R>) -> Vec<R> {
    // SAFETY: a locked table; what is not partitioned has no such description.
    unsafe {
        let relation = pg_sys::table_open(root, pg_sys::NoLock as i32);
        let found = if (*(*relation).rd_rel).relkind as u8 == pg_sys::RELKIND_PARTITIONED_TABLE {
            read(&*pg_sys::RelationGetPartitionDesc(relation, true))
        } else {
            Vec::new()
        };
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
        found
    }
}

unsafe fn tables(described: &pg_sys::PartitionDescData) -> Vec<pg_sys::Oid> {
    // SAFETY: there are so many of them.
    (0..usize::try_from(described.nparts).unwrap_or(0))
        .map(|index| unsafe { *described.oids.add(index) })
        .collect()
}

/// Which partition holds the ids from which one on, in their order.
unsafe fn parts(described: &pg_sys::PartitionDescData) -> Vec<(Option<Uuid>, Option<pg_sys::Oid>)> {
    // SAFETY: bounds of ranges of one uuid, as long as they say.
    unsafe {
        let bounds = &*described.boundinfo;
        let table = |index: i32| {
            let index = if index < 0 { bounds.default_index } else { index };
            let index = usize::try_from(index).ok()?;
            Some(*described.oids.add(index))
        };
        // indexes[i] is of what lies below datums[i], and there is one more of them
        let mut parts = vec![(None, table(*bounds.indexes))];
        for index in 0..usize::try_from(bounds.ndatums).unwrap_or(0) {
            let next = table(*bounds.indexes.add(index + 1));
            match **bounds.kind.add(index) {
                pg_sys::PartitionRangeDatumKind::PARTITION_RANGE_DATUM_MINVALUE => parts = vec![(None, next)],
                pg_sys::PartitionRangeDatumKind::PARTITION_RANGE_DATUM_VALUE => {
                    parts.push((Some(uuid(**bounds.datums.add(index))), next));
                }
                // nothing lies above it
                _ => {}
            }
        }
        parts
    }
}

/// The partitions that are plain, which are locked; by what is committed, because the snapshot of the statement may be
/// older than the last alteration.
fn leaves() -> Result<Vec<Rc<Leaf>>, Refusal> {
    let names = |columns: &[Column]| -> Vec<String> {
        let names = columns
            .iter()
            .map(|(name, _)| name.to_string_lossy().into_owned());
        names.collect()
    };
    let found = by_what_is_newest(|client| {
        let mut found = Vec::new();
        let arguments = [names(&FILLED).into(), names(&FILLED[MAYBE_NULL..]).into()];
        for row in client.select(PLAIN_SQL, None, &arguments)? {
            if let (Some(table), Some(indexes), Some(predicates)) = (
                row.get::<pg_sys::Oid>(1)?,
                row.get::<Vec<pg_sys::Oid>>(2)?,
                row.get::<Vec<String>>(3)?,
            ) {
                let indexed = predicates.iter().map(|predicate| indexed(predicate));
                found.push((table, indexes.into_iter().zip(indexed).collect::<Vec<_>>()));
            }
        }
        Ok(found)
    })?;
    let leaves = found.into_iter().filter_map(|(table, indexes)| {
        // SAFETY: the partition is locked.
        unsafe {
            let relation = pg_sys::table_open(table, pg_sys::NoLock as i32);
            let description = PgTupleDesc::from_pg_unchecked((*relation).rd_att);
            let leaf = places(&description, &FILLED).map(|filled| {
                Rc::new(Leaf {
                    table,
                    columns: description.len(),
                    filled,
                    indexes,
                })
            });
            pg_sys::table_close(relation, pg_sys::NoLock as i32);
            leaf
        }
    });
    Ok(leaves.collect())
}

fn indexed(predicate: &str) -> Indexed {
    match predicate {
        "(lead_id IS NOT NULL)" => Indexed::Lead,
        "(conversation_id IS NOT NULL)" => Indexed::Conversation,
        "(retry_of IS NOT NULL)"
        | "(status = ANY (ARRAY['pending'::text, 'running'::text, 'waiting'::text]))" => Indexed::Never,
        _ => Indexed::Ask,
    }
}
