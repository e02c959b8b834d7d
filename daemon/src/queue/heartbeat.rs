//! `automations.heartbeat`: extends the leases of everything that this daemon holds, in one call.

use std::collections::HashSet;
use std::time::Duration;

use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::{Claim, Queue, QueueError, columns};

impl Queue {
    /// Prepares the call on that connection, once.
    pub async fn prepare_heartbeat(client: &Client) -> Result<Statement, QueueError> {
        let sql = "SELECT held FROM automations.heartbeat($1, $2, $3, $4) AS held";
        Ok(client.prepare(sql).await?)
    }

    /// Extends leases over a connection that is reserved for it, so that a pool in which everybody waits costs no
    /// lease. Returns the ids that are still held; every other one is lost.
    pub async fn heartbeat(
        client: &Client,
        statement: &Statement,
        claims: &[Claim],
        lease: Duration,
    ) -> Result<HashSet<Uuid>, QueueError> {
        let (accounts, ids, tokens) = columns(claims);
        let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let rows = client
            .query(statement, &[&accounts, &ids, &tokens, &lease_ms])
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}
