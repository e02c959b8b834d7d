//! New versions of rows of the queue.

use pgrx::pg_sys;
use uuid::Uuid;

use super::{Queue, Row};
use crate::tables::storing::{self, Target};

/// Writes new versions of rows. Not where somebody else has locked or changed a row since it was looked at: nobody is waited for.
pub struct Changing<'q> {
    queue: &'q Queue<'q>,
    /// The new version of a row.
    slot: *mut pg_sys::TupleTableSlot,
    /// Opened for the first version that does not fit the page of the one before.
    indexes: Option<Target>,
}

impl<'q> Changing<'q> {
    pub(super) fn of(queue: &'q Queue<'q>) -> Changing<'q> {
        Changing {
            queue,
            // SAFETY: an open table.
            slot: unsafe { pg_sys::table_slot_create(queue.relation, std::ptr::null_mut()) },
            indexes: None,
        }
    }

    /// Puts a lease on a row that holds until then, in microseconds since 2000; whether it could.
    pub fn lease(&mut self, row: &Row<'_>, token: Uuid, until: i64) -> bool {
        let read = self.queue.known.read;
        let attempt = row.attempt().saturating_add(1);
        self.change(
            row,
            [
                (read.lease_token, pg_sys::Datum::from(token.as_bytes().as_ptr())),
                (read.lease_until, pg_sys::Datum::from(until)),
                (read.attempt, pg_sys::Datum::from(attempt)),
            ],
        )
    }

    /// Keeps a jsonb, what an execution is about to do; whether it could.
    pub fn keep(&mut self, row: &Row<'_>, steps: pg_sys::Datum) -> bool {
        self.change(row, [(self.queue.known.read.steps, steps)])
    }

    fn change<const N: usize>(&mut self, row: &Row<'_>, changed: [(usize, pg_sys::Datum); N]) -> bool {
        let mut failure = pg_sys::TM_FailureData::default();
        let (mut mode, mut not_hot) = Default::default();
        // SAFETY: a row of the open table, which has no triggers and keeps its constraints; the values live until it is stored.
        unsafe {
            self.fill(row, changed);
            if !is_untouched(row.slot) {
                if !self.lock(row) {
                    return false;
                }
                self.fill(row, changed);
            }
            let result = pg_sys::table_tuple_update(
                self.queue.relation,
                &mut (*row.slot).tts_tid,
                self.slot,
                pg_sys::GetCurrentCommandId(true),
                pg_sys::GetActiveSnapshot(),
                std::ptr::null_mut(),
                // nobody has it, but for whoever came in between
                true,
                &mut failure,
                &mut mode,
                &mut not_hot,
            );
            if result != pg_sys::TM_Result::TM_Ok {
                return false;
            }
            #[cfg(any(feature = "pg14", feature = "pg15"))]
            let (is_hot, only_summaries) = (!not_hot, false);
            #[cfg(not(any(feature = "pg14", feature = "pg15")))]
            let (is_hot, only_summaries) = (
                not_hot == pg_sys::TU_UpdateIndexes::TU_None,
                not_hot == pg_sys::TU_UpdateIndexes::TU_Summarizing,
            );
            if !is_hot {
                let known = self.queue.known;
                let all = known.indexes.iter().copied();
                let target = self
                    .indexes
                    .get_or_insert_with(|| Target::open(known.table, all, 0));
                target.index(self.slot, only_summaries);
            }
            true
        }
    }

    /// Makes the new version of a row.
    unsafe fn fill<const N: usize>(&self, row: &Row<'_>, changed: [(usize, pg_sys::Datum); N]) {
        let all = (0..self.queue.known.columns).map(|column| row.value(column));
        let changed = changed.map(|(column, value)| (column, Some(value)));
        // SAFETY: as many columns as the table has, of its types.
        unsafe { storing::fill(self.slot, all, changed.into_iter()) };
    }

    /// Locks a row that somebody has, or had; false where it cannot be had at once as it was looked at.
    unsafe fn lock(&self, row: &Row<'_>) -> bool {
        let mut failure = pg_sys::TM_FailureData::default();
        // SAFETY: a row of the open table; the slot is filled again before it is used.
        let result = unsafe {
            pg_sys::table_tuple_lock(
                self.queue.relation,
                &mut (*row.slot).tts_tid,
                pg_sys::GetActiveSnapshot(),
                self.slot,
                pg_sys::GetCurrentCommandId(true),
                pg_sys::LockTupleMode::LockTupleNoKeyExclusive,
                pg_sys::LockWaitPolicy::LockWaitSkip,
                0,
                &mut failure,
            )
        };
        result == pg_sys::TM_Result::TM_Ok
    }

    /// Closes what was opened.
    pub fn close(self) {
        // SAFETY: made by changing().
        unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) };
        if let Some(indexes) = self.indexes {
            indexes.close();
        }
    }
}

/// Whether nobody has locked or changed a row so far: its page says so, as it is now. An update that need not wait cannot be asked
/// for (`heap_update()` forbids it), and to lock each row first costs a record of the log.
unsafe fn is_untouched(slot: *mut pg_sys::TupleTableSlot) -> bool {
    // SAFETY: a slot of a heap, whose row lies in a page that is held; one word of its header is read, as it is at this moment.
    unsafe {
        let tuple = (*slot.cast::<pg_sys::HeapTupleTableSlot>()).tuple;
        let flags = std::ptr::read_volatile(&raw const (*(*tuple).t_data).t_infomask);
        u32::from(flags) & pg_sys::HEAP_XMAX_INVALID != 0
    }
}
