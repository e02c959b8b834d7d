//! The partitions of `public.automation_executions`: which ids each holds, and whether rows can be put into it without a query,
//! by whoever has looked at all that its triggers and references would look at. Looked at once, and again when one of them is
//! altered.
//!
//! What `install()` gives the table is known: `fill_execution()` gives a row what it lacks, `queue_execution()` queues one that is
//! pending, the references ask whether automation, lead and conversation are there. A row that has ended, lacks nothing, and whose
//! references the transaction holds already needs none of them. Whatever else somebody has added, a trigger, a reference, a rule,
//! a constraint, a default, a column that is computed, is not known here, and a query does it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::{PgTupleDesc, pg_sys};
use uuid::Uuid;

use super::altered::{self, HISTORY, Known, is_altered};
use super::plain::{Plain, Reference, bytes_of, is_heap};
use super::{Column, lock, opened, places, uuid};
use crate::catalogue::{function, table};

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
    /// The tables whose rows its leads have to be.
    pub leads: Vec<pg_sys::Oid>,
    /// The same of conversations.
    pub conversations: Vec<pg_sys::Oid>,
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

/// A partition that has been looked at; none where only a query can put rows into it.
type Looked = Option<Rc<Leaf>>;

/// All of them, in the order of the ids that they hold.
#[derive(Debug)]
pub struct History {
    root: pg_sys::Oid,
    /// From which id on a partition holds them; none: none does.
    from: Vec<(Option<Uuid>, Option<pg_sys::Oid>)>,
    /// Those that have been looked at.
    leaves: RefCell<HashMap<pg_sys::Oid, Looked>>,
}

impl History {
    /// Where an execution with this id belongs, locked; none where only a query can put it there, or somebody else has locked
    /// it.
    #[must_use]
    pub fn leaf_for(&self, id: Uuid) -> Looked {
        let after = self
            .from
            .partition_point(|(from, _)| from.is_none_or(|from| from <= id));
        let table = self.from.get(after.checked_sub(1)?)?.1?;
        if !lock(table) || is_altered(&HISTORY) {
            return None;
        }
        if let Some(leaf) = self.leaves.borrow().get(&table) {
            return leaf.clone();
        }
        // SAFETY: both tables are locked.
        let leaf = unsafe { look(self.root, table) }.map(Rc::new);
        self.leaves.borrow_mut().insert(table, leaf.clone());
        leaf
    }
}

thread_local! {
    static KNOWN: Known<History> = const { RefCell::new(None) };
}

/// The partitions, with a lock on the table that was not waited for; none where that cannot be had.
#[must_use]
pub fn locked() -> Option<Rc<History>> {
    let find_out = || Ok::<_, Infallible>(find_out().map(|history| Some(Rc::new(history))));
    let found = altered::locked(&HISTORY, &KNOWN, find_out, |history| history.root).unwrap_or_default();
    found.filter(|history| {
        let relation = opened(history.root, &[pg_sys::ACL_INSERT]);
        // SAFETY: it was opened to be asked for rights only.
        let close = |relation| unsafe { pg_sys::table_close(relation, pg_sys::NoLock as i32) };
        relation.map(close).is_some()
    })
}

/// Which partitions there are; nothing while somebody keeps the table locked, or if there is no such table.
fn find_out() -> Option<History> {
    let root = table(c"public", c"automation_executions").filter(|root| lock(*root))?;
    // SAFETY: the table is locked before it is opened.
    unsafe {
        HISTORY.with(|watch| watch.begin(vec![root]));
        let relation = pg_sys::try_table_open(root, pg_sys::NoLock as i32);
        if relation.is_null() {
            return None;
        }
        let parts = described(relation).map(|described| (tables(described), parts(described)));
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
        let (tables, from) = parts?;
        HISTORY.with(|watch| watch.also(tables));
        Some(History {
            root,
            from,
            leaves: RefCell::default(),
        })
    }
}

/// What the relation cache knows of a table's partitions; none if they are not ranges of its id.
unsafe fn described<'r>(relation: pg_sys::Relation) -> Option<&'r pg_sys::PartitionDescData> {
    // SAFETY: an open table.
    unsafe {
        if (*(*relation).rd_rel).relkind as u8 != pg_sys::RELKIND_PARTITIONED_TABLE {
            return None;
        }
        let table = pg_sys::Datum::from((*relation).rd_id);
        let key = pgrx::direct_function_call_as_datum(pg_sys::pg_get_partkeydef, &[Some(table)])?;
        let description = PgTupleDesc::from_pg_unchecked((*relation).rd_att);
        let is_by_id =
            bytes_of(key) == b"RANGE (id)" && places(&description, &[(c"id", pg_sys::UUIDOID)]).is_some();
        let described = pg_sys::RelationGetPartitionDesc(relation, true);
        let is_known = is_by_id && !(*described).boundinfo.is_null() && !(*described).detached_exist;
        is_known.then(|| &*described)
    }
}

