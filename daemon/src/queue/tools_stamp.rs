//! `automations.tools_stamp`: whether a list of tools has changed.

use uuid::Uuid;

use super::{Queue, QueueError};

impl Queue {
    /// Another text whenever the list of tools is another.
    pub async fn tools_stamp(
        &self,
        (account_id, agent_id): (Uuid, Option<Uuid>),
    ) -> Result<String, QueueError> {
        let sql = "SELECT automations.tools_stamp($1, $2)";
        let row = self.calls.read_one(sql, &[&account_id, &agent_id]).await?;
        Ok(row.try_get(0)?)
    }
}
