//! Small tables of schema `automations`, read from end to end without a query.

use std::ffi::CStr;
use std::ops::ControlFlow;

use pgrx::{PgTupleDesc, pg_sys};

use super::plain::is_heap;
use super::{lock_as, opened};

/// What one row holds, column by column.
pub struct Row<'r> {
    slot: *mut pg_sys::TupleTableSlot,
    /// The columns of the table.
    pub description: &'r PgTupleDesc<'r>,
}

impl Row<'_> {
    /// What stands in a column, from 0; none for null.
    #[must_use]
    pub fn value(&self, column: usize) -> Option<pg_sys::Datum> {
        // SAFETY: all columns were read when it was found.
        unsafe { (!*(*self.slot).tts_isnull.add(column)).then(|| *(*self.slot).tts_values.add(column)) }
    }
}

/// Shows the rows of a table to `look` until it breaks off; none if there is no such table, whoever asks may not read it, or
/// somebody has locked it: nobody is waited for.
///
/// # Safety
/// Inside a statement, whose snapshot says what is there.
pub unsafe fn read<B>(
    table: &CStr,
    mut look: impl FnMut(&Row<'_>) -> ControlFlow<B>,
) -> Option<ControlFlow<B>> {
    let table = super::named(c"automations", table)?;
    if !lock_as(table, pg_sys::AccessShareLock) {
        return None;
    }
    let relation = opened(table, &[pg_sys::ACL_SELECT])?;
    // SAFETY: a table that is locked; what is opened is closed, unless an ERROR has the transaction close it.
    unsafe {
        if !is_heap(relation) {
            pg_sys::table_close(relation, pg_sys::NoLock as i32);
            return None;
        }
        let description = PgTupleDesc::from_pg_unchecked((*relation).rd_att);
        let columns = i32::try_from(description.len()).unwrap_or(0);
        let slot = pg_sys::table_slot_create(relation, std::ptr::null_mut());
        let scan = pg_sys::table_beginscan(relation, pg_sys::GetActiveSnapshot(), 0, std::ptr::null_mut());
        let forward = pg_sys::ScanDirection::ForwardScanDirection;
        let mut done = ControlFlow::Continue(());
        while done.is_continue() && pg_sys::table_scan_getnextslot(scan, forward, slot) {
            pg_sys::slot_getsomeattrs(slot, columns);
            let description = &description;
            done = look(&Row { slot, description });
        }
        pg_sys::table_endscan(scan);
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        drop(description);
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
        Some(done)
    }
}
