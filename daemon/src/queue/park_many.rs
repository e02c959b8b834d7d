//! `automations.park_many`: executions that only wait for time to pass become rows, many in one transaction.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::park::milliseconds;
use super::sent::Sent;
use super::{Claim, Queue, QueueError, columns};
use crate::engine::record::Record;
use crate::engine::summary::Listed;

/// What is parked of one execution.
#[derive(Serialize)]
pub struct Park<'a> {
    wake_in_ms: Option<i64>,
    steps: &'a [Record],
    nodes_executed: &'a Listed,
    variables: &'a Value,
}

impl<'a> Park<'a> {
    /// Until then; what people read of it meanwhile.
    pub fn new(
        wake_in: Option<Duration>,
        steps: &'a [Record],
        nodes_executed: &'a Listed,
        variables: &'a Value,
    ) -> Park<'a> {
        Park {
            wake_in_ms: wake_in.map(milliseconds),
            steps,
            nodes_executed,
            variables,
        }
    }
}

impl Queue {
    /// Parks executions; `parks[i]` belongs to `claims[i]`. Returns the ids that are parked; every other one is to be
    /// parked alone, which says why.
    pub async fn park_many(
        &self,
        claims: &[Claim],
        parks: &[&RawValue],
    ) -> Result<HashSet<Uuid>, QueueError> {
        let (accounts, ids, tokens) = columns(claims);
        let rows = self
            .calls
            .write(
                "SELECT parked FROM automations.park_many($1, $2, $3, automations.from_json($4)) AS parked",
                &[&accounts, &ids, &tokens, &Sent(parks)],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}
