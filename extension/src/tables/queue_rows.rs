//! Rows of the queue, found by their keys, leased and taken out, without a query.

use std::cell::RefCell;
use std::rc::Rc;

use pgrx::{PgTupleDesc, pg_sys};
use uuid::Uuid;

use super::altered::{QUEUE_ROWS, is_altered, was_altered};
use super::plain::{Plain, is_heap};
use super::storing::{self, Target};
use super::{lock, may, uuid};

columns! {
    /// Where the columns stand that a claim and an end read.
    Read {
        account_id: UUIDOID,
        id: UUIDOID,
        automation_id: UUIDOID,
        version: INT4OID,
        trigger_type: TEXTOID,
        trigger_data: JSONBOID,
        lead_id: UUIDOID,
        conversation_id: UUIDOID,
        caused_by: UUIDOID,
        depth: INT2OID,
        test_mode: BOOLOID,
        occurred_at: TIMESTAMPTZOID,
        has_execution: BOOLOID,
        attempt: INT4OID,
        crashes: INT2OID,
        lease_token: UUIDOID,
        lease_until: TIMESTAMPTZOID,
        priority: INT2OID,
        record: TEXTOID,
        steps: JSONBOID,
    }
}

/// What is known of the queue.
#[derive(Debug)]
pub struct Known {
    table: pg_sys::Oid,
    read: Read,
    columns: usize,
    indexes: Vec<pg_sys::Oid>,
    /// The index of its key, over account and id.
    key: pg_sys::Oid,
    /// The index of what has a priority.
    by_priority: Option<pg_sys::Oid>,
}

thread_local! {
    /// None where only queries can read and write it.
    static KNOWN: RefCell<Option<Option<Rc<Known>>>> = const { RefCell::new(None) };
}

/// The queue as it is, with a lock on it that was not waited for; none where only queries can read and write it, and where this
/// transaction may not write, or does not see in each statement what others have committed.
#[must_use]
pub fn locked() -> Option<Rc<Known>> {
    // SAFETY: variables of this transaction.
    if unsafe { pg_sys::XactReadOnly || pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 } {
        return None;
    }
    // Somebody may have altered it before the lock was there; twice in a row is left to queries.
    for _ in 0..2 {
        if was_altered(&QUEUE_ROWS) {
            KNOWN.replace(None);
        }
        let known = match KNOWN.with_borrow(Clone::clone) {
            Some(known) => known?,
            None => {
                let table = super::named(c"automations", c"queue")?;
                QUEUE_ROWS.with(|watch| watch.begin(vec![table]));
                if !lock(table) {
                    return None;
                }
                // SAFETY: it is locked.
                let known = unsafe { look(table) }.map(Rc::new);
                KNOWN.replace(Some(known.clone()));
                known?
            }
        };
        if !lock(known.table) {
            return None;
        }
        if !is_altered(&QUEUE_ROWS) {
            let rights = [pg_sys::ACL_SELECT, pg_sys::ACL_UPDATE, pg_sys::ACL_DELETE];
            return may(known.table, &rights).then_some(known);
        }
    }
    None
}

/// What a table is like; none where rows that are changed or taken out need more than is done here.
unsafe fn look(table: pg_sys::Oid) -> Option<Known> {
    // SAFETY: it is locked.
    let (plain, read) = unsafe {
        let relation = pg_sys::table_open(table, pg_sys::NoLock as i32);
        let description = PgTupleDesc::from_pg_unchecked((*relation).rd_att);
        let found = is_heap(relation)
            .then(|| Some((Plain::of(relation)?, Read::of(&description)?)))
            .flatten();
        drop(description);
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
        found?
    };
    let is_bare = plain.triggers.is_empty()
        && plain.references.is_empty()
        && !plain.has_long_references
        && plain.restricted.is_empty();
    if !is_bare || plain.checks.iter().any(|check| check != LEASE_CHECK) {
        return None;
    }
    let of_key = [read.account_id, read.id].map(|column| i16::try_from(column + 1).unwrap_or(0));
    let key = plain
        .indexes
        .iter()
        .find(|index| index.is_primary && index.is_whole_btree && index.columns == of_key)?;
    let by_priority = plain
        .indexes
        .iter()
        .find(|index| index.is_whole_btree && index.predicate == "(priority <> 0)");
    Some(Known {
        table,
        read,
        columns: plain.columns,
        key: key.index,
        by_priority: by_priority.map(|index| index.index),
        indexes: plain.indexes.iter().map(|index| index.index).collect(),
    })
}

