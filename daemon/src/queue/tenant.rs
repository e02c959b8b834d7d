//! The transaction of a database node (DESIGN D8, D9): become the tenant, act, prove that nobody left the role,
//! step back, record, commit. Nothing is shared between two of them; one that is dropped rolls back, and what it was
//! doing is cancelled in the server.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use deadpool_postgres::Object;
use futures_util::join;
use serde_json::Value;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::abort::Switch;
use super::calls::ForTenant;
use super::error::QueueError;
use super::giving_up::GivingUp;
pub use super::tenant_error::{TenantError, Trouble};
use super::{Claim, record};
use crate::engine::record::Record;

/// What `become_tenant` is told.
#[derive(Debug, Clone, Copy)]
pub struct Tenant {
    /// Whose rows.
    pub account_id: Uuid,
    /// Provenance of what is written (D12).
    pub execution_id: Uuid,
    /// Depth of the chain (D12).
    pub depth: i16,
    /// Milliseconds; below the server's `deadlock_timeout`, so that the application is never the victim.
    pub lock_timeout_ms: i64,
    /// Milliseconds.
    pub statement_timeout_ms: i64,
}

impl Tenant {
    fn parameters(&self) -> [&(dyn ToSql + Sync); 5] {
        [
            &self.account_id,
            &self.execution_id,
            &self.depth,
            &self.lock_timeout_ms,
            &self.statement_timeout_ms,
        ]
    }
}

const BECOME_TENANT: &str = "SELECT automations.become_tenant($1, $2, $3, $4, $5)";
const LEAVE_TENANT: &str = "SELECT automations.leave_tenant($1)::text";
const NODE_READ: &str =
    "SELECT r.lead::text, r.conversation::text FROM automations.node_read($1, $2, $3) AS r";

/// An open transaction that acts as the tenant.
pub struct TenantTransaction {
    /// `None` once committed or rolled back.
    client: Option<Object>,
    switch: Switch,
    giving_up: GivingUp,
    tenant: Tenant,
    role: String,
    trouble: Mutex<Option<Trouble>>,
    /// Statements whose answers have not come.
    unanswered: AtomicUsize,
    /// What has been asked for last is the commit: nobody may cancel that.
    committing: AtomicBool,
}

impl TenantTransaction {
    /// Opens the transaction and becomes the tenant, in one round trip.
    pub async fn begin(client: ForTenant, tenant: Tenant) -> Result<TenantTransaction, TenantError> {
        let mut open = TenantTransaction::over(client, tenant);
        let become_tenant = open.prepared(BECOME_TENANT).await?;
        let parameters = tenant.parameters();
        // sent one behind the other; where the first fails the second does nothing
        let (begun, row) = join!(
            open.batch("BEGIN"),
            open.prepared_row(&become_tenant, &parameters)
        );
        begun?;
        open.role = row?.try_get(0)?;
        Ok(open)
    }

    /// The current rows for templates, as the tenant sees them: `(lead, conversation)`, null where there is none to
    /// see. A whole transaction in one round trip.
    pub async fn read(
        client: ForTenant,
        tenant: Tenant,
        lead_id: Option<Uuid>,
        conversation_id: Option<Uuid>,
    ) -> Result<(Value, Value), TenantError> {
        let mut open = TenantTransaction::over(client, tenant);
        let become_tenant = open.prepared(BECOME_TENANT).await?;
        let node_read = open.prepared(NODE_READ).await?;
        let parameters = tenant.parameters();
        let whose: [&(dyn ToSql + Sync); 3] = [&tenant.account_id, &lead_id, &conversation_id];
        let (begun, became, row, ended) = join!(
            open.batch("BEGIN"),
            open.prepared_row(&become_tenant, &parameters),
            open.prepared_row(&node_read, &whose),
            open.batch("ROLLBACK"),
        );
        begun?;
        became?;
        let row = row?;
        ended?;
        open.client = None;
        Ok((parsed(row.try_get(0)?)?, parsed(row.try_get(1)?)?))
    }

    fn over(lent: ForTenant, tenant: Tenant) -> TenantTransaction {
        TenantTransaction {
            client: Some(lent.client),
            switch: lent.switch,
            giving_up: lent.giving_up,
            tenant,
            role: String::new(),
            trouble: Mutex::default(),
            unanswered: AtomicUsize::new(0),
            committing: AtomicBool::new(false),
        }
    }

    /// `action-db`: `{"rows": [...]}`.
    pub async fn db(&self, config: &Value) -> Result<Value, TenantError> {
        self.json(
            "SELECT automations.node_db($1, $2)::text",
            &[&self.tenant.account_id, &Json(config)],
        )
        .await
    }

    /// `action-update-lead`: the row.
    pub async fn update_lead(
        &self,
        lead_id: Option<Uuid>,
        updates: &Value,
        create_if_not_exists: bool,
    ) -> Result<Value, TenantError> {
        self.json(
            "SELECT automations.node_update_lead($1, $2, $3, $4)::text",
            &[
                &self.tenant.account_id,
                &lead_id,
                &Json(updates),
                &create_if_not_exists,
            ],
        )
        .await
    }

