//! `automations.unpark`: brings back what is due.

use std::time::Duration;

use tokio_postgres::Row;

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
        let sql = "SELECT moved, next_in_ms FROM automations.unpark($1)";
        let row = self.calls.sweep_one(sql, &[&BATCH], |row| moved(row) > 0).await?;
        let next: Option<i64> = row.try_get(1)?;
        Ok(Unparked {
            moved: moved(&row),
            next: next.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
        })
    }
}

fn moved(row: &Row) -> i32 {
    row.try_get::<_, Option<i32>>(0).ok().flatten().unwrap_or(0)
}
