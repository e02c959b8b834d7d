//! The shape of `automations.queue`: where each column stands, what the others hold, and whether it is as `install()`
//! makes it, so that rows can be put into it without a query. Looked at once, and again when the table is altered.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::{PgTupleDesc, pg_sys};

use super::altered::{self, Known, QUEUE};
use super::{Column, lock};
use crate::catalogue::table;
use crate::newest::{self, by_what_is_newest};
use crate::patience::quickly;
use crate::refusal::Refusal;

/// The columns that capture fills, and their types; from [`MAYBE_NULL`] on it may have nothing for them.
pub const FILLED: [Column; 13] = [
    (c"account_id", pg_sys::UUIDOID),
    (c"id", pg_sys::UUIDOID),
    (c"automation_id", pg_sys::UUIDOID),
    (c"version", pg_sys::INT4OID),
    (c"trigger_type", pg_sys::TEXTOID),
    (c"depth", pg_sys::INT2OID),
    (c"occurred_at", pg_sys::TIMESTAMPTZOID),
    (c"priority", pg_sys::INT2OID),
    (c"trigger_data", pg_sys::JSONBOID),
    (c"lead_id", pg_sys::UUIDOID),
    (c"conversation_id", pg_sys::UUIDOID),
    (c"caused_by", pg_sys::UUIDOID),
    (c"record", pg_sys::TEXTOID),
];
const MAYBE_NULL: usize = 8;

/// The queue as it is.
pub struct Shape {
    /// Its oid.
    pub queue: pg_sys::Oid,
    /// For each column what a row holds where nobody fills it: a constant, or null.
    pub unfilled: Vec<Option<pg_sys::Datum>>,
    /// Where each of [`FILLED`] stands, from 0.
    pub filled: [usize; FILLED.len()],
    /// Rows are of tests unless it is said otherwise.
    tested: bool,
    /// Its indexes, and which rows are in them.
    pub indexes: Vec<(pg_sys::Oid, Indexed)>,
    /// What constraints say of a row depends on no column that capture fills: it is the same for all of them.
    pub constrained_alike: bool,
    /// A row has been found to keep the constraints.
    pub keeps_constraints: Cell<bool>,
}

/// Which rows an index holds. The predicates of `install()` are known by what they say, so that an index that a row is
/// not in need not even be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexed {
    /// All, or those that its predicate chooses.
    Ask,
    /// Those with a priority.
    Priority,
    /// Those with a record.
    Record,
    /// None that capture makes.
    Never,
}

/// A table whose rows need nothing but to be stored and indexed: no trigger, no rule, no generated column, and nothing
/// but built-in functions in its defaults, constraints and indexes. (Those of constraints run as the owner all the same: a built-in
/// one may run a query that somebody wrote. An index has immutable ones only.)
const PLAIN_SQL: &str = "
    SELECT c.oid,
           NOT EXISTS (SELECT FROM pg_constraint k
                        WHERE k.conrelid = c.oid AND k.contype = 'c'
                          AND (k.conkey IS NULL OR EXISTS (
                               SELECT FROM unnest(k.conkey) n
                                 LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n AND n > 0
                                WHERE a.attname IS NULL OR a.attname = ANY ($1)))),
           ARRAY(SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid AND i.indislive ORDER BY 1),
           ARRAY(SELECT coalesce(pg_get_expr(i.indpred, i.indrelid), '')
                   FROM pg_index i WHERE i.indrelid = c.oid AND i.indislive ORDER BY i.indexrelid)
      FROM pg_class c
      JOIN pg_am m ON m.oid = c.relam AND m.amname = 'heap'
     WHERE c.oid = to_regclass('automations.queue') AND c.relkind = 'r' AND c.relpersistence <> 't'
       AND NOT c.relispartition
       AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid)
       AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid)
       AND NOT EXISTS (SELECT FROM pg_attribute a
                        WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attnum > 0
                          AND (a.attgenerated <> '' OR a.attidentity <> ''))
       AND NOT EXISTS (
           SELECT FROM pg_attrdef f
             JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attname <> ALL ($1)
             JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
                             AND d.refclassid = 'pg_proc'::regclass
            WHERE f.adrelid = c.oid)
       AND NOT EXISTS (
           SELECT FROM pg_depend d
            WHERE d.refclassid NOT IN ('pg_class'::regclass, 'pg_constraint'::regclass)
              AND ((d.classid = 'pg_constraint'::regclass
                    AND d.objid IN (SELECT k.oid FROM pg_constraint k WHERE k.conrelid = c.oid))
                   OR (d.classid = 'pg_class'::regclass
                       AND d.objid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid))))";

thread_local! {
    static KNOWN: Known<Shape> = const { RefCell::new(None) };
}

/// The shape of the queue, with a lock on it that was not waited for; none where only a query can write to it.
///
/// # Errors
/// Somebody holds a lock on the catalogue.
pub fn locked() -> Result<Option<Rc<Shape>>, Refusal> {
    altered::locked(&QUEUE, &KNOWN, find_out, |shape| shape.queue)
}

