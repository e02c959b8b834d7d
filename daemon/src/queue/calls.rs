//! The way to the database: everything that the daemon asks of it goes through one of these methods, and each says
//! whether it changes anything. Connections are not to be had otherwise, so that no write can slip past the switch
//! of the crash tests ([`super::abort`]). (The heartbeat has a connection of its own: it only extends leases.)

use std::pin::pin;

use deadpool_postgres::{Object, Pool};
use futures_util::TryStreamExt;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::QueueError;
use super::abort::Switch;
use super::giving_up::GivingUp;
use super::tenant::TenantRole;
use crate::database::pool::close_unused;

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The connections of one database. Cheap to clone.
#[derive(Clone)]
pub struct Calls {
    pool: Pool,
    tenants: Pool,
    switch: Switch,
    pub(super) giving_up: GivingUp,
    role: TenantRole,
}

/// A connection for the transaction of a database node; its commit is a write.
pub struct ForTenant {
    pub(super) client: Object,
    pub(super) switch: Switch,
    pub(super) giving_up: GivingUp,
    pub(super) role: TenantRole,
}

impl Calls {
    /// Over these two pools.
    pub(super) fn new(pool: Pool, tenants: Pool, giving_up: GivingUp) -> Calls {
        Calls {
            pool,
            tenants,
            switch: Switch::default(),
            giving_up,
            role: TenantRole::default(),
        }
    }

    /// The same, with this switch.
    pub(super) fn switched(self, switch: Switch) -> Calls {
        Calls { switch, ..self }
    }

    /// A connection for the transaction of a database node.
    pub(super) async fn for_tenant(&self) -> Result<ForTenant, QueueError> {
        Ok(ForTenant {
            client: self.tenants.get().await?,
            switch: self.switch.clone(),
            giving_up: self.giving_up.clone(),
            role: self.role.clone(),
        })
    }

    /// Closes connections that nobody has used for a while.
    pub(super) fn close_unused(&self) {
        close_unused(&self.pool);
        close_unused(&self.tenants);
    }

    /// Rows of a statement that changes nothing, prepared once per connection.
    pub(super) async fn read(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, QueueError> {
        self.rows(sql, parameters).await
    }

    /// The only row of a statement that changes nothing.
    pub(super) async fn read_one(&self, sql: &str, parameters: Parameters<'_>) -> Result<Row, QueueError> {
        self.row(sql, parameters).await
    }

    /// Rows of a statement that changes nothing, one at a time until `take` says `false`; what has not been taken
    /// waits in the server.
    pub(super) async fn read_each(
        &self,
        sql: &str,
        about: Uuid,
        mut take: impl FnMut(&Row) -> Result<bool, QueueError>,
    ) -> Result<(), QueueError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query_raw(&statement, [about]).await?;
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await? {
            if !take(&row)? {
                break;
            }
            tokio::task::consume_budget().await; // there may be a hundred thousand, and heartbeats to send
        }
        Ok(())
    }

    /// Rows of a statement that changes rows.
    pub(super) async fn write(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, QueueError> {
        self.switch.write(pin!(self.rows(sql, parameters))).await
    }

    /// The only row of a statement that changes rows.
    pub(super) async fn write_one(&self, sql: &str, parameters: Parameters<'_>) -> Result<Row, QueueError> {
        self.switch.write(pin!(self.row(sql, parameters))).await
    }

    /// Rows of a statement that looks for something to do and changes rows where it finds some: `found` says so from
    /// the answer. It is a write then, and else none, so that writes can be counted the same way in every run.
    pub(super) async fn sweep(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        found: impl FnOnce(&[Row]) -> bool,
    ) -> Result<Vec<Row>, QueueError> {
        if !self.switch.is_armed() {
            return self.rows(sql, parameters).await;
        }
        let mut client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        let transaction = client.transaction().await?;
        let rows = transaction.query(&statement, parameters).await?;
        match found(&rows) {
            true => self.switch.write(pin!(transaction.commit())).await?,
            false => transaction.commit().await?,
        }
        Ok(rows)
    }

    /// As [`Calls::sweep`], of a statement with one row.
    pub(super) async fn sweep_one(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        found: impl FnOnce(&Row) -> bool,
    ) -> Result<Row, QueueError> {
        if !self.switch.is_armed() {
            return self.row(sql, parameters).await;
        }
        let mut client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        let transaction = client.transaction().await?;
        let row = transaction.query_one(&statement, parameters).await?;
        match found(&row) {
            true => self.switch.write(pin!(transaction.commit())).await?,
            false => transaction.commit().await?,
        }
        Ok(row)
    }

    /// As [`Calls::sweep`], of a function that returns how many it found.
    pub(super) async fn sweep_count(&self, sql: &str, parameters: Parameters<'_>) -> Result<i32, QueueError> {
        let count = |row: &Row| row.try_get::<_, Option<i32>>(0);
        let row = self
            .sweep_one(sql, parameters, |row| {
                count(row).is_ok_and(|count| count > Some(0))
            })
            .await?;
        Ok(count(&row)?.unwrap_or(0))
    }

    /// A statement that tells others something, changes no row, and says itself that its commit does not wait for the
    /// disk.
    pub(super) async fn notify(&self, sql: &str, parameters: Parameters<'_>) -> Result<(), QueueError> {
        self.rows(sql, parameters).await?;
        Ok(())
    }

    async fn rows(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, QueueError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query(&statement, parameters).await?)
    }

    async fn row(&self, sql: &str, parameters: Parameters<'_>) -> Result<Row, QueueError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_one(&statement, parameters).await?)
    }
}