/// The one thing that is asked of a row, and that is so wherever it is written here.
const LEASE_CHECK: &str = "((lease_token IS NULL) = (lease_until IS NULL))";

/// The queue, open to be read and written to.
pub struct Queue<'k> {
    known: &'k Known,
    relation: pg_sys::Relation,
    /// How many columns have to be read, so that each of them is.
    last: i32,
}

/// What a daemon names under its lease: the row, and where in a list stands what is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Its owner.
    pub account: Uuid,
    /// The execution to be.
    pub id: Uuid,
    /// Of the lease.
    pub token: Uuid,
    /// From 0.
    pub place: usize,
}

/// Rows that are named by three arrays, each once, in the order in which everybody locks them.
#[must_use]
pub fn named(
    accounts: &[Option<pgrx::Uuid>],
    ids: &[Option<pgrx::Uuid>],
    tokens: &[Option<pgrx::Uuid>],
) -> Vec<Named> {
    let id = |id: &Option<pgrx::Uuid>| id.map(|id| Uuid::from_bytes(*id.as_bytes()));
    let given = accounts.iter().zip(ids).zip(tokens).enumerate();
    let mut named: Vec<Named> = given
        .filter_map(|(place, ((account, execution), token))| {
            Some(Named {
                account: id(account)?,
                id: id(execution)?,
                token: id(token)?,
                place,
            })
        })
        .collect();
    named.sort_unstable();
    named.dedup_by_key(|one| (one.account, one.id));
    named
}

/// A row. What it holds lies in its page, which stays where it is until the row is closed.
pub struct Row<'s> {
    slot: *mut pg_sys::TupleTableSlot,
    read: &'s Read,
}

impl<'k> Queue<'k> {
    /// # Safety
    /// It is locked, and as it is known.
    #[must_use]
    pub unsafe fn open(known: &'k Known) -> Queue<'k> {
        Queue {
            known,
            // SAFETY: as the caller says.
            relation: unsafe { pg_sys::table_open(known.table, pg_sys::NoLock as i32) },
            last: i32::try_from(known.columns).unwrap_or(i32::MAX),
        }
    }

    /// Reads the index of its key.
    ///
    /// # Safety
    /// Inside a statement, whose snapshot says what is there.
    pub unsafe fn scan(&self) -> Scan<'_> {
        // SAFETY: an index of the open table; both are closed by close().
        unsafe {
            let index = pg_sys::index_open(self.known.key, pg_sys::AccessShareLock as i32);
            let scan = begin_scan(self.relation, index, 2);
            Scan {
                queue: self,
                index,
                scan,
                slot: std::ptr::null_mut(),
            }
        }
    }

