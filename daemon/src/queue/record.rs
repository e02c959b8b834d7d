//! `automations.record`: step records, written under the lease.

use tokio_postgres::types::{Json, ToSql};

use super::{Claim, Queue, QueueError};
use crate::engine::record::Record;

const SQL: &str = "SELECT automations.record($1, $2, $3, $4)";

impl Queue {
    /// Writes step records in a transaction of their own. `false`: the lease is lost and nothing was written.
    pub async fn record(&self, claim: Claim, steps: &[Record]) -> Result<bool, QueueError> {
        let steps = Json(steps);
        let row = self.calls.write_one(SQL, &parameters(&claim, &steps)).await?;
        Ok(row.try_get::<_, Option<bool>>(0)?.unwrap_or(false))
    }
}

/// What it is told, also where it is the last statement of a database node's transaction.
pub(super) fn parameters<'a>(claim: &'a Claim, steps: &'a Json<&[Record]>) -> [&'a (dyn ToSql + Sync); 4] {
    [&claim.account_id, &claim.id, &claim.token, steps]
}
