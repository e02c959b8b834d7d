//! `automations.park`: an execution that only waits becomes a row.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::types::Json;

use super::sent::Sent;
use super::{Claim, Queue, QueueError};
use crate::engine::record::Record;
use crate::engine::summary::Listed;

/// What people read of it.
#[derive(Debug, Serialize)]
struct Read<'a> {
    nodes_executed: &'a Listed,
}

impl Queue {
    /// Parks; `wake_in` of `None` waits until somebody resumes it. What people read stays as it is where none is given.
    /// `false`: the lease is lost, nothing was written.
    pub async fn park(
        &self,
        claim: Claim,
        wake_in: Option<Duration>,
        steps: &[Record],
        nodes_executed: Option<&Listed>,
        variables: Option<&Value>,
    ) -> Result<bool, QueueError> {
        let wake_in_ms = wake_in.map(milliseconds);
        let row = self
            .calls
            .write_one(
                "SELECT automations.park($1, $2, $3, $4, automations.from_json($5),
                     automations.from_json($6) -> 0 -> 'nodes_executed', $7)",
                &[
                    &claim.account_id,
                    &claim.id,
                    &claim.token,
                    &wake_in_ms,
                    &Sent(steps),
                    &nodes_executed.map(|nodes_executed| Sent([Read { nodes_executed }])),
                    &variables.map(Json),
                ],
            )
            .await?;
        Ok(row.try_get::<_, Option<bool>>(0)?.unwrap_or(false))
    }
}

/// Up, not down: who wakes a millisecond early only parks again.
pub(super) fn milliseconds(wait: Duration) -> i64 {
    i64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
