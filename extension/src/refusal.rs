//! The one bridge from what this crate refuses to what a user of SQL sees: SQLSTATE, sentence, hint.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode, function_name, spi};
use thiserror::Error;

/// Why a call is refused.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The tables are not there.
    #[error("automations is not installed in this database")]
    NotInstalled,
    /// What `install()` needs is not there; one sentence each.
    #[error("automations.install() needs:\n{0}")]
    Missing(String),
    /// A graph, configuration or option that cannot run.
    #[error("{0}")]
    Invalid(String),
    /// Steps that would be taken over do not fit the graph.
    #[error("{0}")]
    Unfit(String),
    /// JSON that is larger than is ever parsed.
    #[error("{what} is {bytes} bytes long as JSON, more than a graph may have ({most})", most = crate::jsonb::GRAPH_BYTES)]
    TooLarge {
        /// Which value.
        what: &'static str,
        /// Its length, or about that.
        bytes: usize,
    },
    /// JSON that is deeper than the limits.
    #[error("{what} cannot be read as JSON: {source}")]
    Json {
        /// Which value.
        what: &'static str,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The agent belongs to somebody else, or does not exist.
    #[error("agent {0} does not belong to the user that the automation names")]
    ForeignAgent(String),
    /// The caller cannot see it, so it does not exist.
    #[error("{kind} {id} does not exist")]
    Unknown {
        /// `automation`, `execution`, `tool` or `agent`.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Somebody holds a lock; try again.
    #[error("{0}")]
    Locked(String),
    /// Not called as the trigger that it is.
    #[error("{0} is not attached as install() and watch() attach it")]
    WrongTrigger(&'static str),
    /// An argument that cannot be.
    #[error("{0}")]
    Argument(String),
    /// A token that this database has not signed.
    #[error(transparent)]
    Token(flow::TokenError),
    /// The caller has no access to the account.
    #[error("you may not act for account {0}")]
    Denied(String),
    /// A row that a database node wrote or would write is not of the account.
    #[error("{0}")]
    NotOfTheAccount(String),
    /// Somebody set another role while a database node acted.
    #[error("the role was changed to {to} while acting as {from}")]
    RoleChanged {
        /// The role now.
        to: String,
        /// The tenant role.
        from: String,
    },
    /// The row with this key belongs to somebody else.
    #[error("a row with this key is there already")]
    Taken,
    /// The lead that a node is to change.
    #[error("lead {0} does not exist")]
    NoLead(String),
    /// An argument that must be given.
    #[error("{0} must not be null")]
    Null(&'static str),
    /// What a daemon sent is no JSON, or not such a list as it sends.
    #[error("JSON cannot be read: {0}")]
    Unreadable(String),
    /// A string that PostgreSQL cannot hold.
    #[error("unsupported Unicode escape sequence: \\u0000 cannot be converted to text")]
    ZeroCharacter,
    /// More than PostgreSQL's jsonb can hold.
    #[error("total size of a jsonb exceeds the maximum of 268435455 bytes")]
    JsonbTooLarge,
    /// The machine has no more memory.
    #[error("out of memory")]
    OutOfMemory,
    /// SPI could not do it.
    #[error("{0}")]
    Spi(#[from] spi::SpiError),
    /// A string holds a zero byte.
    #[error("a name holds a zero byte")]
    ZeroByte(#[from] std::ffi::NulError),
}

impl Refusal {
    /// The SQLSTATE that callers can rely on.
    #[must_use]
    pub fn code(&self) -> PgSqlErrorCode {
        match self {
            Refusal::NotInstalled | Refusal::Missing(_) => {
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
            }
            Refusal::Token(flow::TokenError::Secret) => {
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
            }
            Refusal::Invalid(_)
            | Refusal::Argument(_)
            | Refusal::Unfit(_)
            | Refusal::Token(_)
            | Refusal::TooLarge { .. }
            | Refusal::Json { .. }
            | Refusal::ZeroByte(_) => PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            Refusal::Unreadable(_) => PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
            Refusal::ZeroCharacter => PgSqlErrorCode::ERRCODE_UNTRANSLATABLE_CHARACTER,
            Refusal::JsonbTooLarge => PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            Refusal::OutOfMemory => PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
            Refusal::Taken => PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
            Refusal::Denied(_) | Refusal::NotOfTheAccount(_) | Refusal::RoleChanged { .. } => {
                PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE
            }
            Refusal::ForeignAgent(_) => PgSqlErrorCode::ERRCODE_FOREIGN_KEY_VIOLATION,
            Refusal::Unknown { .. } | Refusal::NoLead(_) => PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
            Refusal::WrongTrigger(_) => PgSqlErrorCode::ERRCODE_TRIGGERED_ACTION_EXCEPTION,
            Refusal::Locked(_) => PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE,
            Refusal::Null(_) => PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            Refusal::Spi(_) => PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Refusal::NotInstalled => Some("Call SELECT automations.install(); first."),
            Refusal::Missing(_) => {
                Some("Mend these and call automations.install() again; nothing was changed.")
            }
            Refusal::Invalid(_) => {
                Some("A draft may be incomplete; automations.validate() lists all problems.")
            }
            Refusal::RoleChanged { .. } => Some("A trigger or function of the application sets the role."),
            Refusal::NoLead(_) => {
                Some("The execution has no lead, it was deleted, or it belongs to another account.")
            }
            Refusal::Unfit(_) => Some(
                "Without from_node it runs from the start; without latest it runs the version that it ran.",
            ),
            _ => None,
        }
    }

    /// As an error report, for functions that return one.
    #[must_use]
    pub fn into_report(self) -> ErrorReport {
        let report = ErrorReport::new(self.code(), self.to_string(), function_name!());
        match self.hint() {
            Some(hint) => report.set_hint(hint),
            None => report,
        }
    }

    /// Raises it as an ERROR.
    pub fn raise(self) -> ! {
        self.into_report().report(PgLogLevel::ERROR);
        unreachable!("an ERROR does not return")
    }
}

impl From<Refusal> for ErrorReport {
    fn from(refusal: Refusal) -> ErrorReport {
        refusal.into_report()
    }
}
