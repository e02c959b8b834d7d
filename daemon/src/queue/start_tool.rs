//! `automations.start_tool`: an execution that an agent starts.

use serde_json::Value;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::agent_tools::AgentTool;
use super::{Queue, QueueError};

impl Queue {
    /// Starts it with arguments that fit the tool's schema; the same key gives the same execution. None where it is
    /// no tool any more, or another version is.
    pub async fn start_tool(
        &self,
        account_id: Uuid,
        tool: &AgentTool,
        arguments: &Value,
        conversation_id: Option<Uuid>,
        idempotency_key: Option<&str>,
    ) -> Result<Option<Uuid>, QueueError> {
        let row = self
            .calls
            .write_one(
                "SELECT automations.start_tool($1, $2, $3, $4, $5, $6)",
                &[
                    &account_id,
                    &tool.automation_id,
                    &tool.version,
                    &Json(arguments),
                    &conversation_id,
                    &idempotency_key,
                ],
            )
            .await?;
        Ok(row.try_get(0)?)
    }
}
