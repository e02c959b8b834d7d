//! Times as Postgres holds them: microseconds since 2000, and the two ends of it for infinity.

use pgrx::pg_sys;

/// Now, whenever the transaction began.
pub fn now() -> i64 {
    // SAFETY: asks the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// From one time to another in milliseconds, as `age_in_ms()` says it: 0 since a time that is infinite or to come.
pub fn milliseconds(from: i64, to: i64) -> i64 {
    if from == i64::MIN || from == i64::MAX {
        return 0;
    }
    to.saturating_sub(from).max(0).saturating_add(500) / 1000
}
