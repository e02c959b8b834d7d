//! Queue rows without a query: parsing, planning and starting an INSERT of one row costs several times what storing it
//! does. Only where the queue is as `install()` makes it ([`shape`]); else, and where somebody holds a lock on it, the
//! query of [`super::write`] does it.
//!
//! No right is asked for: capture writes as the owner of the tables in any case. The role is changed only where a CHECK
//! is looked at, which may hold what the owner of the queue has written.

use std::ffi::CString;
use std::rc::Rc;

use pgrx::{IntoDatum, PgMemoryContexts, pg_sys};
use uuid::Uuid;

use super::provenance::Provenance;
use super::shape::{self, FILLED, Indexed, Shape};
use super::write::Match;
use crate::acting::{as_role, table_owner};
use crate::ids::new_id;
use crate::refusal::Refusal;

/// So many rows are stored together: as many as a page or a few hold, with one record of the log for each page.
const TOGETHER: usize = 64;

/// Queues the matches; false where it has to be done by a query.
///
/// # Errors
/// Data that jsonb refuses; what Postgres raises is for whoever contains it.
pub fn queued(matches: &[&Match], provenance: Provenance) -> Result<bool, Refusal> {
    // SAFETY: reads a variable of this transaction: only temporary tables may be written to in it.
    if unsafe { pg_sys::XactReadOnly } {
        return Ok(false);
    }
    let Some(shape) = locked()? else {
        return Ok(false);
    };
    let mut context = PgMemoryContexts::new("automations capture: queue rows");
    // SAFETY: nothing that is made in the context is used after it.
    unsafe { context.switch_to(|_| store(&shape, matches, provenance)) }?;
    Ok(true)
}

/// The shape of the queue, with a lock on it that was not waited for.
fn locked() -> Result<Option<Rc<Shape>>, Refusal> {
    // Somebody may have altered it before the lock was there; twice in a row is left to the query.
    for _ in 0..2 {
        let Some(shape) = shape::of_the_queue()? else {
            return Ok(None);
        };
        // SAFETY: the oid of a table, which may have gone: then its shape is not true any more.
        if !unsafe { pg_sys::ConditionalLockRelationOid(shape.queue, pg_sys::RowExclusiveLock as i32) } {
            return Ok(None);
        }
        if shape::is_still_true() {
            return Ok(Some(shape));
        }
    }
    Ok(None)
}

unsafe fn store(shape: &Shape, matches: &[&Match], provenance: Provenance) -> Result<(), Refusal> {
    let owner = table_owner()?;
    // SAFETY: the table is locked. The order is that of the executor's INSERT: constraints, heap, indexes.
    unsafe {
        let relation = pg_sys::table_open(shape.queue, pg_sys::NoLock as i32);
        let estate = pg_sys::CreateExecutorState();
        let target = pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast::<pg_sys::ResultRelInfo>();
        pg_sys::InitResultRelInfo(target, relation, 0, std::ptr::null_mut(), 0);
        open_indexes(target, shape, matches);
        let count = matches.len().min(TOGETHER);
        let mut slots: Vec<*mut pg_sys::TupleTableSlot> = (0..count)
            .map(|_| pg_sys::table_slot_create(relation, std::ptr::null_mut()))
            .collect();
        let done = matches.chunks(TOGETHER).try_for_each(|some| {
            for (slot, one) in slots.iter().zip(some) {
                fill(*slot, shape, one, provenance)?;
                if !(*(*relation).rd_att).constr.is_null() && !shape.keeps_constraints.get() {
                    as_role(owner, &[], || {
                        pg_sys::ExecConstraints(target, *slot, estate);
                        Ok(())
                    })?;
                    shape.keeps_constraints.set(shape.constrained_alike);
                }
            }
            let slots = &mut slots[..some.len()];
            insert(relation, slots);
            for slot in slots {
                index(target, *slot, estate);
            }
            Ok(())
        });
        for slot in slots {
            pg_sys::ExecDropSingleTupleTableSlot(slot);
        }
        pg_sys::ExecCloseIndices(target);
        pg_sys::FreeExecutorState(estate);
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
        done
    }
}

