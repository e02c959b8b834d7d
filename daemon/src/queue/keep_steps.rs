//! `automations.keep_steps`: the records of steps that are about to act, in the queue rows of executions without a row.

use std::collections::HashSet;

use uuid::Uuid;

use super::sent::Sent;
use super::{Claim, Queue, QueueError, columns};
use crate::engine::record::Record;

const KEEP_STEPS: &str =
    "SELECT kept FROM automations.keep_steps($1, $2, $3, automations.from_json($4)) AS kept";

impl Queue {
    /// `records[i]` belongs to `claims[i]`. The ids of which they are kept; every other one is to be recorded. Not on the
    /// disk yet: it is only said that steps are about to act, and they may act again.
    pub async fn keep_steps(
        &self,
        claims: &[Claim],
        records: &[&[Record]],
    ) -> Result<HashSet<Uuid>, QueueError> {
        let (accounts, ids, tokens) = columns(claims);
        let rows = self
            .calls
            .write(KEEP_STEPS, &[&accounts, &ids, &tokens, &Sent(records)])
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}
