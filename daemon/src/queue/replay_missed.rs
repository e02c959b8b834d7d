//! `automations.replay_missed`: captures again what capture could not write.

use super::{Queue, QueueError};

/// How many are tried in one transaction.
const BATCH: i32 = 100;

impl Queue {
    /// Tries a batch of missed changes and returns how many became executions.
    pub async fn replay_missed(&self) -> Result<i32, QueueError> {
        let sql = "SELECT automations.replay_missed($1)";
        self.calls.sweep_count(sql, &[&BATCH]).await
    }
}
