//! The queue: every change of state is one SQL function with one name, and each file here calls one of them
//! (DESIGN section 2). The daemon holds no other SQL but transaction control.

mod announce;
pub mod claim;
mod clock_skew;
pub mod definition;
pub mod error;
pub mod execution_steps;
mod finish;
mod fold_uncounted;
mod heartbeat;
mod install;
mod maintain;
mod park;
pub mod readiness;
pub mod record;
mod release;
mod replay_missed;
mod rescue;
pub mod tenant;
mod unpark;

use deadpool_postgres::{Object, Pool};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

pub use error::QueueError;

/// The queue of one database. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    pool: Pool,
    tenants: Pool,
}

/// What a claim holds: every later write names all three (DESIGN D7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub account_id: Uuid,
    /// The execution.
    pub id: Uuid,
    /// The fence: made anew for each claim call.
    pub token: Uuid,
}

impl Queue {
    /// Over these two pools. They are two because a database node holds its connection while its walk may have to
    /// record another step: with one pool, as many such walks as connections would wait for each other for ever.
    pub fn new(pool: Pool, tenants: Pool) -> Queue {
        Queue { pool, tenants }
    }

    /// A connection for one call.
    async fn connection(&self) -> Result<Object, QueueError> {
        Ok(self.pool.get().await?)
    }

    /// A connection for the transaction of a database node.
    pub async fn for_tenant(&self) -> Result<Object, QueueError> {
        Ok(self.tenants.get().await?)
    }

    /// Rows of one statement, prepared once per connection.
    async fn rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, QueueError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query(&statement, parameters).await?)
    }

    /// The only row of one statement.
    async fn row(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Row, QueueError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_one(&statement, parameters).await?)
    }
}

/// Claims as the three arrays that the batched functions take.
fn columns(claims: &[Claim]) -> (Vec<Uuid>, Vec<Uuid>, Vec<Uuid>) {
    let accounts = claims.iter().map(|claim| claim.account_id).collect();
    let ids = claims.iter().map(|claim| claim.id).collect();
    (accounts, ids, claims.iter().map(|claim| claim.token).collect())
}
