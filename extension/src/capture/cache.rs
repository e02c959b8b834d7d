//! What a backend remembers of who listens: each captured table, and for each account what it hears of the table's
//! events. With it a statement that nobody hears needs no query at all.
//!
//! It is emptied when anybody changes `automations.sources` or `automations.listeners`: [`changed`] sends an
//! invalidation of those tables to every backend with its commit, and [`look_up`] takes it in before each use. The
//! tables themselves and the captured ones send one when they are altered. Nothing is remembered
//!
//! - where the triggers that call [`changed`] are not on both tables (the tables of an older version, D4);
//! - in a transaction that has changed them itself: it may roll back;
//! - of an answer during which an invalidation came in, or that an old snapshot gave.
//!
//! So what counts is always what was committed last, also in a transaction that reads the rest as of its beginning.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::rc::Rc;

use flow::Event;
use pgrx::pg_sys;
use uuid::Uuid;

use super::hearing::Hearing;
use super::table::Table;
use crate::newest;

/// The most that a backend remembers, about; beyond that it begins anew. An account that hears nothing takes 200 bytes.
const BYTES: usize = 2 * 1024 * 1024;

#[derive(Default)]
struct Cache {
    /// `sources` and `listeners`, where it is known that changes of them are announced.
    announced: Option<Announced>,
    tables: HashMap<pg_sys::Oid, Rc<Table>>,
    hearings: HashMap<(pg_sys::Oid, Uuid, Event), Rc<Hearing>>,
    bytes: usize,
}

/// Whether changes of who listens are announced, and of which tables.
#[derive(Debug, Clone, Copy)]
pub struct Announced {
    /// `automations.sources`.
    pub sources: pg_sys::Oid,
    /// `automations.listeners`.
    pub listeners: pg_sys::Oid,
    /// The triggers are there.
    pub always: bool,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
    static STALE: Cell<bool> = const { Cell::new(false) };
    /// Invalidations that came in so far, of anything.
    static INVALIDATIONS: Cell<u64> = const { Cell::new(0) };
    /// This transaction has changed who listens.
    static CHANGED_HERE: Cell<bool> = const { Cell::new(false) };
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// Takes in what other sessions have committed, and drops what is not true any more. Before each statement.
pub fn look_up() {
    if !REGISTERED.replace(true) {
        // SAFETY: registered once for this backend, for as long as it lives.
        unsafe {
            pg_sys::CacheRegisterRelcacheCallback(Some(invalidated), pg_sys::Datum::null());
            pg_sys::RegisterXactCallback(Some(ended), std::ptr::null_mut());
        }
    }
    // SAFETY: what every lock on a table does; cheap where nothing came in.
    unsafe { pg_sys::AcceptInvalidationMessages() };
    drop_if_stale();
}

fn drop_if_stale() {
    if STALE.replace(false) {
        CACHE.with_borrow_mut(|cache| *cache = Cache::default());
    }
}

/// Whether nothing is remembered in this transaction, because it has changed who listens.
pub fn is_off() -> bool {
    CHANGED_HERE.get()
}

/// What is known of a table.
pub fn table(oid: pg_sys::Oid) -> Option<Rc<Table>> {
    if CHANGED_HERE.get() || STALE.get() {
        return None;
    }
    CACHE.with_borrow(|cache| cache.tables.get(&oid).cloned())
}

/// What is known of who of an account hears an event of a table.
pub fn hearing(table: pg_sys::Oid, account: Uuid, event: Event) -> Option<Rc<Hearing>> {
    if CHANGED_HERE.get() || STALE.get() {
        return None;
    }
    CACHE.with_borrow(|cache| cache.hearings.get(&(table, account, event)).cloned())
}

/// Whether changes are announced, if that is known.
pub fn announced() -> Option<Announced> {
    if STALE.get() {
        return None;
    }
    CACHE.with_borrow(|cache| cache.announced)
}

/// A question that is about to be asked; begun before its snapshot is taken.
#[derive(Debug)]
pub struct Asking {
    invalidations: u64,
    newest: bool,
}

/// Begins one.
pub fn asking() -> Asking {
    drop_if_stale();
    Asking {
        invalidations: INVALIDATIONS.get(),
        newest: newest::is_seen(),
    }
}

impl Asking {
    fn is_sound(&self) -> bool {
        self.newest && !CHANGED_HERE.get() && !STALE.get() && self.invalidations == INVALIDATIONS.get()
    }

    /// Remembers whether changes are announced. Said of the tables as they are, whoever changed them.
    pub fn keep_announced(&self, announced: Announced) {
        if self.is_sound() {
            CACHE.with_borrow_mut(|cache| cache.announced = Some(announced));
        }
    }

    /// Remembers a table.
    pub fn keep_table(&self, oid: pg_sys::Oid, table: &Rc<Table>) {
        // a name is at most 64 bytes
        self.keep(400 + table.columns.len() * 160, |cache| {
            cache.tables.insert(oid, Rc::clone(table));
        });
    }

    /// Remembers who hears something.
    pub fn keep_hearing(&self, table: pg_sys::Oid, account: Uuid, event: Event, hearing: &Rc<Hearing>) {
        self.keep(hearing.bytes() + 200, |cache| {
            cache.hearings.insert((table, account, event), Rc::clone(hearing));
        });
    }

    fn keep(&self, bytes: usize, keep: impl FnOnce(&mut Cache)) {
        if !self.is_sound() {
            return;
        }
        CACHE.with_borrow_mut(|cache| {
            if !cache.announced.is_some_and(|announced| announced.always) {
                return;
            }
            if cache.bytes + bytes > BYTES {
                cache.hearings.clear();
                cache.tables.clear();
                cache.bytes = 0;
            }
            cache.bytes += bytes;
            keep(cache);
        });
    }
}

/// This transaction changes who listens, in a row of `relation`: others hear of it when it commits, and it remembers
/// nothing itself until it has ended.
pub fn changed(relation: pg_sys::Oid) {
    look_up();
    CHANGED_HERE.set(true);
    // SAFETY: the oid of the table that the trigger is on. Sent at the commit only, whoever commits it.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(relation) };
}

/// A table was altered, or announced a change; oid 0: anything may have been. Only flips flags: it may come in the
/// middle of anything.
unsafe extern "C-unwind" fn invalidated(_: pg_sys::Datum, relation: pg_sys::Oid) {
    INVALIDATIONS.set(INVALIDATIONS.get().wrapping_add(1));
    let concerns = |cache: &Cache| {
        relation == pg_sys::InvalidOid
            || cache.tables.contains_key(&relation)
            || cache
                .announced
                .is_some_and(|of| of.sources == relation || of.listeners == relation)
    };
    let stale = CACHE.try_with(|cache| cache.try_borrow().map_or(true, |cache| concerns(&cache)));
    if stale.unwrap_or(true) {
        STALE.set(true);
    }
}

/// After the end of a transaction, also after PREPARE: what it saw of its own changes may not have become true.
unsafe extern "C-unwind" fn ended(event: pg_sys::XactEvent::Type, _: *mut c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    if matches!(event, XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE)
        && CHANGED_HERE.replace(false)
    {
        STALE.set(true);
    }
}
