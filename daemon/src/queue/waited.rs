//! `automations.waited`: what has come of all that an execution in hand waits for outside.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{Claim, Queue, QueueError};

/// One wait that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The idempotency key of the step that waited.
    pub step_key: Uuid,
    /// `resumed`, `event`, `child` or `timeout`.
    pub came: String,
    /// What a person decided.
    pub outcome: Option<String>,
    /// JSON as text: what Postgres stores may be more than this program can hold.
    pub payload: Option<String>,
}

impl Queue {
    /// Asks. A wait whose time is over by the database's clock is over from then on; what has come is told again until
    /// the step is recorded. Nothing when the lease is lost.
    pub async fn waited(&self, claim: Claim) -> Result<Vec<Arrived>, QueueError> {
        let sql = "SELECT step_key, came, outcome, payload FROM automations.waited($1, $2, $3)";
        let rows = self
            .calls
            .sweep(sql, &[&claim.account_id, &claim.id, &claim.token], |rows| {
                rows.iter()
                    .any(|row| row.try_get(1).is_ok_and(|came: &str| came == "timeout"))
            })
            .await?;
        rows.iter().map(arrived).collect()
    }
}

fn arrived(row: &Row) -> Result<Arrived, QueueError> {
    Ok(Arrived {
        step_key: row.try_get(0)?,
        came: row.try_get(1)?,
        outcome: row.try_get(2)?,
        payload: row.try_get(3)?,
    })
}
