//! Wake: the hint to daemons that something waits. The row is the message, this only saves them the poll (D2, D3).

use pgrx::pg_sys;
use pgrx::prelude::*;

unsafe extern "C" {
    static max_prepared_xacts: i32;
}

/// Notifies `automation_trigger` once for this transaction, without a payload. Not where prepared transactions are
/// in use: PREPARE TRANSACTION fails after a NOTIFY, so there daemons find it by polling.
pub fn wake_daemons() {
    // SAFETY: reads a variable of the server and calls pg_notify(text, text). Postgres itself drops a second equal
    // notification of a transaction.
    unsafe {
        if max_prepared_xacts == 0 {
            pgrx::direct_function_call::<()>(
                pg_sys::pg_notify,
                &["automation_trigger".into_datum(), "".into_datum()],
            );
        }
    }
}

/// `automations.wake()`.
#[pg_extern(sql = false)]
fn wake() {
    wake_daemons();
}
