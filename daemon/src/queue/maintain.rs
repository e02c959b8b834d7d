//! `automations.maintain`: partitions ahead of time, expired ones gone, statistics that had to wait.

use super::{Queue, QueueError};

impl Queue {
    /// Keeps partitions and statistics in order, some steps at a time; returns how many there were. Zero: nothing is
    /// left to do.
    pub async fn maintain(&self) -> Result<i32, QueueError> {
        self.calls.sweep_count("SELECT automations.maintain()", &[]).await
    }
}