    /// Takes one out. False: somebody else has locked or changed it since it was looked at, and it stays; nobody is waited for,
    /// unless this transaction `has` it locked already.
    pub fn take(&self, row: &Row<'_>, has: bool) -> bool {
        let mut failure = pg_sys::TM_FailureData::default();
        // SAFETY: the row that the slot was filled with, of an open table without triggers.
        let result = unsafe {
            pg_sys::table_tuple_delete(
                self.relation,
                &mut (*row.slot).tts_tid,
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

    /// Begins to write new versions of rows.
    #[must_use]
    pub fn changing(&self) -> Changing<'_> {
        Changing {
            queue: self,
            // SAFETY: an open table.
            slot: unsafe { pg_sys::table_slot_create(self.relation, std::ptr::null_mut()) },
            indexes: None,
        }
    }

    /// Closes what was opened; the lock stays.
    pub fn close(self) {
        // SAFETY: opened by open().
        unsafe { pg_sys::table_close(self.relation, pg_sys::NoLock as i32) }
    }
}

/// Writes new versions of rows. Not where somebody else has locked or changed a row since it was looked at: nobody is waited for.
pub struct Changing<'q> {
    queue: &'q Queue<'q>,
    /// The new version of a row.
    slot: *mut pg_sys::TupleTableSlot,
    /// Opened for the first version that does not fit the page of the one before.
    indexes: Option<Target>,
}

impl Changing<'_> {
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
            if !is_untouched(row.slot) && !self.lock(row) {
                return false;
            }
            let all = (0..self.queue.known.columns).map(|column| row.value(column));
            storing::fill(
                self.slot,
                all,
                changed.map(|(column, value)| (column, Some(value))).into_iter(),
            );
            let result = pg_sys::table_tuple_update(
                self.queue.relation,
                &mut (*row.slot).tts_tid,
                self.slot,
                pg_sys::GetCurrentCommandId(true),
                pg_sys::GetActiveSnapshot(),
                std::ptr::null_mut(),
                // nobody has it, but for whoever came within this microsecond
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
    /// The row with this key.
    pub fn find(&mut self, account: Uuid, id: Uuid) -> Option<Row<'q>> {
        self.begin([(account, EQUAL), (id, EQUAL)]);
        self.next()
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

impl Row<'_> {
    fn value(&self, column: usize) -> Option<pg_sys::Datum> {
        // SAFETY: all columns were read when it was found.
        unsafe { (!*(*self.slot).tts_isnull.add(column)).then(|| *(*self.slot).tts_values.add(column)) }
    }

    fn uuid(&self, column: usize) -> Option<Uuid> {
        // SAFETY: the columns that this is called with are uuids.
        self.value(column).map(|datum| unsafe { uuid(datum) })
    }

    fn is(&self, column: usize) -> bool {
        self.value(column).is_some_and(|value| value.value() != 0)
    }

    /// Its owner.
    pub fn account(&self) -> Uuid {
        self.uuid(self.read.account_id).unwrap_or_default()
    }

    /// The id of the execution to be.
    pub fn id(&self) -> Uuid {
        self.uuid(self.read.id).unwrap_or_default()
    }

    /// The automation that hears it.
    pub fn automation(&self) -> Uuid {
        self.uuid(self.read.automation_id).unwrap_or_default()
    }

    /// The version that heard it.
    pub fn version(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.version)
    }

    /// What started it.
    pub fn trigger_type(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.trigger_type)
    }

    /// What changed.
    pub fn trigger_data(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.trigger_data)
    }

    /// The lead that it is about.
    pub fn lead(&self) -> Option<Uuid> {
        self.uuid(self.read.lead_id)
    }

    /// The conversation that it is about.
    pub fn conversation(&self) -> Option<Uuid> {
        self.uuid(self.read.conversation_id)
    }

    /// The execution whose write caused it.
    pub fn caused_by(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.caused_by)
    }

    /// How many caused one another before it.
    pub fn depth(&self) -> i16 {
        self.value(self.read.depth)
            .map_or(0, |depth| depth.value() as i16)
    }

    /// Whether somebody only tries it.
    pub fn is_test(&self) -> bool {
        self.is(self.read.test_mode)
    }

    /// When it happened: microseconds since 2000.
    pub fn occurred_at(&self) -> i64 {
        self.value(self.read.occurred_at)
            .map_or(0, |at| at.value() as i64)
    }

    /// Whether it has a row of its own.
    pub fn has_execution(&self) -> bool {
        self.is(self.read.has_execution)
    }

    /// How often it has been claimed.
    pub fn attempt(&self) -> i32 {
        self.value(self.read.attempt)
            .map_or(0, |attempt| attempt.value() as i32)
    }

    /// Whether daemons have died with it.
    pub fn has_crashed(&self) -> bool {
        self.is(self.read.crashes)
    }

    /// Whether it has a place of its own in the line.
    pub fn has_priority(&self) -> bool {
        self.is(self.read.priority)
    }

    /// Whether it is about a record that matters.
    pub fn has_record(&self) -> bool {
        self.value(self.read.record).is_some()
    }

    /// Whether nobody has claimed it.
    pub fn is_free(&self) -> bool {
        self.value(self.read.lease_token).is_none()
    }

    /// Whether the lease with this token holds, at a time in microseconds since 2000.
    pub fn is_leased(&self, token: Uuid, at: i64) -> bool {
        let until = self
            .value(self.read.lease_until)
            .map(|until| until.value() as i64);
        self.uuid(self.read.lease_token) == Some(token) && until.is_some_and(|until| until > at)
    }

    /// What was kept of its steps.
    pub fn steps(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.steps)
    }

    /// Lets go of its page.
    pub fn close(self) {
        // SAFETY: the slot is this row's own.
        unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) }
    }
}
