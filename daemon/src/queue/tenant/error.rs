//! What a statement as the tenant came to, and whether its transaction is worth another try.

use super::super::error::{self, sentence};

/// What a statement as the tenant came to.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The database refused it; the sentence is Postgres' own (message and hint, never the statement).
    #[error("{message}")]
    Refused {
        /// Five characters, as in the appendix of the Postgres manual.
        sqlstate: String,
        /// What the tenant reads.
        message: String,
    },
    /// The row that came back is not JSON that this program can hold (nested deeper than 128, `1e400`).
    #[error("the row cannot be read: {0}")]
    Unreadable(#[source] serde_json::Error),
    /// The connection was lost; whether the statement acted is known once the step is recorded or not.
    #[error("the connection to the database was lost")]
    Lost(#[source] tokio_postgres::Error),
}

impl TenantError {
    /// Something was asked of a transaction that has ended.
    pub(super) fn closed() -> TenantError {
        TenantError::Refused {
            sqlstate: "25P01".to_owned(),
            message: "the transaction has ended".to_owned(),
        }
    }

    /// The SQLSTATE, where the database gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            TenantError::Refused { sqlstate, .. } => Some(sqlstate),
            TenantError::Unreadable(_) => Some("22000"),
            TenantError::Lost(_) => None,
        }
    }

    /// Whether the transaction is worth another try from its beginning.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            TenantError::Refused { sqlstate, .. } if error::is_transient(sqlstate) => {
                Some(Trouble::Collision)
            }
            TenantError::Refused { sqlstate, .. } if error::is_gone(sqlstate) => Some(Trouble::Gone),
            TenantError::Refused { .. } | TenantError::Unreadable(_) => None,
            TenantError::Lost(_) => Some(Trouble::Gone),
        }
    }
}

/// Why a transaction may succeed when it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody else's transaction was in the way.
    Collision,
    /// The connection or the server is gone.
    Gone,
}

impl From<tokio_postgres::Error> for TenantError {
    fn from(error: tokio_postgres::Error) -> TenantError {
        match error.as_db_error() {
            Some(db) => TenantError::Refused {
                sqlstate: db.code().code().to_owned(),
                message: sentence(db),
            },
            None => TenantError::Lost(error),
        }
    }
}
