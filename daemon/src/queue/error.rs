//! What a call of a queue function may come to, and which SQLSTATEs are worth another try.

use tokio_postgres::error::DbError;

/// Why a queue function gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No connection could be had from the pool.
    #[error("no connection to the database: {}", pool(.0))]
    Pool(#[from] deadpool_postgres::PoolError),
    /// The database or the connection said no.
    #[error("{}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// No answer within the time that the lease leaves.
    #[error("the database did not answer in time")]
    Slow,
    /// What signs and opens is missing or broken.
    #[error("the secret of the database is missing or broken: SELECT automations.install()")]
    NoSecret,
    /// A definition or a step record holds JSON that this program cannot hold.
    #[error("stored JSON cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same call may succeed soon: a lost connection, a server that restarts, a deadlock.
    Again,
    /// Something that an operator must mend first: rights, a missing function, a full disk. Ask again slowly.
    Operator,
    /// The data of this call will be refused each time.
    Refused,
    /// Said by a pooler that restarts as well as about a message that cannot be read: refused when it is said
    /// [`UNCLEAR_TRIES`] times in a row.
    Unclear,
}

/// How often a call is tried whose error may be about its data or about the way there.
const UNCLEAR_TRIES: u32 = 5;

/// Tells errors of the way from errors of the data over several tries of one call.
#[derive(Debug, Default)]
pub struct Tried {
    unclear: u32,
}

impl Tried {
    /// True when this error says, or the ones before it by now say, that the data is refused.
    pub fn is_refused(&mut self, error: &QueueError) -> bool {
        match error.verdict() {
            Verdict::Refused => true,
            Verdict::Again | Verdict::Operator => false,
            Verdict::Unclear => {
                self.unclear += 1;
                self.unclear >= UNCLEAR_TRIES
            }
        }
    }
}

impl QueueError {
    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            QueueError::Pool(deadpool_postgres::PoolError::Backend(error)) | QueueError::Postgres(error) => {
                match error.code() {
                    Some(state) => verdict(state.code()),
                    None if cannot_be_sent(error) => Verdict::Refused,
                    None => Verdict::Again,
                }
            }
            QueueError::Pool(_) | QueueError::Slow => Verdict::Again,
            QueueError::NoSecret => Verdict::Operator,
            QueueError::Unreadable(_) => Verdict::Refused,
        }
    }

    /// True where somebody has locked what was to be written.
    pub fn is_locked(&self) -> bool {
        self.sqlstate() == Some("55P03")
    }

    /// The `error_code` of an execution whose data was refused so.
    pub fn refusal(&self) -> &'static str {
        match self {
            QueueError::Postgres(error) if cannot_be_sent(error) => "too_large",
            _ if self.sqlstate().is_some_and(is_too_large) => "too_large",
            _ => "node_failed",
        }
    }

    /// The SQLSTATE, where the database gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            QueueError::Pool(deadpool_postgres::PoolError::Backend(error)) | QueueError::Postgres(error) => {
                error.code().map(|state| state.code())
            }
            _ => None,
        }
    }
}

/// What to do about a SQLSTATE.
pub fn verdict(sqlstate: &str) -> Verdict {
    match sqlstate {
        "08P01" => Verdict::Unclear, // protocol violation; also whatever PgBouncer says
        _ if is_transient(sqlstate) || is_gone(sqlstate) => Verdict::Again,
        "57014" | "25006" => Verdict::Again, // query cancelled; read only: a primary that became a standby
        // rights, missing objects, resources (a limit of the program, class 54, is passed by data), wrong password or database, system errors
        _ if matches!(
            sqlstate.get(..2),
            Some("42" | "3F" | "3D" | "28" | "53" | "55" | "58" | "F0")
        ) =>
        {
            Verdict::Operator
        }
        "XX000" | "XX001" | "XX002" => Verdict::Operator,
        _ => Verdict::Refused,
    }
}

/// True where the same transaction may succeed when it is tried again: serialization failure, deadlock, lock not
/// available.
pub fn is_transient(sqlstate: &str) -> bool {
    matches!(sqlstate, "40001" | "40P01" | "55P03")
}

/// True where the connection or the server is going away: administrator shutdown, crash shutdown, cannot connect
/// now, idle timeouts, too many connections, connection exceptions.
pub fn is_gone(sqlstate: &str) -> bool {
    matches!(
        sqlstate,
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300"
    ) || sqlstate.starts_with("08")
}

/// True where the data passes a limit of Postgres: program limit exceeded, and a message too long to be read.
fn is_too_large(sqlstate: &str) -> bool {
    sqlstate.starts_with("54") || sqlstate == "08P01"
}

/// True where the driver could not make a message of the data, which is larger than the protocol's 2 GiB.
fn cannot_be_sent(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|source| source.kind() == std::io::ErrorKind::InvalidInput)
}

/// What Postgres said, for a person: message, then hint or detail; never the statement.
pub fn sentence(error: &DbError) -> String {
    let more = error.hint().or(error.detail());
    match more {
        Some(more) => format!("{} ({more})", error.message()),
        None => error.message().to_owned(),
    }
}

/// deadpool's own `Display` does not say why a connection could not be made.
fn pool(error: &deadpool_postgres::PoolError) -> String {
    match error {
        deadpool_postgres::PoolError::Backend(error) => describe(error),
        other => other.to_string(),
    }
}

/// What tokio-postgres says of a server that `target_session_attrs` does not want; it has no other mark.
const NO_WRITES: &str = "database does not allow writes";

/// tokio-postgres' own `Display` says "db error" and no more.
pub fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} [{}]", sentence(db), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) if source.to_string() == NO_WRITES => {
                "the server takes no writes (a standby, or read only): give the address of the primary"
                    .to_owned()
            }
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_injected_sqlstate_is_classified_retry_or_stop() {
        let table = [
            ("40001", Verdict::Again),
            ("40P01", Verdict::Again),
            ("55P03", Verdict::Again),
            ("57P01", Verdict::Again),
            ("57P02", Verdict::Again),
            ("57P03", Verdict::Again),
            ("08006", Verdict::Again),
            ("25006", Verdict::Again),
            ("53300", Verdict::Again),
            ("53100", Verdict::Operator),
            ("42501", Verdict::Operator),
            ("42883", Verdict::Operator),
            ("28P01", Verdict::Operator),
            ("22P05", Verdict::Refused),
            ("22003", Verdict::Refused),
            ("54000", Verdict::Refused),
            ("08P01", Verdict::Unclear),
            ("23514", Verdict::Refused),
        ];
        for (sqlstate, expected) in table {
            assert_eq!(verdict(sqlstate), expected, "{sqlstate}");
        }
    }

    #[test]
    fn what_a_pooler_also_says_is_refused_only_when_it_is_said_again_and_again() {
        let mut tried = Tried::default();
        assert!(!tried.is_refused(&QueueError::Slow));
        tried.unclear = UNCLEAR_TRIES - 1;
        assert!(!tried.is_refused(&QueueError::Slow));
        let unreadable = QueueError::Unreadable(serde_json::from_str::<()>("{").unwrap_err());
        assert!(tried.is_refused(&unreadable));
        assert!(is_too_large("54000") && is_too_large("08P01") && !is_too_large("22P05"));
    }
}
