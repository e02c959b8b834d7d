//! What a transaction that queued something does when it commits: raises the flag of its database's worker.
//!
//! Nothing in a callback may raise an error: it would take the backend down, or the server (DESIGN section 7). A
//! prepared transaction raises nothing, because another session commits it: daemons find it by polling.

use std::cell::Cell;
use std::ffi::c_void;

use pgrx::pg_sys;

use super::slots;

thread_local! {
    /// The outermost (sub)transaction that queued something, as its nesting level; 0: none did.
    static QUEUED_AT: Cell<i32> = const { Cell::new(0) };
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// This (sub)transaction has queued something: the worker is woken if it comes to a commit.
pub fn wake_then() {
    if !REGISTERED.replace(true) {
        // SAFETY: registered once for this backend, for as long as it lives.
        unsafe {
            pg_sys::RegisterXactCallback(Some(ended), std::ptr::null_mut());
            pg_sys::RegisterSubXactCallback(Some(part_ended), std::ptr::null_mut());
        }
    }
    // SAFETY: reads the state of this backend's transaction.
    let level = unsafe { pg_sys::GetCurrentTransactionNestLevel() };
    let before = QUEUED_AT.get();
    if before == 0 || level < before {
        QUEUED_AT.set(level);
    }
}

/// After the commit is visible to others, after an abort, after PREPARE.
unsafe extern "C-unwind" fn ended(event: pg_sys::XactEvent::Type, _: *mut c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    match event {
        XACT_EVENT_COMMIT => {
            if QUEUED_AT.replace(0) != 0
                && let Some(slot) = slots::of_this_database()
            {
                slot.raise();
            }
        }
        XACT_EVENT_ABORT | XACT_EVENT_PREPARE => QUEUED_AT.set(0),
        _ => {}
    }
}

/// A savepoint was released or rolled back. Called while its level is still the current one.
unsafe extern "C-unwind" fn part_ended(
    event: pg_sys::SubXactEvent::Type,
    _: pg_sys::SubTransactionId,
    _: pg_sys::SubTransactionId,
    _: *mut c_void,
) {
    use pg_sys::SubXactEvent::{SUBXACT_EVENT_ABORT_SUB, SUBXACT_EVENT_COMMIT_SUB};
    // SAFETY: as above.
    let level = unsafe { pg_sys::GetCurrentTransactionNestLevel() };
    if QUEUED_AT.get() < level {
        return;
    }
    match event {
        SUBXACT_EVENT_COMMIT_SUB => QUEUED_AT.set(level - 1),
        SUBXACT_EVENT_ABORT_SUB => QUEUED_AT.set(0),
        _ => {}
    }
}