/// What the queue is like; nothing while somebody keeps it locked, or this transaction does not see what was committed last.
fn find_out() -> Result<Option<Option<Rc<Shape>>>, Refusal> {
    if !newest::is_seen() {
        return Ok(None);
    }
    let Some(queue) = table(c"automations", c"queue") else {
        return Ok(Some(None));
    };
    QUEUE.with(|watch| watch.begin(vec![queue]));
    if !lock(queue) {
        return Ok(None);
    }
    let names: Vec<String> = FILLED
        .iter()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .collect();
    // by what is committed: the snapshot of the statement may be older than the last alteration
    let plain = by_what_is_newest(|client| {
        for row in client.select(PLAIN_SQL, Some(1), &[names.into()])? {
            if let (Some(oid), Some(alike), Some(indexes), Some(predicates)) = (
                row.get::<pg_sys::Oid>(1)?,
                row.get::<bool>(2)?,
                row.get::<Vec<pg_sys::Oid>>(3)?,
                row.get::<Vec<String>>(4)?,
            ) {
                return Ok((oid == queue).then_some((alike, indexes, predicates)));
            }
        }
        Ok(None)
    })?;
    let Some((alike, indexes, predicates)) = plain else {
        return Ok(Some(None));
    };
    // defaults may call functions: as the owner of the queue, as in an INSERT of ours
    let shape = quickly(|| {
        // SAFETY: the lock is there.
        unsafe {
            let relation = pg_sys::table_open(queue, pg_sys::NoLock as i32);
            let shape = is_as_listed(relation, &indexes).then(|| read(relation)).flatten();
            pg_sys::table_close(relation, pg_sys::NoLock as i32);
            Ok(shape)
        }
    })?;
    Ok(Some(shape.map(|mut shape| {
        shape.constrained_alike &= alike;
        let tested = shape.tested;
        let indexed = predicates.iter().map(|predicate| indexed(predicate, tested));
        shape.indexes = indexes.into_iter().zip(indexed).collect();
        Rc::new(shape)
    })))
}

/// Whether an open table has these indexes, and neither trigger nor rule: by the relation cache, which is as new as the
/// lock, whatever a snapshot shows.
unsafe fn is_as_listed(relation: pg_sys::Relation, indexes: &[pg_sys::Oid]) -> bool {
    // SAFETY: an open relation; the list is a copy, in the memory of this call, sorted by oid.
    unsafe {
        let listed = pgrx::PgList::<pg_sys::Oid>::from_pg(pg_sys::RelationGetIndexList(relation));
        (*relation).rd_rules.is_null()
            && (*relation).trigdesc.is_null()
            && listed.iter_oid().eq(indexes.iter().copied())
    }
}

fn indexed(predicate: &str, tested: bool) -> Indexed {
    match predicate {
        "(priority <> 0)" => Indexed::Priority,
        "(record IS NOT NULL)" => Indexed::Record,
        "test_mode" if !tested => Indexed::Never,
        _ => Indexed::Ask,
    }
}

/// Reads the columns of an open table; none where one is missing, of another type, or has a default that is computed.
unsafe fn read(relation: pg_sys::Relation) -> Option<Shape> {
    // SAFETY: the description outlives this borrow; nothing is released.
    let (queue, description) = unsafe {
        (
            (*relation).rd_id,
            PgTupleDesc::from_pg_unchecked((*relation).rd_att),
        )
    };
    let mut unfilled = Vec::new();
    let mut filled = [None; FILLED.len()];
    let (mut alike, mut tested) = (true, true);
    for (index, attribute) in description.iter().enumerate() {
        let mut value = None;
        if !attribute.attisdropped {
            // SAFETY: a name ends with zero.
            let name = unsafe { CStr::from_ptr(attribute.attname.data.as_ptr()) };
            match FILLED.iter().position(|(column, _)| *column == name) {
                Some(place) if FILLED[place].1 == attribute.atttypid => {
                    filled[place] = Some(index);
                    alike &= place < MAYBE_NULL || !attribute.attnotnull;
                }
                Some(_) => return None,
                // SAFETY: a column of an open table.
                None if attribute.atthasdef => {
                    let constant = unsafe { constant(relation, attribute.attnum)? };
                    value = Some(constant);
                    if name == c"test_mode" {
                        tested = constant.value() != 0;
                    }
                }
                None if attribute.attnotnull => return None,
                None => {}
            }
        }
        unfilled.push(value);
    }
    let filled: Option<Vec<usize>> = filled.into_iter().collect();
    Some(Shape {
        queue,
        unfilled,
        filled: filled?.try_into().ok()?,
        tested,
        indexes: Vec::new(),
        constrained_alike: alike,
        keeps_constraints: Cell::new(false),
    })
}

/// The default of a column where it is a constant that fits a datum.
unsafe fn constant(relation: pg_sys::Relation, number: i16) -> Option<pg_sys::Datum> {
    // SAFETY: as the planner does it with an INSERT that leaves the column out.
    unsafe {
        let default = pg_sys::build_column_default(relation, i32::from(number));
        let default = pg_sys::eval_const_expressions(std::ptr::null_mut(), default);
        if default.is_null() || (*default).type_ != pg_sys::NodeTag::T_Const {
            return None;
        }
        let default = default.cast::<pg_sys::Const>();
        ((*default).constbyval && !(*default).constisnull).then(|| (*default).constvalue)
    }
}
