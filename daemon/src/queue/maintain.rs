//! `automations.maintain`: partitions ahead of time, expired ones gone.

use super::{Queue, QueueError};

impl Queue {
    /// Keeps partitions and statistics in order.
    pub async fn maintain(&self) -> Result<(), QueueError> {
        self.rows("SELECT automations.maintain()", &[]).await.map(drop)
    }
}
