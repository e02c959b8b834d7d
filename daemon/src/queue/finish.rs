//! `automations.finish`: ends executions, as many as are ready, in one transaction.

use std::collections::HashSet;

use serde_json::value::RawValue;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Claim, Queue, QueueError, columns};

impl Queue {
    /// Ends executions; `results[i]` belongs to `claims[i]`. Returns the ids that were written. Of several, those
    /// whose rows somebody has locked are passed over: ask again with one alone, which waits, and whose absence in
    /// the answer means that its lease is lost.
    pub async fn finish(&self, claims: &[Claim], results: &[&RawValue]) -> Result<HashSet<Uuid>, QueueError> {
        let (accounts, ids, tokens) = columns(claims);
        let rows = self
            .calls
            .write(
                "SELECT written FROM automations.finish($1, $2, $3, $4) AS written",
                &[&accounts, &ids, &tokens, &Json(results)],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}
