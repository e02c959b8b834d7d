//! `automations.definition`: the graph that an execution runs.

use uuid::Uuid;

use super::{Queue, QueueError};

/// A version of an automation, its JSON as text.
#[derive(Debug, Clone)]
pub struct StoredDefinition {
    /// The agent of the automation.
    pub agent_id: Option<Uuid>,
    /// The automation's own trigger type.
    pub trigger_type: String,
    /// React Flow's nodes.
    pub nodes: String,
    /// React Flow's edges.
    pub edges: String,
    /// `automations.options` of the version.
    pub options: Option<String>,
}

impl Queue {
    /// The definition of a version; `None` if it is not there (any more).
    pub async fn definition(
        &self,
        automation_id: Uuid,
        version: Option<i32>,
    ) -> Result<Option<StoredDefinition>, QueueError> {
        let rows = self
            .calls
            .read(
                "SELECT agent_id, trigger_type, nodes, edges, options FROM automations.definition($1, $2)",
                &[&automation_id, &version],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(StoredDefinition {
            agent_id: row.try_get(0)?,
            trigger_type: row.try_get(1)?,
            nodes: row.try_get(2)?,
            edges: row.try_get(3)?,
            options: row.try_get(4)?,
        }))
    }
}
