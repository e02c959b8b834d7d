//! `automations.maintain`: partitions ahead of time, expired ones gone, statistics that had to wait.

use super::{Queue, QueueError};

impl Queue {
    /// Keeps partitions and statistics in order, some steps at a time; returns how many there were. Zero: nothing is
    /// left to do.
    pub async fn maintain(&self) -> Result<i32, QueueError> {
        let row = self.row("SELECT automations.maintain()", &[]).await?;
        Ok(row.try_get::<_, Option<i32>>(0)?.unwrap_or(0))
    }
}
