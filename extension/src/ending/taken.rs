//! The queue rows of what ends: found by their keys, looked at, and taken out, without a query.

use pgrx::pg_sys;
use uuid::Uuid;

use super::outcome::Outcome;
use crate::tables::history::uuid;
use crate::tables::queue::{READ, Shape};

/// The queue, open to be read and deleted from.
pub struct Queue {
    relation: pg_sys::Relation,
    columns: [usize; READ.len()],
    last: i32,
    key: pg_sys::Oid,
}

/// A captured change whose execution ends, and what it came to. What it holds lies in its page, which stays where it is.
pub struct Taken {
    slot: *mut pg_sys::TupleTableSlot,
    columns: [usize; READ.len()],
    pub outcome: Outcome,
}

/// What is ended under a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ended {
    pub account: Uuid,
    pub id: Uuid,
    pub token: Uuid,
    /// Where its result stands in the list.
    pub place: usize,
}

impl Queue {
    /// None where the queue has not got all that is read.
    ///
    /// # Safety
    /// The queue is locked, and of this shape.
    pub unsafe fn open(shape: &Shape) -> Option<Queue> {
        let (columns, key) = (shape.read?, shape.key?);
        let last = columns.iter().max().map_or(0, |last| last + 1);
        Some(Queue {
            // SAFETY: as the caller says.
            relation: unsafe { pg_sys::table_open(shape.queue, pg_sys::NoLock as i32) },
            columns,
            last: i32::try_from(last).ok()?,
            key,
        })
    }

    /// Those of these whose lease holds and which have no row yet, with what they came to; `outcome_of` may not know one.
    ///
    /// # Safety
    /// Inside a statement, whose snapshot says what is there.
    pub unsafe fn look(&self, ended: &[Ended], outcome_of: impl Fn(&Ended) -> Option<Outcome>) -> Vec<Taken> {
        let mut found = Vec::with_capacity(ended.len());
        // SAFETY: an index over two uuids of the open table; keys outlive each scan; scan and index are closed.
        unsafe {
            let index = pg_sys::index_open(self.key, pg_sys::AccessShareLock as i32);
            let scan = begin_scan(self.relation, index);
            let mut slot: *mut pg_sys::TupleTableSlot = std::ptr::null_mut();
            for one in ended {
                if slot.is_null() {
                    slot = pg_sys::table_slot_create(self.relation, std::ptr::null_mut());
                }
                let mut key = [(1, &one.account), (2, &one.id)].map(|(number, id)| {
                    let mut key = pg_sys::ScanKeyData::default();
                    pg_sys::ScanKeyInit(
                        &mut key,
                        number,
                        pg_sys::BTEqualStrategyNumber as u16,
                        pg_sys::Oid::from(pg_sys::F_UUID_EQ),
                        pg_sys::Datum::from(id.as_bytes().as_ptr()),
                    );
                    key
                });
                pg_sys::index_rescan(scan, key.as_mut_ptr(), 2, std::ptr::null_mut(), 0);
                if !pg_sys::index_getnext_slot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot) {
                    continue;
                }
                pg_sys::slot_getsomeattrs(slot, self.last);
                let columns = self.columns;
                if is_ours(slot, &columns, one.token)
                    && let Some(outcome) = outcome_of(one)
                {
                    let slot = std::mem::replace(&mut slot, std::ptr::null_mut());
                    found.push(Taken {
                        slot,
                        columns,
                        outcome,
                    });
                }
            }
            if !slot.is_null() {
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
            pg_sys::index_endscan(scan);
            pg_sys::index_close(index, pg_sys::NoLock as i32);
        }
        found
    }

    /// Takes one out. False: somebody else has locked or changed it since it was looked at, and it stays; nobody is waited for,
    /// unless this transaction `has` it locked already.
    pub fn take(&self, one: &Taken, has: bool) -> bool {
        let mut failure = pg_sys::TM_FailureData::default();
        // SAFETY: the row that the slot was filled with, of an open table without triggers.
        let result = unsafe {
            pg_sys::table_tuple_delete(
                self.relation,
                &mut (*one.slot).tts_tid,
                pg_sys::GetCurrentCommandId(true),
                pg_sys::GetActiveSnapshot(),
                std::ptr::null_mut(),
                has,
                &mut failure,
                false,
            )
        };
        result == pg_sys::TM_Result::TM_Ok
    }

