//! `automations.record`: step records, written under the lease.

use deadpool_postgres::Object;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Claim, Queue, QueueError};
use crate::engine::record::Record;

impl Queue {
    /// Writes step records in a transaction of their own. `false`: the lease is lost and nothing was written.
    pub async fn record(&self, claim: Claim, steps: &[Record]) -> Result<bool, QueueError> {
        let client = self.connection().await?;
        record(&client, claim.account_id, claim.id, claim.token, steps).await
    }
}

/// Writes step records in the transaction that is open on `client`.
pub async fn record(
    client: &Object,
    account_id: Uuid,
    execution_id: Uuid,
    token: Uuid,
    steps: &[Record],
) -> Result<bool, QueueError> {
    let statement = client
        .prepare_cached("SELECT automations.record($1, $2, $3, $4)")
        .await?;
    let row = client
        .query_one(&statement, &[&account_id, &execution_id, &token, &Json(steps)])
        .await?;
    Ok(row.try_get::<_, Option<bool>>(0)?.unwrap_or(false))
}
