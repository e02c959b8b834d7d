//! `automations.record`: step records, written under the lease.

use tokio_postgres::types::{Json, ToSql};

use super::{Claim, Queue, QueueError};
use crate::engine::record::Record;

const RECORD: &str = "SELECT automations.record($1, $2, $3, $4)";
const RECORD_STARTED: &str = "SELECT automations.record_started($1, $2, $3, $4)";

/// How sure a record has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sure {
    /// On the disk of the server.
    #[default]
    OnDisk,
    /// There unless the server crashes within the next moment: it is only said that steps are about to act, and they may
    /// act again.
    Soon,
}

impl Queue {
    /// Writes step records in a transaction of their own. `false`: the lease is lost and nothing was written.
    pub async fn record(&self, claim: Claim, steps: &[Record], sure: Sure) -> Result<bool, QueueError> {
        let steps = Json(steps);
        let sql = match sure {
            Sure::OnDisk => RECORD,
            Sure::Soon => RECORD_STARTED,
        };
        let row = self.calls.write_one(sql, &parameters(&claim, &steps)).await?;
        Ok(row.try_get::<_, Option<bool>>(0)?.unwrap_or(false))
    }
}

/// What it is told, also where it is the last statement of a database node's transaction.
pub(super) fn parameters<'a>(claim: &'a Claim, steps: &'a Json<&[Record]>) -> [&'a (dyn ToSql + Sync); 4] {
    [&claim.account_id, &claim.id, &claim.token, steps]
}