    /// Closes what was opened; the lock stays.
    pub fn close(self) {
        // SAFETY: opened by open().
        unsafe { pg_sys::table_close(self.relation, pg_sys::NoLock as i32) }
    }
}

unsafe fn begin_scan(table: pg_sys::Relation, index: pg_sys::Relation) -> pg_sys::IndexScanDesc {
    // SAFETY: open relations, and the snapshot of the statement.
    unsafe {
        let snapshot = pg_sys::GetActiveSnapshot();
        #[cfg(not(feature = "pg18"))]
        return pg_sys::index_beginscan(table, index, snapshot, 2, 0);
        #[cfg(feature = "pg18")]
        return pg_sys::index_beginscan(table, index, snapshot, std::ptr::null_mut(), 2, 0);
    }
}

/// Whether the lease holds, and the row is all that there is of the execution.
unsafe fn is_ours(slot: *mut pg_sys::TupleTableSlot, columns: &[usize; READ.len()], token: Uuid) -> bool {
    let value = |place: usize| unsafe { value(slot, columns[place]) };
    // SAFETY: the columns are of these types.
    unsafe {
        value(12).is_some_and(|has_execution| has_execution.value() == 0)
            && value(13).is_some_and(|held| uuid(held) == token)
            && value(14).is_some_and(|until| until.value() as i64 > pg_sys::GetCurrentTimestamp())
    }
}

unsafe fn value(slot: *mut pg_sys::TupleTableSlot, column: usize) -> Option<pg_sys::Datum> {
    // SAFETY: a column that was read.
    unsafe { (!*(*slot).tts_isnull.add(column)).then(|| *(*slot).tts_values.add(column)) }
}

impl Taken {
    fn value(&self, place: usize) -> Option<pg_sys::Datum> {
        // SAFETY: each of READ was read when it was found.
        unsafe { value(self.slot, self.columns[place]) }
    }

    fn id_at(&self, place: usize) -> Option<Uuid> {
        // SAFETY: the columns that this is called with are uuids.
        self.value(place).map(|datum| unsafe { uuid(datum) })
    }

    pub fn account(&self) -> Uuid {
        self.id_at(0).unwrap_or_default()
    }

    pub fn id(&self) -> Uuid {
        self.id_at(1).unwrap_or_default()
    }

    pub fn automation(&self) -> Uuid {
        self.id_at(2).unwrap_or_default()
    }

    pub fn version(&self) -> Option<pg_sys::Datum> {
        self.value(3)
    }

    pub fn trigger_type(&self) -> Option<pg_sys::Datum> {
        self.value(4)
    }

    pub fn trigger_data(&self) -> Option<pg_sys::Datum> {
        self.value(5)
    }

    pub fn lead(&self) -> Option<Uuid> {
        self.id_at(6)
    }

    pub fn conversation(&self) -> Option<Uuid> {
        self.id_at(7)
    }

    pub fn caused_by(&self) -> Option<pg_sys::Datum> {
        self.value(8)
    }

    pub fn depth(&self) -> Option<pg_sys::Datum> {
        self.value(9)
    }

    pub fn is_test(&self) -> bool {
        self.value(10).is_some_and(|test| test.value() != 0)
    }

    /// When it happened: microseconds since 2000.
    pub fn occurred_at(&self) -> i64 {
        self.value(11).map_or(0, |at| at.value() as i64)
    }

    /// What was kept of its steps.
    pub fn steps(&self) -> Option<pg_sys::Datum> {
        self.value(15)
    }

    /// Lets go of its page.
    pub fn close(self) {
        // SAFETY: the slot is this one's own.
        unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) }
    }
}
