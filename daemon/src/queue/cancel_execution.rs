//! `automations.cancel_execution`: ends an execution that nobody wants any more.

use uuid::Uuid;

use super::{Queue, QueueError};

impl Queue {
    /// Whether it was cancelled; false where it has ended already.
    pub async fn cancel_execution(&self, id: Uuid) -> Result<bool, QueueError> {
        let row = self
            .calls
            .write_one("SELECT automations.cancel_execution($1)", &[&id])
            .await?;
        Ok(row.try_get::<_, Option<bool>>(0)?.unwrap_or(false))
    }
}
