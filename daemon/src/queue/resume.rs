//! `automations.resume`: resumes the step that a token names.

use serde_json::Value;
use tokio_postgres::types::Json;

use super::{Queue, QueueError};

impl Queue {
    /// True once; false where the step was resumed before, timed out, or waits no more.
    pub async fn resume(
        &self,
        token: &str,
        payload: &Value,
        outcome: Option<&str>,
    ) -> Result<bool, QueueError> {
        let sql = "SELECT automations.resume($1, $2, $3)";
        let row = self
            .calls
            .write_one(sql, &[&token, &Json(payload), &outcome])
            .await?;
        Ok(row.try_get(0)?)
    }
}
