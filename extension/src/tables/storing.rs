//! Rows into a table and its indexes, in the order of the executor's INSERT. The table is locked, and nothing else is to be
//! done for its rows: no trigger, no rule, no generated column.

use pgrx::pg_sys;

/// So many rows are stored together: as many as a page or a few hold, with one record of the log for each page.
pub const TOGETHER: usize = 64;

/// A table that is open to be written to. What it is made of belongs to the memory context in which it was opened.
pub struct Target {
    relation: pg_sys::Relation,
    estate: *mut pg_sys::EState,
    result: *mut pg_sys::ResultRelInfo,
    slots: Vec<*mut pg_sys::TupleTableSlot>,
}

impl Target {
    /// Opens a table with these of its indexes, the only ones that the rows are in, for up to so many rows at once.
    ///
    /// # Safety
    /// The table is locked, and is as whoever opens it says.
    pub unsafe fn open(
        table: pg_sys::Oid,
        indexes: impl ExactSizeIterator<Item = pg_sys::Oid>,
        most: usize,
    ) -> Target {
        // SAFETY: as the caller says.
        unsafe {
            let relation = pg_sys::table_open(table, pg_sys::NoLock as i32);
            let estate = pg_sys::CreateExecutorState();
            let result = pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast::<pg_sys::ResultRelInfo>();
            pg_sys::InitResultRelInfo(result, relation, 0, std::ptr::null_mut(), 0);
            open_indexes(result, indexes);
            let slots = (0..most.min(TOGETHER))
                .map(|_| pg_sys::table_slot_create(relation, std::ptr::null_mut()))
                .collect();
            Target {
                relation,
                estate,
                result,
                slots,
            }
        }
    }

    /// The rows that can be filled and stored together, [`TOGETHER`] at most.
    pub fn slots(&self) -> &[*mut pg_sys::TupleTableSlot] {
        &self.slots
    }

    /// Whether there is anything that a row has to keep.
    pub fn is_constrained(&self) -> bool {
        // SAFETY: an open table.
        unsafe { !(*(*self.relation).rd_att).constr.is_null() }
    }

    /// An ERROR where a row does not keep the constraints.
    ///
    /// # Safety
    /// The slot is one of these, and filled.
    pub unsafe fn check(&self, slot: *mut pg_sys::TupleTableSlot) {
        // SAFETY: as the caller says.
        unsafe { pg_sys::ExecConstraints(self.result, slot, self.estate) }
    }

    /// Stores the first so many of the rows.
    ///
    /// # Safety
    /// They are filled, and keep the constraints.
    pub unsafe fn store(&mut self, count: usize) {
        let slots = &mut self.slots[..count];
        // SAFETY: as the caller says.
        unsafe {
            insert(self.relation, slots);
            for slot in slots {
                index(self.result, *slot, self.estate, false);
            }
        }
    }

    /// Puts a new version of a row, which is stored already, into the indexes, or only into those that summarize.
    ///
    /// # Safety
    /// The slot holds a row of the table, as it was stored.
    pub unsafe fn index(&self, slot: *mut pg_sys::TupleTableSlot, only_summaries: bool) {
        // SAFETY: as the caller says.
        unsafe { index(self.result, slot, self.estate, only_summaries) }
    }

    /// Closes what was opened; the lock stays.
    pub fn close(self) {
        // SAFETY: each was opened by open(), and is closed once.
        unsafe {
            for slot in self.slots {
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
            pg_sys::ExecCloseIndices(self.result);
            pg_sys::FreeExecutorState(self.estate);
            pg_sys::table_close(self.relation, pg_sys::NoLock as i32);
        }
    }
}

/// As ExecOpenIndices() of Postgres, without the indexes that none of the rows is in.
unsafe fn open_indexes(
    target: *mut pg_sys::ResultRelInfo,
    indexes: impl ExactSizeIterator<Item = pg_sys::Oid>,
) {
    // SAFETY: arrays as long as they are said to be, in the memory context of all of it; ExecCloseIndices() closes.
    unsafe {
        let many = indexes.len().max(1);
        let relations = pg_sys::palloc0(many * size_of::<pg_sys::Relation>()).cast::<pg_sys::Relation>();
        let infos =
            pg_sys::palloc0(many * size_of::<*mut pg_sys::IndexInfo>()).cast::<*mut pg_sys::IndexInfo>();
        let mut count = 0;
        for index in indexes {
            let relation = pg_sys::index_open(index, pg_sys::RowExclusiveLock as i32);
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
    only_summaries: bool,
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
            only_summaries,
        );
        #[cfg(any(feature = "pg14", feature = "pg15"))]
        let _ = only_summaries; // there is no such index before 16
        // one expression context serves all rows
        let context = (*estate).es_per_tuple_exprcontext;
        if !context.is_null() {
            pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
        }
    }
}

/// Puts values into a slot of [`Target::slots`]: into every column of the table, or null.
///
/// # Safety
/// Values of the columns' types, which live as long as they are needed; a place for each is in the table.
pub unsafe fn fill(
    slot: *mut pg_sys::TupleTableSlot,
    all: impl ExactSizeIterator<Item = Option<pg_sys::Datum>>,
    some: impl Iterator<Item = (usize, Option<pg_sys::Datum>)>,
) {
    // SAFETY: as the caller says.
    unsafe {
        pg_sys::ExecClearTuple(slot);
        let set = |index: usize, value: Option<pg_sys::Datum>| {
            *(*slot).tts_values.add(index) = value.unwrap_or(pg_sys::Datum::null());
            *(*slot).tts_isnull.add(index) = value.is_none();
        };
        for (index, value) in all.enumerate() {
            set(index, value);
        }
        for (index, value) in some {
            set(index, value);
        }
        pg_sys::ExecStoreVirtualTuple(slot);
    }
}
