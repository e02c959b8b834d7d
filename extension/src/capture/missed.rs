//! When capture of a statement went wrong: its rows one by one, what still fails is put down in `automations.missed`
//! for the daemon to replay, and if even that fails the log says so. The application's write has succeeded.

use super::matching::{self, Care, Found, Sink};
use super::provenance::Provenance;
use super::statement::Statement;
use super::write::{self, Match, Place};
use crate::contained::{Failure, contained};
use crate::refusal::Refusal;

/// Saves of the statement what can be saved.
pub fn put_down(statement: &Statement, provenance: Provenance, failure: &Failure) {
    let table = statement.table_name();
    let attempt = contained(|| {
        let mut careful = Careful {
            table: &table,
            provenance,
            failure,
            queued: false,
        };
        matching::find(statement, Care::EachRow, &mut careful)?;
        Ok(careful.queued)
    });
    let failure = match attempt {
        Ok(queued) => return super::wake_if(queued),
        Err(_) => failure,
    };
    // Not even who listens could be found out.
    let place = Place {
        table: &table,
        operation: statement.event.as_str(),
        source: None,
    };
    if let Err(second) = contained(|| write::miss(&[unknown()], &place, provenance, failure)) {
        pgrx::warning!(
            "automations: {} on {table} was not captured ({}: {}), and that could not be put down ({})",
            statement.event.as_str(),
            failure.sqlstate,
            failure.message,
            second.message
        );
    }
}

struct Careful<'c> {
    table: &'c str,
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
        let mut failure = found.failure.unwrap_or_else(|| self.failure.clone());
        let one = [found.one];
        // Whoever holds a lock on the queue would be waited for again by each row.
        if !self.failure.is_lock() {
            match contained(|| write::queue(&one, self.provenance)) {
                Ok(()) => {
                    self.queued = true;
                    return Ok(());
                }
                Err(own) => failure = own,
            }
        }
        let [one] = one;
        if contained(|| write::miss(std::slice::from_ref(&one), &place, self.provenance, &failure)).is_ok() {
            return Ok(());
        }
        let bare = [Match { data: None, ..one }];
        write::miss(&bare, &place, self.provenance, &failure)
    }
}

fn unknown() -> Match {
    Match {
        account: uuid::Uuid::nil(),
        automation: None,
        version: 0,
        data: None,
        lead: None,
        conversation: None,
    }
}
