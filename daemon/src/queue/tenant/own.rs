//! The transaction of one database node: become the tenant, act, prove that nobody left the role, step back, record,
//! commit. One that is dropped rolls back, and what it was doing is cancelled in the server.
//!
//! It takes two round trips: what needs no answer of what is before it is sent behind it. Where one fails, those behind
//! it do nothing, because the transaction has failed; the COMMIT of a failed transaction is a rollback.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use deadpool_postgres::Object;
use futures_util::join;
use serde_json::Value;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::super::abort::Switch;
use super::super::calls::ForTenant;
use super::super::giving_up::GivingUp;
use super::nodes::Asked;
use super::{Tenant, TenantError, TenantRole, Trouble, parsed};

pub(super) const BECOME_TENANT: &str = "SELECT automations.become_tenant($1, $2, $3, $4, $5)";
pub(super) const LEAVE_TENANT: &str = "SELECT automations.leave_tenant($1)::text";
const NODE_READ: &str =
    "SELECT r.lead::text, r.conversation::text FROM automations.node_read($1, $2, $3) AS r";

/// A transaction that acts as the tenant, once.
pub struct OwnTransaction {
    /// `None` once it is given up.
    pub(super) client: Option<Object>,
    pub(super) switch: Switch,
    giving_up: GivingUp,
    tenant: Tenant,
    role: TenantRole,
    trouble: Mutex<Option<Trouble>>,
    /// It has begun, or is about to.
    pub(super) begun: AtomicBool,
    /// Statements whose answers have not come.
    unanswered: AtomicUsize,
    /// The commit has been asked for: nobody may cancel that.
    pub(super) committing: AtomicBool,
    /// It has ended in the server.
    pub(super) over: AtomicBool,
    /// A cancel request that comes late must not meet a statement of whoever has the connection next.
    spent: AtomicBool,
}

impl OwnTransaction {
    /// Nothing is asked yet.
    pub fn over(lent: ForTenant, tenant: Tenant) -> OwnTransaction {
        OwnTransaction {
            client: Some(lent.client),
            switch: lent.switch,
            giving_up: lent.giving_up,
            tenant,
            role: lent.role,
            trouble: Mutex::default(),
            begun: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
            committing: AtomicBool::new(false),
            over: AtomicBool::new(false),
            spent: AtomicBool::new(false),
        }
    }

    /// Becomes the tenant, and rolls back: whether database nodes could act.
    pub async fn try_out(self) -> Result<(), TenantError> {
        let become_tenant = self.prepared(BECOME_TENANT).await?;
        self.begin(&become_tenant).await?;
        self.batch("ROLLBACK").await?;
        self.over.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The current rows for templates, as the tenant sees them: `(lead, conversation)`, null where there is none to
    /// see. A whole transaction in one round trip.
    pub async fn read(
        client: ForTenant,
        tenant: Tenant,
        lead_id: Option<Uuid>,
        conversation_id: Option<Uuid>,
    ) -> Result<(Value, Value), TenantError> {
        let open = OwnTransaction::over(client, tenant);
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
        open.over.store(true, Ordering::Relaxed);
        Ok((parsed(row.try_get(0)?)?, parsed(row.try_get(1)?)?))
    }

    /// What happened in this transaction that makes it worth another try, whatever the node made of it.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acts as the tenant and steps back, once: afterwards nothing more can be asked. It is an error as well where somebody (a
    /// trigger of the application) changed the role under us.
    pub(super) async fn act(&self, asked: Asked<'_>) -> Result<Option<String>, TenantError> {
        if self.begun.load(Ordering::Relaxed) {
            return Err(TenantError::closed());
        }
        // all of them first: what waits to be prepared would be sent behind what comes after it
        let become_tenant = self.prepared(BECOME_TENANT).await?;
        let statement = self.prepared(asked.asking.alone).await?;
        let act_and_leave = async |role: &str| {
            let mut parameters = asked.parameters.to_vec();
            parameters.extend::<[&(dyn ToSql + Sync); 2]>([&self.tenant.account_id, &role]);
            let row = self.prepared_row(&statement, &parameters).await?;
            Ok(row.try_get(0)?)
        };
        let Some(role) = self.role.known() else {
            let role = self.begin(&become_tenant).await?;
            self.role.learn(Some(role.clone()));
            return act_and_leave(&role).await;
        };
        // last_of_tenant compares with the role of the last time; another one now fails there
        let (begun, acted) = join!(self.begin(&become_tenant), act_and_leave(&role));
        if *begun? != *role {
            self.role.learn(None);
            self.note(Trouble::Collision);
        }
        acted
    }

    /// Rolls it back now, where it is not the only one who has it: dropping comes later. Nothing may be sent any more.
    pub(super) async fn roll_back(&self) {
        if let Some(client) = &self.client {
            let busy = self.unanswered.load(Ordering::Relaxed) > 0;
            let is_clean = self.giving_up.roll_back(client, busy).await;
            self.spent.store(!is_clean, Ordering::Relaxed);
            self.over.store(true, Ordering::Relaxed);
        }
    }

    /// Becomes the tenant, and says in which role.
    pub(super) async fn begin(&self, become_tenant: &Statement) -> Result<Arc<str>, TenantError> {
        self.begun.store(true, Ordering::Relaxed);
        let parameters = self.tenant.parameters();
        let (begun, row) = join!(self.batch("BEGIN"), self.prepared_row(become_tenant, &parameters));
        begun?;
        Ok(row?.try_get::<_, &str>(0)?.into())
    }

    /// Prepared once per connection.
    pub(super) async fn prepared(&self, sql: &str) -> Result<Statement, TenantError> {
        let Some(client) = &self.client else {
            return Err(TenantError::closed());
        };
        let statement = self.answered(pin!(client.prepare_cached(sql))).await;
        statement.map_err(|error| self.noted(error))
    }

    /// Sent when it is first polled, without waiting for anything before: what is joined goes in its order.
    pub(super) async fn prepared_row(
        &self,
        statement: &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, TenantError> {
        let Some(client) = &self.client else {
            return Err(TenantError::closed());
        };
        let row = self.answered(pin!(client.query_one(statement, parameters))).await;
        row.map_err(|error| self.noted(error))
    }

    /// Waits for an answer, and knows that it does: whoever drops this leaves a statement running. Pinned where it is, as
    /// for [`Switch::write`].
    pub(super) async fn answered<T>(&self, statement: Pin<&mut impl Future<Output = T>>) -> T {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let answer = statement.await;
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    fn noted(&self, error: tokio_postgres::Error) -> TenantError {
        let error = TenantError::from(error);
        if let Some(trouble) = error.trouble() {
            self.note(trouble);
        }
        error
    }

    /// The first trouble is the one that counts.
    fn note(&self, trouble: Trouble) {
        let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(trouble);
    }

    async fn batch(&self, sql: &str) -> Result<(), TenantError> {
        let Some(client) = &self.client else {
            return Err(TenantError::closed());
        };
        let done = self.answered(pin!(client.batch_execute(sql))).await;
        done.map_err(|error| self.noted(error))
    }
}

/// A transaction that was given up rolls back before its connection serves anybody else.
impl Drop for OwnTransaction {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else {
            return;
        };
        if *self.spent.get_mut() {
            drop(Object::take(client));
        } else if !*self.over.get_mut() {
            let busy = *self.unanswered.get_mut() > 0 && !*self.committing.get_mut();
            self.giving_up.take(client, busy);
        }
    }
}
