//! What was committed last, also in a transaction whose snapshot is older than that.

use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::patience::quickly;
use crate::refusal::Refusal;

/// Whether this transaction sees what was committed last. With an id of its own the (sub)transaction has written, and its
/// queries see what its isolation shows, which may be from before the last change that this session has heard of.
pub fn is_seen() -> bool {
    // SAFETY: read variables of this transaction.
    unsafe {
        pg_sys::GetCurrentTransactionIdIfAny() == pg_sys::InvalidTransactionId
            || pg_sys::XactIsoLevel < pg_sys::XACT_REPEATABLE_READ as i32
    }
}

/// Asks by a snapshot that is taken now, and not by that of the statement around it.
pub fn seeing<R>(ask: impl FnOnce() -> R) -> R {
    // SAFETY: as the foreign-key triggers of Postgres do it. After an error the abort takes the snapshot away.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot()) };
    let answer = ask();
    // SAFETY: the one that was pushed; a refusal is no error of Postgres and leaves it in its place.
    unsafe { pg_sys::PopActiveSnapshot() };
    answer
}

/// Asks as the owner of the tables what was committed last, and what this transaction has written. Not by the
/// snapshot of the statement: it may be older than the last invalidation that came in, and than the transaction's
/// isolation shows.
pub fn by_what_is_newest<R>(ask: impl FnOnce(&SpiClient<'_>) -> Result<R, Refusal>) -> Result<R, Refusal> {
    quickly(|| {
        // SAFETY: inside a transaction, where what it has written so far becomes visible to it.
        unsafe { pg_sys::CommandCounterIncrement() };
        seeing(|| Spi::connect(|client| ask(client)))
    })
}
