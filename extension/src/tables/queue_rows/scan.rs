//! Rows of the queue by the index of its key.

use pgrx::pg_sys;
use uuid::Uuid;

use super::{Queue, Row};

/// How a key is compared: the strategy of a btree, and the function of Postgres.
type Compared = (u32, u32);
const EQUAL: Compared = (pg_sys::BTEqualStrategyNumber, pg_sys::F_UUID_EQ);
const LESS: Compared = (pg_sys::BTLessStrategyNumber, pg_sys::F_UUID_LT);
const GREATER: Compared = (pg_sys::BTGreaterStrategyNumber, pg_sys::F_UUID_GT);
const NOT_LESS: Compared = (pg_sys::BTGreaterEqualStrategyNumber, pg_sys::F_UUID_GE);

/// The index of the queue's key while it is read.
pub struct Scan<'q> {
    queue: &'q Queue<'q>,
    index: pg_sys::Relation,
    scan: pg_sys::IndexScanDesc,
    /// Of the next row that is found.
    slot: *mut pg_sys::TupleTableSlot,
}

impl<'q> Scan<'q> {
    /// # Safety
    /// An index of the queue, and inside a statement, whose snapshot says what is there.
    pub(super) unsafe fn of(queue: &'q Queue<'q>, index: pg_sys::Oid) -> Scan<'q> {
        // SAFETY: as the caller says; both are closed by close().
        unsafe {
            let index = pg_sys::index_open(index, pg_sys::AccessShareLock as i32);
            Scan {
                queue,
                index,
                scan: begin_scan(queue.relation, index, 2),
                slot: std::ptr::null_mut(),
            }
        }
    }

    /// The row with this key.
    pub fn find(&mut self, account: Uuid, id: Uuid) -> Option<Row<'q>> {
        self.one([(account, EQUAL), (id, EQUAL)])
    }

    /// From here on [`Iterator::next`] gives an account's rows behind this id, in their order.
    pub fn begin_behind(&mut self, account: Uuid, id: Uuid) {
        self.begin([(account, EQUAL), (id, GREATER)]);
    }

    /// The first account that has a row.
    pub fn first_account(&mut self) -> Option<Uuid> {
        let row = self.one([(Uuid::nil(), NOT_LESS), (Uuid::nil(), NOT_LESS)])?;
        let account = row.account();
        self.give_back(row);
        Some(account)
    }

    /// Whether another account has a row.
    pub fn has_others(&mut self, account: Uuid) -> bool {
        [GREATER, LESS].into_iter().any(|other| {
            let row = self.one([(account, other), (Uuid::nil(), NOT_LESS)]);
            row.map(|row| self.give_back(row)).is_some()
        })
    }

    /// Whether a row has a priority. It may have, where no index says so.
    pub fn has_priorities(&mut self) -> bool {
        let Some(index) = self.queue.known.by_priority else {
            return true;
        };
        // SAFETY: an index of the open table, read by the snapshot of the statement.
        unsafe {
            let index = pg_sys::index_open(index, pg_sys::AccessShareLock as i32);
            let scan = begin_scan(self.queue.relation, index, 0);
            pg_sys::index_rescan(scan, std::ptr::null_mut(), 0, std::ptr::null_mut(), 0);
            let slot = self.slot();
            let found = pg_sys::index_getnext_slot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
            pg_sys::index_endscan(scan);
            pg_sys::index_close(index, pg_sys::NoLock as i32);
            found
        }
    }

    fn one(&mut self, keys: [(Uuid, Compared); 2]) -> Option<Row<'q>> {
        self.begin(keys);
        self.next()
    }

    fn begin(&mut self, of: [(Uuid, Compared); 2]) {
        let mut keys = [pg_sys::ScanKeyData::default(); 2];
        for ((key, column), (id, (strategy, procedure))) in keys.iter_mut().zip(1..).zip(of) {
            // SAFETY: the index is over two uuids; they are copied into the memory of this call, where the scan finds them.
            unsafe {
                let copy = pg_sys::palloc(16).cast::<[u8; 16]>();
                *copy = *id.as_bytes();
                pg_sys::ScanKeyInit(
                    key,
                    column,
                    u16::try_from(strategy).unwrap_or(0),
                    pg_sys::Oid::from(procedure),
                    pg_sys::Datum::from(copy),
                );
            }
        }
        // SAFETY: an open scan, which copies its keys.
        unsafe { pg_sys::index_rescan(self.scan, keys.as_mut_ptr(), 2, std::ptr::null_mut(), 0) };
    }

    fn slot(&mut self) -> *mut pg_sys::TupleTableSlot {
        if self.slot.is_null() {
            // SAFETY: an open table.
            self.slot = unsafe { pg_sys::table_slot_create(self.queue.relation, std::ptr::null_mut()) };
        }
        self.slot
    }

    /// Whoever does not want a row that it was given gives it back, and it is closed with the next one.
    pub fn give_back(&mut self, row: Row<'q>) {
        if self.slot.is_null() {
            self.slot = row.slot;
        } else {
            row.close();
        }
    }

    /// Ends it. Rows that were found stay open.
    pub fn close(self) {
        // SAFETY: opened by scan().
        unsafe {
            if !self.slot.is_null() {
                pg_sys::ExecDropSingleTupleTableSlot(self.slot);
            }
            pg_sys::index_endscan(self.scan);
            pg_sys::index_close(self.index, pg_sys::NoLock as i32);
        }
    }
}

impl<'q> Iterator for Scan<'q> {
    type Item = Row<'q>;

    fn next(&mut self) -> Option<Row<'q>> {
        // SAFETY: an open scan; the slot is of the table.
        unsafe {
            self.slot();
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            if !pg_sys::index_getnext_slot(self.scan, forward, self.slot) {
                return None;
            }
            pg_sys::slot_getsomeattrs(self.slot, self.queue.last);
        }
        Some(Row {
            slot: std::mem::replace(&mut self.slot, std::ptr::null_mut()),
            read: &self.queue.known.read,
        })
    }
}

unsafe fn begin_scan(table: pg_sys::Relation, index: pg_sys::Relation, keys: i32) -> pg_sys::IndexScanDesc {
    // SAFETY: open relations, and the snapshot of the statement.
    unsafe {
        let snapshot = pg_sys::GetActiveSnapshot();
        #[cfg(not(feature = "pg18"))]
        return pg_sys::index_beginscan(table, index, snapshot, keys, 0);
        #[cfg(feature = "pg18")]
        return pg_sys::index_beginscan(table, index, snapshot, std::ptr::null_mut(), keys, 0);
    }
}
