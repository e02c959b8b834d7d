//! What a run does in the database as the tenant: the transaction of a database node up to its record, and the rows
//! of lead and conversation that templates read. What collided is tried again from its beginning.

use std::sync::Arc;
use std::time::Duration;

use super::act::Run;
use super::names::Rows;
use crate::backoff::Backoff;
use crate::nodes::{Done, NodeError, NodeKind, NodeRun};
use crate::queue::ForTenant;
use crate::queue::error::{is_gone, is_transient};
use crate::queue::tenant::{OwnTransaction, Tenant, TenantTransaction, Trouble};

/// Below the server's default `deadlock_timeout` of a second: we give way before anybody is chosen as a victim.
const LOCK_TIMEOUT_MS: i64 = 500;
/// Others wait with it, and so does whoever waits for what they have locked.
const SHARED_LOCK_TIMEOUT_MS: i64 = 50;
/// How long one statement as the tenant may take.
const STATEMENT_TIMEOUT_MS: i64 = 30_000;
/// How often a transaction that collided is tried.
const COLLISIONS: u32 = 6;

impl Run<'_> {
    /// The whole transaction but its record and commit; what collided is tried again from its beginning.
    pub(super) async fn as_tenant(
        self,
        kind: &dyn NodeKind,
        run: NodeRun<'_>,
    ) -> Result<(Done, TenantTransaction), NodeError> {
        if let Some(company) = self.company
            && let Some(shared) = self.with_others(kind, run, company).await
        {
            return Ok(shared);
        }
        let mut tries = Tries::default();
        loop {
            let transaction = match self.connection().await {
                Ok(connection) => TenantTransaction::Own(OwnTransaction::over(connection, self.tenant())),
                Err((trouble, error)) => {
                    tries.again(trouble, error).await?;
                    continue;
                }
            };
            match acted(kind, run, &transaction).await {
                Ok(done) => return Ok((done, transaction)),
                Err(error) => {
                    let trouble = transaction.trouble();
                    drop(transaction);
                    tries.again(trouble, error).await?;
                }
            }
        }
    }

    /// The same in a transaction with other nodes of the account. None: it came to nothing, whoever's fault it was.
    async fn with_others(
        self,
        kind: &dyn NodeKind,
        run: NodeRun<'_>,
        company: usize,
    ) -> Option<(Done, TenantTransaction)> {
        let tenant = Tenant {
            lock_timeout_ms: SHARED_LOCK_TIMEOUT_MS,
            ..self.tenant()
        };
        let place = self.engine.queue.place(tenant, company);
        let transaction = TenantTransaction::Shared(place);
        match acted(kind, run, &transaction).await {
            Ok(done) => Some((done, transaction)),
            Err(error) => {
                tracing::debug!(%error, "a database node goes alone");
                None
            }
        }
    }

    /// The current rows of lead and conversation, as the tenant sees them.
    pub(super) async fn rows(self) -> Result<Arc<Rows>, NodeError> {
        if self.execution.lead_id.is_none() && self.execution.conversation_id.is_none() {
            return Ok(Arc::default());
        }
        let mut tries = Tries::default();
        loop {
            let (lead, conversation) = (self.execution.lead_id, self.execution.conversation_id);
            let read = async {
                let connection = self.connection().await?;
                let read = OwnTransaction::read(connection, self.tenant(), lead, conversation);
                read.await
                    .map_err(|error| (error.trouble(), NodeError::from(error)))
            };
            match read.await {
                Ok(rows) => return Ok(Arc::new(rows)),
                Err((trouble, error)) => tries.again(trouble, error).await?,
            }
        }
    }

    async fn connection(self) -> Result<ForTenant, (Option<Trouble>, NodeError)> {
        self.engine.queue.for_tenant().await.map_err(|error| {
            let trouble = match error.sqlstate() {
                Some(sqlstate) if is_transient(sqlstate) => Some(Trouble::Collision),
                Some(sqlstate) if !is_gone(sqlstate) => None,
                _ => Some(Trouble::Gone),
            };
            (trouble, NodeError::failed(error.to_string()))
        })
    }

    fn tenant(self) -> Tenant {
        Tenant {
            account_id: self.execution.account_id,
            execution_id: self.execution.id,
            depth: self.execution.depth,
            lock_timeout_ms: LOCK_TIMEOUT_MS,
            statement_timeout_ms: STATEMENT_TIMEOUT_MS,
        }
    }
}

/// One run of the node in this transaction.
async fn acted(
    kind: &dyn NodeKind,
    run: NodeRun<'_>,
    transaction: &TenantTransaction,
) -> Result<Done, NodeError> {
    let tenant = Some(transaction);
    kind.run(NodeRun { tenant, ..run }).await
}

/// Collisions are tried a few times; a database that is gone as long as the lease lasts, which the walk watches.
struct Tries {
    collisions: u32,
    backoff: Backoff,
}

impl Default for Tries {
    fn default() -> Tries {
        Tries {
            collisions: 0,
            backoff: Backoff::new(Duration::from_millis(20), Duration::from_secs(1)),
        }
    }
}

impl Tries {
    async fn again(&mut self, trouble: Option<Trouble>, error: NodeError) -> Result<(), NodeError> {
        match trouble {
            None => return Err(error),
            Some(Trouble::Collision) => {
                self.collisions += 1;
                if self.collisions >= COLLISIONS {
                    return Err(error);
                }
            }
            Some(Trouble::Gone) => {}
        }
        tracing::debug!(%error, "a database node is tried again");
        self.backoff.wait().await;
        Ok(())
    }
}
