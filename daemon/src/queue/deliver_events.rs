//! `automations.deliver_events`: brings emitted events to those who wait for them.

use super::{Queue, QueueError};

/// Events in one transaction.
const BATCH: i32 = 100;

impl Queue {
    /// Looks at the oldest events that nobody has looked at; returns how many there were.
    pub async fn deliver_events(&self) -> Result<i32, QueueError> {
        let sql = "SELECT automations.deliver_events($1)";
        self.calls.sweep_count(sql, &[&BATCH]).await
    }
}
