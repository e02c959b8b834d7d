//! `automations.use_api_key`: notes that a key was used.

use uuid::Uuid;

use super::{Queue, QueueError};

impl Queue {
    /// Notes it, once a minute.
    pub async fn use_api_key(&self, id: Uuid) -> Result<(), QueueError> {
        let sql = "SELECT automations.use_api_key($1)";
        self.calls.sweep_count(sql, &[&id]).await.map(drop)
    }
}
