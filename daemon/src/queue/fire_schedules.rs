//! `automations.fire_schedules`: starts what schedules say, whoever comes first.

use std::time::Duration;

use tokio_postgres::Row;

use super::{Queue, QueueError};

/// Schedules in one transaction.
const BATCH: i32 = 500;

/// What firing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// How many schedules were due.
    pub moved: i32,
    /// Executions that were started.
    pub fired: u32,
    /// Times that were left out, because the last execution was not final.
    pub left_out: u32,
    /// When the next one is due; `None`: none has a time.
    pub next: Option<Duration>,
}

impl Queue {
    /// Fires schedules that are due.
    pub async fn fire_schedules(&self) -> Result<Fired, QueueError> {
        let sql = "SELECT moved, fired, left_out, next_in_ms FROM automations.fire_schedules($1)";
        let row = self
            .calls
            .sweep_one(sql, &[&BATCH], |row| count(row, 0) > 0)
            .await?;
        let next: Option<i64> = row.try_get(3)?;
        Ok(Fired {
            moved: count(&row, 0),
            fired: count(&row, 1).unsigned_abs(),
            left_out: count(&row, 2).unsigned_abs(),
            next: next.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
        })
    }
}

fn count(row: &Row, column: usize) -> i32 {
    row.try_get::<_, Option<i32>>(column).ok().flatten().unwrap_or(0)
}
