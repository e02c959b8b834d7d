//! Ids: UUIDv7, ascending within a session; whose transaction wrote a row; which database and server this is.

use std::cell::RefCell;

use pgrx::pg_sys;
use pgrx::prelude::*;
use uuid::{ContextV7, Timestamp};

thread_local! {
    static CONTEXT: RefCell<ContextV7> = const { RefCell::new(ContextV7::new()) };
}

/// A new time-ordered id, greater than all that this session made before.
#[must_use]
pub fn new_id() -> uuid::Uuid {
    CONTEXT.with_borrow(|context| uuid::Uuid::new_v7(Timestamp::now(context)))
}

/// `automations.uuid_v7()`.
#[pg_extern(sql = false)]
fn uuid_v7() -> pgrx::Uuid {
    to_postgres(new_id())
}

/// An id as a parameter or a result of SQL.
#[must_use]
pub fn to_postgres(id: uuid::Uuid) -> pgrx::Uuid {
    pgrx::Uuid::from_bytes(*id.as_bytes())
}

/// An id that came from SQL.
#[must_use]
pub fn from_postgres(id: pgrx::Uuid) -> uuid::Uuid {
    uuid::Uuid::from_bytes(*id.as_bytes())
}

/// `automations.own_identifier(name)`: the oid of this database or the identifier of its server, as install() stores them.
#[pg_extern(sql = false)]
pub fn own_identifier(name: &str) -> Option<String> {
    // SAFETY: both are set when a backend starts and do not change.
    unsafe {
        match name {
            "database_oid" => Some(pg_sys::MyDatabaseId.to_u32().to_string()),
            "system_identifier" => Some(pg_sys::GetSystemIdentifier().cast_signed().to_string()),
            _ => None,
        }
    }
}

/// `automations.written_here(xid)`: whether this transaction, or a subtransaction of it, wrote a row with that xmin.
#[pg_extern(sql = false)]
fn written_here(xid: pg_sys::TransactionId) -> bool {
    // SAFETY: compares with the transaction's own state.
    unsafe { pg_sys::TransactionIdIsCurrentTransactionId(xid) }
}
