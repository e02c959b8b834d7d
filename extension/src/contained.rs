//! Work whose failure must not become the application's: a subtransaction around it.
//!
//! A cancel, a statement timeout or the end of the server is the application's own affair and goes through.

use std::panic::AssertUnwindSafe;

use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};

use crate::refusal::Refusal;

/// What went wrong inside.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Five characters.
    pub sqlstate: String,
    /// For people.
    pub message: String,
}

impl Failure {
    /// Somebody held a lock: the same rows, one by one, would wait for it again and again.
    #[must_use]
    pub fn is_lock(&self) -> bool {
        matches!(self.sqlstate.as_str(), "55P03" | "40P01")
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Failure {
        Failure {
            sqlstate: text_of(refusal.code()),
            message: refusal.to_string(),
        }
    }
}

/// Does `work` in a subtransaction. When it fails nothing of it remains, and the caller goes on.
///
/// # Errors
/// What went wrong, unless it was a cancel, a timeout or a shutdown, which are raised again.
pub fn contained<R>(work: impl FnOnce() -> Result<R, Refusal>) -> Result<R, Failure> {
    // SAFETY: the sequence that plpgsql uses for a block with EXCEPTION.
    let (context, owner) = unsafe {
        let kept = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::CurrentMemoryContext = kept.0;
        kept
    };
    let outcome: Result<Result<R, Refusal>, CaughtError> = PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
        .catch_others(Err)
        .execute();
    // SAFETY: as above; the subtransaction that was begun is the current one, whatever happened inside.
    unsafe {
        match &outcome {
            Ok(Ok(_)) => pg_sys::ReleaseCurrentSubTransaction(),
            _ => {
                pg_sys::CurrentMemoryContext = context;
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
        }
        pg_sys::CurrentMemoryContext = context;
        pg_sys::CurrentResourceOwner = owner;
    }
    match outcome {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(refusal)) => Err(Failure::from(&refusal)),
        Err(caught) => {
            let failure = describe(&caught);
            // Class 57, operator intervention: a cancel, a statement timeout, a shutdown.
            if failure.sqlstate.starts_with("57") || failure.sqlstate == "25P04" {
                caught.rethrow();
            }
            Err(failure)
        }
    }
}

fn describe(caught: &CaughtError) -> Failure {
    let report = match caught {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
        CaughtError::RustPanic { ereport, .. } => ereport,
    };
    Failure {
        sqlstate: text_of(report.sql_error_code()),
        message: report.message().to_owned(),
    }
}

/// The five characters of an error code (PGUNSIXBIT of Postgres).
fn text_of(code: PgSqlErrorCode) -> String {
    let code = code as i32;
    (0..5)
        .map(|i| char::from(((((code >> (6 * i)) & 0x3f) as u8) & 0x3f) + b'0'))
        .collect()
}
