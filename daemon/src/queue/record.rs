//! `automations.record` and `record_many`: step records, written under the lease.

use std::collections::HashSet;

use uuid::Uuid;

use super::sent::Sent;
use super::{Claim, Queue, QueueError, columns};
use crate::engine::record::Record;

const RECORD: &str = "SELECT automations.record($1, $2, $3, automations.from_json($4), $5)";
const RECORD_MANY: &str =
    "SELECT written FROM automations.record_many($1, $2, $3, automations.from_json($4), $5) AS written";

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
        let (steps, durable) = (Sent(steps), sure == Sure::OnDisk);
        let row = self
            .calls
            .write_one(
                RECORD,
                &[&claim.account_id, &claim.id, &claim.token, &steps, &durable],
            )
            .await?;
        Ok(row.try_get::<_, Option<bool>>(0)?.unwrap_or(false))
    }

    /// Writes step records of many executions in one transaction; `records[i]` belongs to `claims[i]`. Returns the ids
    /// whose steps are written; every other one is to be recorded alone, which says why.
    pub async fn record_many(
        &self,
        claims: &[Claim],
        records: &[&[Record]],
        sure: Sure,
    ) -> Result<HashSet<Uuid>, QueueError> {
        let (accounts, ids, tokens) = columns(claims);
        let (records, durable) = (Sent(records), sure == Sure::OnDisk);
        let rows = self
            .calls
            .write(RECORD_MANY, &[&accounts, &ids, &tokens, &records, &durable])
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}
