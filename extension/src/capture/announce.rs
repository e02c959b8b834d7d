//! The trigger of `automations.sources` and `automations.listeners`: who listens has changed.

use pgrx::heap_tuple::PgHeapTuple;
use pgrx::prelude::*;
use pgrx::{AllocatedByPostgres, PgTrigger};

use super::cache;
use crate::refusal::Refusal;

/// `automations.announce_listeners()`: AFTER, for each row that changed, and for TRUNCATE.
#[pg_trigger(sql = false)]
fn announce_listeners<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, Refusal> {
    let relation = trigger.trigger_data().tg_relation;
    if relation.is_null() {
        Refusal::WrongTrigger("automations.announce_listeners()").raise();
    }
    // SAFETY: Postgres keeps the relation open while its trigger runs.
    cache::changed(unsafe { (*relation).rd_id });
    Ok(None)
}
