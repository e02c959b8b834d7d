//! `automations.waiting_step`: what a person is shown of a step that waits for him.

use uuid::Uuid;

use super::{Queue, QueueError};

/// A step that a token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingStep {
    /// Whether it can still be resumed.
    pub is_open: bool,
    /// What an approval asks.
    pub message: Option<String>,
    /// What the step is called.
    pub label: Option<String>,
}

impl Queue {
    /// The step of an execution with this key.
    pub async fn waiting_step(&self, execution_id: Uuid, step_key: Uuid) -> Result<WaitingStep, QueueError> {
        let sql = "SELECT is_open, message, label FROM automations.waiting_step($1, $2)";
        let row = self.calls.read_one(sql, &[&execution_id, &step_key]).await?;
        Ok(WaitingStep {
            is_open: row.try_get(0)?,
            message: row.try_get(1)?,
            label: row.try_get(2)?,
        })
    }
}
