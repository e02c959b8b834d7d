//! Rows of the queue, found by their keys, leased and taken out, without a query.
//!
//! | room | does |
//! |---|---|
//! | [`named`](mod@named) | which rows a daemon names |
//! | [`scan`] | finds rows by the index of their key |
//! | [`row`] | what the columns of one say |
//! | [`changing`] | writes new versions of them |

mod changing;
mod named;
mod row;
mod scan;

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use pgrx::{PgTupleDesc, pg_sys};

use super::altered::{self, Known, QUEUE_ROWS};
use super::plain::{Plain, is_heap};
use super::{lock, opened};
use crate::catalogue::table;

pub use changing::Changing;
pub use named::{Named, named};
pub use row::Row;
pub use scan::Scan;

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
pub struct Layout {
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
    static KNOWN: Known<Layout> = const { RefCell::new(None) };
}

/// The queue as it is, with a lock on it that was not waited for; none where only queries can read and write it, and where this
/// transaction may not write, or does not see in each statement what others have committed.
#[must_use]
pub fn locked() -> Option<Rc<Layout>> {
    // SAFETY: variables of this transaction.
    if unsafe { pg_sys::XactReadOnly || pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 } {
        return None;
    }
    let found = altered::locked(
        &QUEUE_ROWS,
        &KNOWN,
        || Ok::<_, Infallible>(find_out()),
        |known| known.table,
    );
    found.unwrap_or_default()
}

/// What the queue is like; nothing while somebody keeps it locked, or if there is none.
fn find_out() -> Option<Option<Rc<Layout>>> {
    let table = table(c"automations", c"queue")?;
    QUEUE_ROWS.with(|watch| watch.begin(vec![table]));
    // SAFETY: it is locked.
    lock(table).then(|| unsafe { look(table) }.map(Rc::new))
}

/// What a table is like; none where rows that are changed or taken out need more than is done here.
unsafe fn look(table: pg_sys::Oid) -> Option<Layout> {
    // SAFETY: it is locked.
    let (plain, read) = unsafe {
        let relation = pg_sys::try_table_open(table, pg_sys::NoLock as i32);
        if relation.is_null() {
            return None;
        }
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
    Some(Layout {
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
    known: &'k Layout,
    relation: pg_sys::Relation,
    /// How many columns have to be read, so that each of them is.
    last: i32,
}

impl<'k> Queue<'k> {
    /// Opens it; none where whoever asks may not read, change and take out each of its rows.
    ///
    /// # Safety
    /// It is locked, and as it is known.
    #[must_use]
    pub unsafe fn open(known: &'k Layout) -> Option<Queue<'k>> {
        let rights = [pg_sys::ACL_SELECT, pg_sys::ACL_UPDATE, pg_sys::ACL_DELETE];
        Some(Queue {
            known,
            relation: opened(known.table, &rights)?,
            last: i32::try_from(known.columns).ok()?,
        })
    }

    /// Reads the index of its key.
    ///
    /// # Safety
    /// Inside a statement, whose snapshot says what is there.
    pub unsafe fn scan(&self) -> Scan<'_> {
        // SAFETY: as the caller says.
        unsafe { Scan::of(self, self.known.key) }
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
        Changing::of(self)
    }

    /// Closes what was opened; the lock stays.
    pub fn close(self) {
        // SAFETY: opened by open().
        unsafe { pg_sys::table_close(self.relation, pg_sys::NoLock as i32) }
    }
}
