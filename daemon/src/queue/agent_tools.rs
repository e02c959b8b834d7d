//! `automations.agent_tools`: the automations that an agent may call.

use uuid::Uuid;

use super::{Queue, QueueError};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentTool {
    /// How it is called.
    pub name: String,
    /// What it starts.
    pub automation_id: Uuid,
    /// The version that this is about.
    pub version: i32,
    /// What the agent reads about it.
    pub description: Option<String>,
    /// JSON Schema of its arguments, as text.
    pub schema: String,
    /// Something in it may change something.
    pub acts: bool,
}

impl Queue {
    /// Those of the agent, or of all agents of the account: the one of that name, or at most so many behind `after`.
    pub async fn agent_tools(
        &self,
        (account_id, agent_id): (Uuid, Option<Uuid>),
        only: Option<&str>,
        after: Option<&str>,
        most: i32,
    ) -> Result<Vec<AgentTool>, QueueError> {
        let sql = "SELECT name, automation_id, version, description, schema, acts
                     FROM automations.agent_tools($1, $2, $3, $4, $5)";
        let rows = self
            .calls
            .read(sql, &[&account_id, &agent_id, &only, &after, &most])
            .await?;
        let mut tools = Vec::with_capacity(rows.len());
        for row in &rows {
            tools.push(AgentTool {
                name: row.try_get(0)?,
                automation_id: row.try_get(1)?,
                version: row.try_get(2)?,
                description: row.try_get(3)?,
                schema: row.try_get(4)?,
                acts: row.try_get(5)?,
            });
        }
        Ok(tools)
    }
}
