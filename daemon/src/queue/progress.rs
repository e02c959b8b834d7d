//! `automations.progress`: how far an execution is.

use uuid::Uuid;

use super::{Queue, QueueError};

/// As far as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// `pending`, `running`, `waiting` or how it ended.
    pub status: String,
    /// Steps that have completed.
    pub completed: i64,
    /// The last of them.
    pub label: Option<String>,
}

impl Queue {
    /// Asks; none where the account has no such execution.
    pub async fn progress(
        &self,
        account_id: Uuid,
        execution_id: Uuid,
    ) -> Result<Option<Progress>, QueueError> {
        let sql = "SELECT status, completed, label FROM automations.progress($1, $2)";
        let rows = self.calls.read(sql, &[&account_id, &execution_id]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(Progress {
            status: row.try_get(0)?,
            completed: row.try_get::<_, Option<i64>>(1)?.unwrap_or(0),
            label: row.try_get(2)?,
        }))
    }
}
