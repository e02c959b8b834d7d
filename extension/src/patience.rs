//! What capture's own statements run under: how long they wait for a lock, because the application waits with them,
//! and which plans they may leave behind.

use std::ffi::{CStr, CString};

use pgrx::pg_sys;

use crate::acting::{as_role, table_owner};
use crate::refusal::Refusal;

/// Milliseconds: below `deadlock_timeout` (D8), and so short that an application does not notice.
const LOCK_TIMEOUT_MS: i32 = 100;

/// A plan that is made while a table is empty reads it from end to end for as long as the backend lives (D4).
const BY_INDEX: (&CStr, &CStr) = (c"enable_seqscan", c"off");

/// Does `work` as the owner of the tables, without waiting long for anybody's lock.
///
/// # Errors
/// What `work` refuses; not installed.
pub fn quickly<R>(work: impl FnOnce() -> Result<R, Refusal>) -> Result<R, Refusal> {
    let timeout = lock_timeout()?;
    let owner = table_owner()?;
    match &timeout {
        Some(timeout) => as_role(owner, &[BY_INDEX, (c"lock_timeout", timeout)], work),
        None => as_role(owner, &[BY_INDEX], work),
    }
}

/// Ours, unless the application's own is shorter still.
fn lock_timeout() -> Result<Option<CString>, Refusal> {
    // SAFETY: reads a variable of the server.
    let current = unsafe { pg_sys::LockTimeout };
    if (1..=LOCK_TIMEOUT_MS).contains(&current) {
        return Ok(None);
    }
    Ok(Some(CString::new(LOCK_TIMEOUT_MS.to_string())?))
}
