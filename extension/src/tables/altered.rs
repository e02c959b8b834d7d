//! What is known of a table is true until the relation cache says that the table was altered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread::LocalKey;

use pgrx::pg_sys;

use super::lock;

/// The tables that something is known of, and whether one of them has been altered since.
pub struct Watch {
    tables: RefCell<Vec<pg_sys::Oid>>,
    altered: Cell<bool>,
}

thread_local! {
    /// Of whoever captures.
    pub static QUEUE: Watch = const { Watch::new() };
    /// Of whoever claims and ends.
    pub static QUEUE_ROWS: Watch = const { Watch::new() };
    pub static HISTORY: Watch = const { Watch::new() };
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
}

impl Watch {
    const fn new() -> Watch {
        Watch {
            tables: RefCell::new(Vec::new()),
            altered: Cell::new(false),
        }
    }

    /// From here on it is about these: what was said of others is forgotten.
    pub fn begin(&self, tables: Vec<pg_sys::Oid>) {
        self.tables.replace(tables);
        self.altered.set(false);
    }

    /// About these as well.
    pub fn also(&self, tables: Vec<pg_sys::Oid>) {
        self.tables.borrow_mut().extend(tables);
    }

    fn hear(&self, table: pg_sys::Oid) {
        // while the list is changed, whatever is altered may be one of them
        let is_one = self
            .tables
            .try_borrow()
            .map_or(true, |tables| tables.contains(&table));
        if table == pg_sys::InvalidOid || is_one {
            self.altered.set(true);
        }
    }
}

/// What is known of a table, for as long as this is true: nothing yet, that only queries will do, or what it is like.
pub type Known<T> = RefCell<Option<Option<Rc<T>>>>;

/// What a table is like, with a lock on it that was not waited for; none where only queries will do, or somebody else has it locked.
/// `find_out` begins to watch before it looks, and gives nothing where nothing is to be remembered.
pub fn locked<T, E>(
    watch: &'static LocalKey<Watch>,
    known: &'static LocalKey<Known<T>>,
    find_out: impl Fn() -> Result<Option<Option<Rc<T>>>, E>,
    table: impl Fn(&T) -> pg_sys::Oid,
) -> Result<Option<Rc<T>>, E> {
    // Somebody may have altered it before the lock was there; twice in a row is left to queries.
    for _ in 0..2 {
        if was_altered(watch) {
            known.replace(None);
        }
        let found = match known.with_borrow(Clone::clone) {
            Some(found) => found,
            None => {
                let Some(found) = find_out()? else {
                    return Ok(None);
                };
                if !is_altered(watch) {
                    known.replace(Some(found.clone()));
                }
                found
            }
        };
        let Some(found) = found.filter(|found| lock(table(found))) else {
            return Ok(None);
        };
        if !is_altered(watch) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Whether one of its tables has been altered since it began. To be asked with a lock on them.
pub fn is_altered(watch: &'static LocalKey<Watch>) -> bool {
    if !REGISTERED.replace(true) {
        // SAFETY: registered once for this backend, for as long as it lives.
        unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(altered), pg_sys::Datum::null()) };
    }
    watch.with(|watch| watch.altered.get())
}

/// The same, and it is not said again.
fn was_altered(watch: &'static LocalKey<Watch>) -> bool {
    is_altered(watch) && watch.with(|watch| watch.altered.replace(false))
}

/// A table was altered. Only flips flags: it may come in the middle of anything.
unsafe extern "C-unwind" fn altered(_: pg_sys::Datum, table: pg_sys::Oid) {
    QUEUE.with(|watch| watch.hear(table));
    QUEUE_ROWS.with(|watch| watch.hear(table));
    HISTORY.with(|watch| watch.hear(table));
}
