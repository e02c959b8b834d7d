//! Capture: what a statement changed becomes one lean row of `automations.queue` for each automation that listens,
//! in the application's own transaction (DESIGN D2 to D4, D12).
//!
//! | room | does |
//! |---|---|
//! | [`statement`], [`rows`], [`changes`] | reads the transition tables, pairs OLD and NEW |
//! | [`quiet`] | the quick way out of a statement that nobody hears |
//! | [`sources`], [`table`] | which source a table is |
//! | [`listeners`], [`hearing`] | whose the rows are, who listens |
//! | [`cache`], [`announce`] | what a backend remembers of that, and what makes it forget |
//! | [`matching`] | which change each of them hears |
//! | [`reading`] | what changed, and the rows as JSON |
//! | [`event`] | the trigger data |
//! | [`subject`], [`record`] | what it is about |
//! | [`provenance`] | what caused it |
//! | [`write`] | the queue row, or the missed one |
//! | [`direct`] | the queue row without a query, where the queue is as `install()` makes it |
//! | [`missed`] | what happens to a statement whose capture went wrong |
//! | [`row_change`] | who hears one change that comes as JSON |
//! | [`row_trigger`] | from triggers of the application's own |
//! | [`replay`] | from what was missed |
//!
//! Whatever goes wrong in here, the application's write succeeds. Rows are turned into JSON as the application, never
//! as the owner of the tables: a cast to json may be somebody's own function.

mod announce;
mod cache;
mod changes;
mod direct;
pub mod event;
mod hearing;
mod listeners;
mod matching;
mod missed;
pub mod provenance;
mod quiet;
mod reading;
mod record;
mod replay;
mod row_change;
mod row_trigger;
mod rows;
mod sources;
pub mod statement;
mod subject;
mod table;
mod write;

use pgrx::heap_tuple::PgHeapTuple;
use pgrx::prelude::*;
use pgrx::{AllocatedByPostgres, PgTrigger, pg_sys};

use crate::contained::contained;
use crate::refusal::Refusal;
use crate::wake::wake_daemons;
use matching::{Care, Found, Sink};
use provenance::Provenance;
use statement::Statement;
use write::{Match, Place};

/// `automations.capture()`: AFTER INSERT, UPDATE or DELETE, for each statement, with transition tables.
#[pg_trigger(sql = false)]
fn capture<'a>(trigger: &'a PgTrigger<'a>) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, Refusal> {
    match Statement::of(trigger) {
        Ok(statement) if statement.is_empty() => {}
        Ok(statement) => {
            cache::look_up();
            if !quiet::nobody_hears(&statement) {
                hear(&statement);
            }
        }
        Err(refusal) => refusal.raise(),
    }
    Ok(None)
}

fn hear(statement: &Statement) {
    let provenance = Provenance::current();
    let attempt = contained(|| {
        let mut batch = Batch {
            table: statement.table(),
            provenance,
            matches: Vec::new(),
            bytes: 0,
            queued: false,
        };
        matching::find(statement, Care::Quick, &mut batch)?;
        batch.flush()?;
        Ok(batch.queued)
    });
    match attempt {
        Ok(queued) => wake_if(queued),
        Err(failure) => missed::put_down(statement, provenance, &failure),
    }
}

/// Wakes the daemons, and lets nothing that goes wrong with that reach the application: they poll as well.
fn wake_if(queued: bool) {
    if queued
        && let Err(failure) = contained(|| {
            wake_daemons();
            Ok(())
        })
    {
        pgrx::debug1!("automations: no wake-up: {}", failure.message);
    }
}

/// Matches on their way to the queue, written together.
struct Batch {
    table: pg_sys::Oid,
    provenance: Provenance,
    matches: Vec<Match>,
    bytes: usize,
    queued: bool,
}

impl Batch {
    /// So many rows, or bytes of trigger data, go in one INSERT: large enough that its cost does not count, small
    /// enough that a statement over a million rows does not hold them all twice.
    const ROWS: usize = 1000;
    const BYTES: usize = 8 * 1024 * 1024;

    fn flush(&mut self) -> Result<(), Refusal> {
        if !self.matches.is_empty() {
            write::queue(&self.matches, self.provenance)?;
            self.matches.clear();
            self.bytes = 0;
            self.queued = true;
        }
        Ok(())
    }
}

impl Sink for Batch {
    fn take(&mut self, found: Found<'_>) -> Result<(), Refusal> {
        match found.failure {
            None => {
                self.bytes += found.one.data.as_ref().map_or(0, String::len);
                self.matches.push(found.one);
                if self.matches.len() >= Self::ROWS || self.bytes >= Self::BYTES {
                    self.flush()?;
                }
                Ok(())
            }
            Some(failure) => {
                let place = Place {
                    table: self.table,
                    operation: found.operation,
                    source: Some(found.source),
                };
                write::miss(&[found.one], &place, self.provenance, &failure)
            }
        }
    }
}
