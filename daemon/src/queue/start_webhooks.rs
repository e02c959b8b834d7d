//! `automations.start_webhooks`: starts executions for calls of webhooks, as many as came at once, in one transaction.

use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Queue, QueueError};

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Its execution, new or from an earlier call with the same key.
    Execution(Uuid),
    /// The webhook is not any more what it was when the call was allowed.
    Changed,
    /// Somebody has locked the automation.
    Locked,
}

impl Queue {
    /// What became of these calls, in their order: `{"automation_id", "version", "key", "input", "keep"}` each.
    pub async fn start_webhooks(&self, calls: &[&RawValue]) -> Result<Vec<Begun>, QueueError> {
        let rows = self
            .calls
            .write(
                "SELECT execution_id, is_locked FROM automations.start_webhooks($1) ORDER BY call",
                &[&Json(calls)],
            )
            .await?;
        let begun = |row: &Row| {
            Ok(match row.try_get(0)? {
                Some(id) => Begun::Execution(id),
                None if row.try_get(1)? => Begun::Locked,
                None => Begun::Changed,
            })
        };
        rows.iter().map(begun).collect()
    }
}
