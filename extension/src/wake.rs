//! Wake: the hint to daemons that something waits. The row is the message, this only saves them the poll (D2, D3).
//!
//! | room | does |
//! |---|---|
//! | [`settings`] | the settings of the extension, and their prefix |
//! | [`slots`] | shared memory: which database has a worker, its flag and its latch |
//! | [`commit`] | raises the flag when a transaction that queued something has committed |
//! | [`worker`] | the background worker that notifies for all of them |

mod commit;
pub mod settings;
mod slots;
pub mod worker;

use pgrx::pg_sys;
use pgrx::prelude::*;

unsafe extern "C" {
    static max_prepared_xacts: i32;
}

/// Tells the daemons of this database, when this transaction commits, that something waits.
///
/// Where a wake-up worker is there, the commit sets a flag and nothing else. Without one the transaction notifies
/// `automation_trigger` once, without a payload; not where prepared transactions are in use: PREPARE TRANSACTION fails
/// after a NOTIFY, so there daemons find it by polling.
pub fn wake_daemons() {
    match slots::of_this_database() {
        Some(_) => commit::wake_then(),
        // SAFETY: reads a variable of the server.
        None if unsafe { max_prepared_xacts } == 0 => notify(),
        None => {}
    }
}

/// `pg_notify('automation_trigger', '')`. Postgres itself drops a second equal notification of a transaction.
fn notify() {
    // SAFETY: calls pg_notify(text, text) inside a transaction.
    unsafe {
        pgrx::direct_function_call::<()>(
            pg_sys::pg_notify,
            &["automation_trigger".into_datum(), "".into_datum()],
        );
    }
}

/// `automations.wake()`.
#[pg_extern(sql = false)]
fn wake() {
    wake_daemons();
}
