//! `automations.announce`: tells whoever listens that executions changed their status.

use serde_json::Value;
use tokio_postgres::types::Json;

use super::{Queue, QueueError};

impl Queue {
    /// Announces changes `{"id", "automation_id", "status"}` in a transaction of its own whose commit does not wait
    /// for the disk: it holds the lock that every notifying transaction of the server takes (DESIGN D3).
    pub async fn announce(&self, changes: &[Value]) -> Result<(), QueueError> {
        let sql = "SELECT pg_catalog.set_config('synchronous_commit', 'off', true), automations.announce($1)";
        self.calls.notify(sql, &[&Json(changes)]).await
    }
}
