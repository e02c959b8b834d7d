//! Who a database node acts as: what `become_tenant` is told, and the role that it answers with.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::types::ToSql;
use uuid::Uuid;

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
    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 5] {
        [
            &self.account_id,
            &self.execution_id,
            &self.depth,
            &self.lock_timeout_ms,
            &self.statement_timeout_ms,
        ]
    }
}

/// The tenant role as it was the last time, so that what needs its name need not wait for it. Clones know the same.
#[derive(Debug, Clone, Default)]
pub struct TenantRole(Arc<Mutex<Option<Arc<str>>>>);

impl TenantRole {
    /// Its name, if it has been learned.
    pub fn known(&self) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// This is its name now; `None`: ask.
    pub fn learn(&self, name: Option<Arc<str>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}