/// What a partition is like; none where only a query can put rows into it.
unsafe fn look(root: pg_sys::Oid, table: pg_sys::Oid) -> Option<Leaf> {
    // SAFETY: both are locked.
    unsafe {
        let opened = [root, table].map(|table| pg_sys::table_open(table, pg_sys::NoLock as i32));
        let plain = opened.map(|relation| Plain::of(relation));
        let leaf = match &plain {
            [Some(root), Some(leaf)] if is_heap(opened[1]) => {
                let are_usual = is_usual(opened[0], root) && is_usual(opened[1], leaf);
                are_usual.then(|| read(opened[1], leaf)).flatten()
            }
            _ => None,
        };
        for relation in opened {
            pg_sys::table_close(relation, pg_sys::NoLock as i32);
        }
        leaf
    }
}

/// Whether a row that is complete, and whose references are held, needs nothing but to be stored and indexed: nothing has been
/// added to what `install()` makes.
unsafe fn is_usual(relation: pg_sys::Relation, plain: &Plain) -> bool {
    // SAFETY: an open table, which is locked.
    let description = unsafe { PgTupleDesc::from_pg_unchecked((*relation).rd_att) };
    let name_of = |number: i16| {
        let column = description.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
        // SAFETY: a name ends with zero.
        Some(unsafe { CStr::from_ptr(column.attname.data.as_ptr()) }.to_owned())
    };
    let is_known = |reference: &Reference| {
        let column = name_of(reference.column);
        let [automation, lead, conversation] =
            [c"automation_id", c"lead_id", c"conversation_id"].map(|name| column.as_deref() == Some(name));
        reference.refers_to == "id"
            && (lead
                || conversation
                || automation && Some(reference.table) == table(c"public", c"automations"))
    };
    let columns_are_filled = description
        .iter()
        .filter(|column| !column.attisdropped)
        .all(|column| {
            // SAFETY: a name ends with zero.
            let name = unsafe { CStr::from_ptr(column.attname.data.as_ptr()) };
            match FILLED.iter().position(|(filled, _)| *filled == name) {
                Some(place) => place < MAYBE_NULL || !column.attnotnull,
                // a domain may have a default of its own, or allow no null, and so may a type
                // SAFETY: look-ups in the catalogue.
                None => unsafe {
                    !column.attnotnull
                        && !column.atthasdef
                        && pg_sys::get_typtype(column.atttypid) as u8 != pg_sys::TYPTYPE_DOMAIN
                        && pg_sys::get_typdefault(column.atttypid).is_null()
                },
            }
        });
    let ours = [c"fill_execution", c"queue_execution"].map(|name| {
        // SAFETY: a row of pg_proc, which is pinned.
        function(name, &[], |entry| unsafe {
            (*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_proc>(entry)).oid
        })
    });
    let triggers_are_known = plain
        .triggers
        .iter()
        .filter(|trigger| trigger.hears_inserts)
        .all(|trigger| {
            let keeps = |constraint| plain.references.iter().any(|key| key.constraint == constraint);
            trigger.constraint.is_some_and(keeps) || ours.contains(&Some(trigger.function))
        });
    columns_are_filled
        && triggers_are_known
        && !plain.has_long_references
        && plain.references.iter().all(is_known)
        && !plain.restricted.iter().any(|command| b"*a".contains(command))
        && plain.checks.iter().all(|check| check == STATUS_CHECK)
}

/// What the CHECK of `install()` says of the state of an execution.
const STATUS_CHECK: &str = "(status = ANY (ARRAY['pending'::text, 'running'::text, 'waiting'::text, 'completed'::text, \
     'failed'::text, 'cancelled'::text]))";

unsafe fn read(relation: pg_sys::Relation, plain: &Plain) -> Option<Leaf> {
    // SAFETY: an open table, which is locked.
    let filled = unsafe {
        let description = PgTupleDesc::from_pg_unchecked((*relation).rd_att);
        places(&description, &FILLED)?
    };
    let refers = |name: &CStr| {
        let place = FILLED.iter().position(|(filled, _)| *filled == name);
        let column = place.and_then(|place| i16::try_from(filled[place] + 1).ok());
        let references = plain
            .references
            .iter()
            .filter(|reference| Some(reference.column) == column);
        references.map(|reference| reference.table).collect()
    };
    let indexes = plain
        .indexes
        .iter()
        .map(|index| (index.index, indexed(&index.predicate)));
    Some(Leaf {
        table: plain.table,
        columns: plain.columns,
        filled,
        indexes: indexes.collect(),
        leads: refers(c"lead_id"),
        conversations: refers(c"conversation_id"),
    })
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

fn indexed(predicate: &str) -> Indexed {
    match predicate {
        "(lead_id IS NOT NULL)" => Indexed::Lead,
        "(conversation_id IS NOT NULL)" => Indexed::Conversation,
        "(retry_of IS NOT NULL)"
        | "(status = ANY (ARRAY['pending'::text, 'running'::text, 'waiting'::text]))" => Indexed::Never,
        _ => Indexed::Ask,
    }
}
