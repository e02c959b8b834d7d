//! Times as Postgres holds them: microseconds since 2000, and the two ends of it for infinity.

use pgrx::pg_sys;
use uuid::Uuid;

/// 2000 since 1970, in milliseconds.
const EPOCH: i64 = 946_684_800_000;

/// Now, whenever the transaction began.
pub fn now() -> i64 {
    // SAFETY: asks the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// The smallest UUIDv7 of a moment, as `uuid_at()` says it.
pub fn first_uuid_of(time: i64) -> Uuid {
    let milliseconds = time.div_euclid(1000).saturating_add(EPOCH);
    Uuid::from_u128(u128::from(milliseconds.max(0).unsigned_abs()) << 80)
}

/// From one time to another in milliseconds, as `age_in_ms()` says it: 0 since a time that is infinite or to come.
pub fn milliseconds(from: i64, to: i64) -> i64 {
    if from == i64::MIN || from == i64::MAX {
        return 0;
    }
    to.saturating_sub(from).max(0).saturating_add(500) / 1000
}
