//! `automations.unpark`: brings back what is due.

use std::time::Duration;

use super::{Queue, QueueError};

/// How many are brought back in one transaction.
const BATCH: i32 = 500;

/// What unparking came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unparked {
    /// How many went back to the queue.
    pub moved: i32,
    /// When the next one is due; `None`: none has a time.
    pub next: Option<Duration>,
}

impl Queue {
    /// Puts parked executions that are due back into the queue.
    pub async fn unpark(&self) -> Result<Unparked, QueueError> {
        let row = self
            .row("SELECT moved, next_in_ms FROM automations.unpark($1)", &[&BATCH])
            .await?;
        let next: Option<i64> = row.try_get(1)?;
        Ok(Unparked {
            moved: row.try_get::<_, Option<i32>>(0)?.unwrap_or(0),
            next: next.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
        })
    }
}
