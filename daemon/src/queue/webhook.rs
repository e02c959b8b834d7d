//! `automations.webhook`: whom a call is for, and the time by the database's clock.

use serde_json::Value;
use uuid::Uuid;

use super::{Queue, QueueError};

/// What the database says about an address.
#[derive(Debug, Clone)]
pub struct Addressed {
    /// Milliseconds since 1970 by the database's clock.
    pub now_ms: i64,
    /// None: nobody is called there.
    pub webhook: Option<Called>,
}

/// A webhook as it is saved.
#[derive(Debug, Clone)]
pub struct Called {
    /// Whose.
    pub account_id: Uuid,
    /// What it starts.
    pub automation_id: Uuid,
    /// Of the automation; another one has other settings.
    pub version: i32,
    /// The resolved `trigger_config`.
    pub config: Value,
}

impl Queue {
    /// Whom a call of this path of this account's name is for.
    pub async fn webhook(&self, account: &str, path: &str) -> Result<Addressed, QueueError> {
        let row = self
            .calls
            .read_one(
                "SELECT now_ms, account_id, automation_id, version, config FROM automations.webhook($1, $2)",
                &[&account, &path],
            )
            .await?;
        let called = match (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?) {
            (Some(account_id), Some(automation_id), Some(version)) => Some(Called {
                account_id,
                automation_id,
                version,
                config: serde_json::from_str(row.try_get(4)?)?,
            }),
            _ => None,
        };
        Ok(Addressed {
            now_ms: row.try_get(0)?,
            webhook: called,
        })
    }
}