/// As ExecOpenIndices() of Postgres, without the indexes that none of the rows is in.
unsafe fn open_indexes(target: *mut pg_sys::ResultRelInfo, shape: &Shape, matches: &[&Match]) {
    let wanted = |indexed: Indexed| match indexed {
        Indexed::Ask => true,
        Indexed::Priority => matches.iter().any(|one| one.priority != 0),
        Indexed::Record => matches.iter().any(|one| one.record.is_some()),
        Indexed::Never => false,
    };
    // SAFETY: arrays as long as they are said to be, in the memory context of all of it; ExecCloseIndices() closes.
    unsafe {
        let many = shape.indexes.len().max(1);
        let relations = pg_sys::palloc0(many * size_of::<pg_sys::Relation>()).cast::<pg_sys::Relation>();
        let infos =
            pg_sys::palloc0(many * size_of::<*mut pg_sys::IndexInfo>()).cast::<*mut pg_sys::IndexInfo>();
        let mut count = 0;
        for (index, _) in shape.indexes.iter().filter(|(_, indexed)| wanted(*indexed)) {
            let relation = pg_sys::index_open(*index, pg_sys::RowExclusiveLock as i32);
            *relations.add(count) = relation;
            *infos.add(count) = pg_sys::BuildIndexInfo(relation);
            count += 1;
        }
        (*target).ri_NumIndices = i32::try_from(count).unwrap_or(0);
        (*target).ri_IndexRelationDescs = relations;
        (*target).ri_IndexRelationInfo = infos;
    }
}

unsafe fn insert(relation: pg_sys::Relation, slots: &mut [*mut pg_sys::TupleTableSlot]) {
    // SAFETY: filled slots of this table.
    unsafe {
        let command = pg_sys::GetCurrentCommandId(true);
        if let [slot] = slots {
            pg_sys::table_tuple_insert(relation, *slot, command, 0, std::ptr::null_mut());
            return;
        }
        let count = i32::try_from(slots.len()).unwrap_or(0);
        pg_sys::table_multi_insert(
            relation,
            slots.as_mut_ptr(),
            count,
            command,
            0,
            std::ptr::null_mut(),
        );
    }
}

unsafe fn index(
    target: *mut pg_sys::ResultRelInfo,
    slot: *mut pg_sys::TupleTableSlot,
    estate: *mut pg_sys::EState,
) {
    let none = std::ptr::null_mut();
    // SAFETY: a row that was just stored.
    unsafe {
        #[cfg(any(feature = "pg14", feature = "pg15"))]
        pg_sys::ExecInsertIndexTuples(target, slot, estate, false, false, std::ptr::null_mut(), none);
        #[cfg(not(any(feature = "pg14", feature = "pg15")))]
        pg_sys::ExecInsertIndexTuples(
            target,
            slot,
            estate,
            false,
            false,
            std::ptr::null_mut(),
            none,
            false,
        );
        // one expression context serves all rows
        let context = (*estate).es_per_tuple_exprcontext;
        if !context.is_null() {
            pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
        }
    }
}

unsafe fn fill(
    slot: *mut pg_sys::TupleTableSlot,
    shape: &Shape,
    one: &Match,
    provenance: Provenance,
) -> Result<(), Refusal> {
    let uuid = |id: Option<Uuid>| id.and_then(|id| pgrx::Uuid::from_bytes(*id.as_bytes()).into_datum());
    // SAFETY: reads a variable of this transaction.
    let began = unsafe { pg_sys::GetCurrentTransactionStartTimestamp() };
    let values: [Option<pg_sys::Datum>; FILLED.len()] = [
        uuid(Some(one.account)),
        uuid(Some(new_id())),
        uuid(one.automation),
        one.version.into_datum(),
        "event".into_datum(),
        provenance.depth.into_datum(),
        began.into_datum(),
        one.priority.into_datum(),
        one.data.as_deref().map(jsonb).transpose()?.flatten(),
        uuid(one.lead),
        uuid(one.conversation),
        uuid(provenance.caused_by),
        one.record.as_deref().and_then(IntoDatum::into_datum),
    ];
    // SAFETY: a slot of the table whose shape this is; the values live as long as the memory context of all of it.
    unsafe {
        pg_sys::ExecClearTuple(slot);
        let set = |index: usize, value: Option<pg_sys::Datum>| {
            *(*slot).tts_values.add(index) = value.unwrap_or(pg_sys::Datum::null());
            *(*slot).tts_isnull.add(index) = value.is_none();
        };
        for (index, value) in shape.unfilled.iter().enumerate() {
            set(index, *value);
        }
        for (index, value) in shape.filled.iter().zip(values) {
            set(*index, value);
        }
        pg_sys::ExecStoreVirtualTuple(slot);
    }
    Ok(())
}

fn jsonb(text: &str) -> Result<Option<pg_sys::Datum>, Refusal> {
    Ok(crate::jsonb::datum_of(&CString::new(text)?))
}
