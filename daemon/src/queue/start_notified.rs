//! `automations.start_notified` and `automations.stop_leading`: notifications that start executions, by one daemon of all.

use serde_json::Value;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Queue, QueueError};

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// This execution was started.
    Started(Uuid),
    /// Another daemon leads.
    NotOurs,
}

impl Queue {
    /// Starts an execution of this automation, if `daemon` leads.
    pub async fn start_notified(
        &self,
        daemon: Uuid,
        automation_id: Uuid,
        trigger_data: &Value,
    ) -> Result<Notice, QueueError> {
        let row = self
            .calls
            .write_one(
                "SELECT execution_id FROM automations.start_notified($1, $2, $3)",
                &[&daemon, &automation_id, &Json(trigger_data)],
            )
            .await?;
        Ok(row
            .try_get::<_, Option<Uuid>>(0)?
            .map_or(Notice::NotOurs, Notice::Started))
    }

    /// `daemon` leads no more.
    pub async fn stop_leading(&self, daemon: Uuid) -> Result<(), QueueError> {
        let sql = "SELECT automations.stop_leading($1)";
        self.calls.write(sql, &[&daemon]).await.map(drop)
    }
}
