//! `automations.outcome`: how an execution stands.

use uuid::Uuid;

use super::{Queue, QueueError};

/// How an execution stands, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `pending`, `running`, `waiting`, `completed`, `failed` or `cancelled`.
    pub status: String,
    /// The result as text of JSON: what Postgres stores may be more than this program can hold.
    pub output: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// What kind of failure that is.
    pub error_code: Option<String>,
    /// Where it failed.
    pub error_node_id: Option<String>,
}

impl Outcome {
    /// Whether it will never change any more.
    pub fn is_final(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }
}

impl Queue {
    /// Asks; none where the account has no such execution.
    pub async fn outcome(&self, account_id: Uuid, execution_id: Uuid) -> Result<Option<Outcome>, QueueError> {
        let sql = "SELECT status, output, error, error_code, error_node_id FROM automations.outcome($1, $2)";
        let rows = self.calls.read(sql, &[&account_id, &execution_id]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(Outcome {
            status: row.try_get(0)?,
            output: row.try_get(1)?,
            error: row.try_get(2)?,
            error_code: row.try_get(3)?,
            error_node_id: row.try_get(4)?,
        }))
    }
}
