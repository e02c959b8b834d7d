//! The queue: every change of state is one SQL function with one name, and each file here calls one of them
//! (DESIGN section 2). The daemon holds no other SQL but transaction control.

pub mod abort;
pub mod agent_tools;
mod announce;
pub mod api_key;
mod calls;
mod cancel_execution;
pub mod claim;
mod clock_skew;
mod count_webhook_calls;
pub mod definition;
mod deliver_events;
pub mod error;
pub mod execution_steps;
pub mod finish;
mod fire_schedules;
mod fold_uncounted;
pub mod giving_up;
mod heartbeat;
mod install;
pub mod keep_steps;
mod look;
mod maintain;
mod outcome;
mod park;
pub mod park_many;
pub mod progress;
pub mod readiness;
pub mod record;
mod release;
mod replay_missed;
mod rescue;
mod resume;
mod sent;
pub mod start_child;
pub mod start_notified;
mod start_tool;
pub mod start_webhooks;
pub mod tenant;
mod token_secret;
mod tools_stamp;
mod unpark;
mod use_api_key;
pub mod waited;
pub mod waiting_step;
pub mod webhook;

#[cfg(test)]
mod tests;

use deadpool_postgres::Pool;
use uuid::Uuid;

use self::abort::{AbortAt, Switch};
use self::calls::Calls;
pub use self::calls::ForTenant;
use self::giving_up::GivingUp;
use self::tenant::{Place, Sharing, Tenant};

pub use error::QueueError;
pub use outcome::Outcome;

/// The queue of one database. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    calls: Calls,
    /// Transactions that database nodes share.
    sharing: Sharing,
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
    pub fn new(pool: Pool, tenants: Pool, giving_up: GivingUp) -> Queue {
        Queue {
            calls: Calls::new(pool, tenants, giving_up),
            sharing: Sharing::default(),
        }
    }

    /// The same, for a test: it ends the process at this write.
    pub fn aborting(self, at: AbortAt) -> Queue {
        let calls = self.calls.switched(Switch::at(at));
        Queue { calls, ..self }
    }

    /// A connection for the transaction of a database node.
    pub async fn for_tenant(&self) -> Result<ForTenant, QueueError> {
        self.calls.for_tenant().await
    }

    /// A place in a transaction that database nodes of this account share. `worth`: so many make it worth its commit.
    pub fn place(&self, tenant: Tenant, worth: usize) -> Place {
        Place::new(self, tenant, worth)
    }

    /// Whether database nodes of this account share transactions now.
    pub fn is_sharing(&self, account: Uuid) -> bool {
        self.sharing.is_open_to(account)
    }

    /// Closes connections that nobody has used for a while.
    pub fn close_unused(&self) {
        self.calls.close_unused();
    }

    /// Waits until the transactions that were given up have ended in the server.
    pub async fn given_up(&self) {
        self.calls.giving_up.done().await;
    }
}

/// Claims as the three arrays that the batched functions take.
fn columns(claims: &[Claim]) -> (Vec<Uuid>, Vec<Uuid>, Vec<Uuid>) {
    let accounts = claims.iter().map(|claim| claim.account_id).collect();
    let ids = claims.iter().map(|claim| claim.id).collect();
    (accounts, ids, claims.iter().map(|claim| claim.token).collect())
}
