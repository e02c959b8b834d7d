//! When capture of a statement went wrong: its rows one by one, what still fails is put down in `automations.missed`
//! for the daemon to replay, and if even that fails the log says so. The application's write has succeeded.

use pgrx::pg_sys;

use super::matching::{self, Care, Found, Sink};
use super::provenance::Provenance;
use super::reading;
use super::statement::Statement;
use super::write::{self, Match, Place};
use crate::contained::{Failure, contained};
use crate::refusal::Refusal;

/// Saves of the statement what can be saved: row by row, then all its changes without knowing who listens (replaying
/// finds that out), then at least that there was something.
pub fn put_down(statement: &Statement, provenance: Provenance, failure: &Failure) {
    let table = statement.table();
    let attempt = contained(|| {
        let mut careful = Careful {
            table,
            provenance,
            failure,
            queued: false,
        };
        matching::find(statement, Care::EachRow, &mut careful)?;
        Ok(careful.queued)
    });
    if let Ok(queued) = attempt {
        return super::wake_if(queued);
    }
    let place = Place {
        table,
        operation: statement.event.as_str(),
        source: None,
    };
    let unmatched = contained(|| write::miss(&reading::unmatched(statement)?, &place, provenance, failure));
    if unmatched.is_ok() {
        return;
    }
    if let Err(second) = contained(|| write::miss(&[Match::unknown(None)], &place, provenance, failure)) {
        pgrx::warning!(
            "automations: {} on {} was not captured ({}: {}), and that could not be put down ({})",
            statement.event.as_str(),
            statement.table_name(),
            failure.sqlstate,
            failure.message,
            second.message
        );
    }
}

struct Careful<'c> {
    table: pg_sys::Oid,
    provenance: Provenance,
    failure: &'c Failure,
    queued: bool,
}

impl Sink for Careful<'_> {
    fn take(&mut self, found: Found<'_>) -> Result<(), Refusal> {
        let place = Place {
            table: self.table,
            operation: found.operation,
            source: Some(found.source),
        };
        let one = [found.one];
        let failure = match found.failure {
            Some(own) => own,
            // Whoever holds a lock on the queue would be waited for again by each row.
            None if self.failure.is_lock() => self.failure.clone(),
            None => match contained(|| write::queue(&one, self.provenance)) {
                Ok(()) => {
                    self.queued = true;
                    return Ok(());
                }
                Err(own) => own,
            },
        };
        if contained(|| write::miss(&one, &place, self.provenance, &failure)).is_ok() {
            return Ok(());
        }
        let [one] = one;
        write::miss(&[Match { data: None, ..one }], &place, self.provenance, &failure)
    }
}
