//! Small tables of schema `automations`, read from end to end without a query.

use std::ffi::CStr;
use std::ops::ControlFlow;

use pgrx::{PgTupleDesc, pg_sys};

use super::plain::is_heap;
use super::{Column, lock_as, opened, places, value};
use crate::catalogue;

/// Shows these columns of each row of a table to `look` until it breaks off; none if there is no such table, or it lacks one of
/// them, whoever asks may not read it, or somebody has locked it: nobody is waited for.
///
/// # Safety
/// Inside a statement, whose snapshot says what is there.
pub unsafe fn read<const N: usize>(
    table: &CStr,
    columns: &[Column; N],
    mut look: impl FnMut([Option<pg_sys::Datum>; N]) -> ControlFlow<()>,
) -> Option<ControlFlow<()>> {
    let table = catalogue::table(c"automations", table)?;
    if !lock_as(table, pg_sys::AccessShareLock) {
        return None;
    }
    let relation = opened(table, &[pg_sys::ACL_SELECT])?;
    // SAFETY: a table that is locked; what is opened is closed, unless an ERROR has the transaction close it.
    unsafe {
        let description = PgTupleDesc::from_pg_unchecked((*relation).rd_att);
        let Some(columns) = places(&description, columns).filter(|_| is_heap(relation)) else {
            pg_sys::table_close(relation, pg_sys::NoLock as i32);
            return None;
        };
        let last = i32::try_from(description.len()).unwrap_or(0);
        let slot = pg_sys::table_slot_create(relation, std::ptr::null_mut());
        let scan = pg_sys::table_beginscan(relation, pg_sys::GetActiveSnapshot(), 0, std::ptr::null_mut());
        let forward = pg_sys::ScanDirection::ForwardScanDirection;
        let mut done = ControlFlow::Continue(());
        while done.is_continue() && pg_sys::table_scan_getnextslot(scan, forward, slot) {
            pg_sys::slot_getsomeattrs(slot, last);
            done = look(columns.map(|column| value(slot, column)));
        }
        pg_sys::table_endscan(scan);
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        drop(description);
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
        Some(done)
    }
}