    /// `action-create-booking`: the row.
    pub async fn create_booking(&self, config: &Value) -> Result<Value, TenantError> {
        let account = &self.tenant.account_id;
        self.json(
            "SELECT automations.node_create_booking($1, $2)::text",
            &[account, &Json(config)],
        )
        .await
    }

    /// `action-send-message`: the row.
    pub async fn send_message(&self, config: &Value) -> Result<Value, TenantError> {
        let account = &self.tenant.account_id;
        self.json(
            "SELECT automations.node_send_message($1, $2)::text",
            &[account, &Json(config)],
        )
        .await
    }

    /// `action-emit`: the event's id.
    pub async fn emit(&self, event: &str, payload: &Value) -> Result<Uuid, TenantError> {
        let account = &self.tenant.account_id;
        let sql = "SELECT automations.emit($1, $2, NULL, $3)";
        let row = self.row(sql, &[&event, &Json(payload), account]).await?;
        Ok(row.try_get(0)?)
    }

    /// What happened in this transaction that makes it worth another try, whatever the node made of it.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs what was deferred while still the tenant, then steps back to the daemon's role. An error means that
    /// somebody (a trigger of the application) changed the role under us: roll back.
    pub async fn leave(&mut self) -> Result<(), TenantError> {
        let leave_tenant = self.prepared(LEAVE_TENANT).await?;
        let role: [&(dyn ToSql + Sync); 1] = [&self.role];
        let (settled, left) = join!(
            self.batch("SET CONSTRAINTS ALL IMMEDIATE"),
            self.prepared_row(&leave_tenant, &role),
        );
        settled?;
        left?;
        Ok(())
    }

    /// Writes step records under the lease, as the last statement before the commit. `false`: the lease is lost.
    pub async fn record(&self, claim: Claim, steps: &[Record]) -> Result<bool, QueueError> {
        let Some(client) = &self.client else {
            return Ok(false);
        };
        let (statement, steps) = (
            self.answered(client.prepare_cached(record::SQL)).await?,
            Json(steps),
        );
        let parameters = record::parameters(&claim, &steps);
        record::written(&self.answered(client.query_one(&statement, &parameters)).await?)
    }

    /// Makes it so: the one write of this transaction. An error leaves it unknown whether the commit happened.
    pub async fn commit(mut self) -> Result<(), TenantError> {
        self.committing.store(true, Ordering::Relaxed);
        self.switch.write(self.batch("COMMIT")).await?;
        self.client = None;
        Ok(())
    }

    /// Gives up what was done.
    pub async fn rollback(mut self) -> Result<(), TenantError> {
        self.batch("ROLLBACK").await?;
        self.client = None;
        Ok(())
    }

    async fn json(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Value, TenantError> {
        parsed(self.row(sql, parameters).await?.try_get(0)?)
    }

    async fn row(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Row, TenantError> {
        let statement = self.prepared(sql).await?;
        self.prepared_row(&statement, parameters).await
    }

    /// Prepared once per connection.
    async fn prepared(&self, sql: &str) -> Result<Statement, TenantError> {
        let Some(client) = &self.client else {
            return Err(TenantError::closed());
        };
        let statement = self.answered(client.prepare_cached(sql)).await;
        statement.map_err(|error| self.noted(error))
    }

    /// Sent when it is first polled, without waiting for anything before: what is joined goes in its order.
    async fn prepared_row(
        &self,
        statement: &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, TenantError> {
        let Some(client) = &self.client else {
            return Err(TenantError::closed());
        };
        let row = self.answered(client.query_one(statement, parameters)).await;
        row.map_err(|error| self.noted(error))
    }

    /// Waits for an answer, and knows that it does: whoever drops this leaves a statement running.
    async fn answered<T>(&self, statement: impl Future<Output = T>) -> T {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let answer = statement.await;
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    fn noted(&self, error: tokio_postgres::Error) -> TenantError {
        let error = TenantError::from(error);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = trouble.or(error.trouble());
        error
    }

    async fn batch(&self, sql: &str) -> Result<(), TenantError> {
        let Some(client) = &self.client else {
            return Err(TenantError::closed());
        };
        let done = self.answered(client.batch_execute(sql)).await;
        done.map_err(|error| self.noted(error))
    }
}

/// A transaction that was given up rolls back before its connection serves anybody else.
impl Drop for TenantTransaction {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let busy = *self.unanswered.get_mut() > 0 && !*self.committing.get_mut();
            self.giving_up.take(client, busy);
        }
    }
}

fn parsed(text: Option<String>) -> Result<Value, TenantError> {
    match text {
        Some(text) => serde_json::from_str(&text).map_err(TenantError::Unreadable),
        None => Ok(Value::Null),
    }
}
