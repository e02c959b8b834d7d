//! The transaction in which a database node acts as the tenant (DESIGN D8, D9): one of its own, or, where many executions
//! of the account run, one that it shares with others of them (`docs/decisions/shared_transactions.md`).

mod commit;
mod error;
mod identity;
mod member;
mod nodes;
mod own;
mod shared;
mod sharing;
mod writing;

use serde_json::Value;
use serde_json::value::RawValue;

pub use self::commit::Committed;
pub use self::error::{TenantError, Trouble};
pub use self::identity::{Tenant, TenantRole};
use self::nodes::Asked;
pub use self::own::OwnTransaction;
pub use self::shared::MOST;
pub use self::sharing::{Place, Sharing};
use super::Claim;
use crate::engine::record::Record;

/// A transaction that acts as the tenant, once for each node.
pub enum TenantTransaction {
    /// This node's.
    Own(OwnTransaction),
    /// This node's and others'.
    Shared(Place),
}

impl TenantTransaction {
    /// What happened in it that makes it worth another try, whatever the node made of it.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            TenantTransaction::Own(own) => own.trouble(),
            TenantTransaction::Shared(_) => None,
        }
    }

    /// Whether others act in it.
    pub fn is_shared(&self) -> bool {
        matches!(self, TenantTransaction::Shared(_))
    }

    /// Writes step records under the lease, and commits: the last write of this node.
    pub async fn commit(self, claim: Claim, steps: &[Record]) -> Committed {
        match self {
            TenantTransaction::Own(own) => own.commit(claim, steps).await,
            TenantTransaction::Shared(place) => place.commit(claim, steps).await,
        }
    }

    /// Ends the execution under its lease, and commits. [`Committed::Lost`] is also said where somebody has locked it.
    pub async fn finish(self, claim: Claim, result: &RawValue) -> Committed {
        match self {
            TenantTransaction::Own(own) => own.finish(claim, result).await,
            TenantTransaction::Shared(place) => place.finish(claim, result).await,
        }
    }

    /// Acts as the tenant, once: afterwards nothing more can be asked.
    async fn act(&self, asked: Asked<'_>) -> Result<Option<String>, TenantError> {
        match self {
            // in a box: where many run, the others would have the room for it beside theirs
            TenantTransaction::Own(own) => Box::pin(own.act(asked)).await,
            TenantTransaction::Shared(place) => place.act(asked).await,
        }
    }
}

fn parsed(text: Option<String>) -> Result<Value, TenantError> {
    match text {
        Some(text) => serde_json::from_str(&text).map_err(TenantError::Unreadable),
        None => Ok(Value::Null),
    }
}
