//! What executions are about to do outside, kept in their queue rows without a query.
//!
//! Only where the lease holds, nothing was kept before and nobody has locked the row. `keep_steps()` does the rest by queries.

use pgrx::prelude::*;
use pgrx::{AnyElement, PgMemoryContexts, pg_sys};
use uuid::Uuid;

use crate::clock;
use crate::holding::uuid_array;
use crate::in_place::List;
use crate::tables::queue_rows::{self, Named, Queue, named};

/// `automations.keep_captured(account_ids, ids, tokens, records)`.
#[pg_extern(sql = false)]
fn keep_captured(
    account_ids: Vec<Option<pgrx::Uuid>>,
    ids: Vec<Option<pgrx::Uuid>>,
    tokens: Vec<Option<pgrx::Uuid>>,
    records: AnyElement,
) -> Vec<pgrx::Uuid> {
    let named = named(&account_ids, &ids, &tokens);
    let mut context = PgMemoryContexts::new("automations: steps");
    // SAFETY: nothing that is made in the context is used after it.
    let kept = unsafe { context.switch_to(|_| keep(&named, records.datum())) };
    uuid_array(&kept)
}

fn keep(named: &[Named], records: pg_sys::Datum) -> Vec<Uuid> {
    // SAFETY: a jsonb, as the function is declared.
    let (Some(records), Some(known)) = (unsafe { List::of(records) }, queue_rows::locked()) else {
        return Vec::new();
    };
    // SAFETY: the queue is locked, and as it is known; called by a statement.
    let Some(queue) = (unsafe { Queue::open(&known) }) else {
        return Vec::new();
    };
    let (mut scan, mut changing) = (unsafe { queue.scan() }, queue.changing());
    let mut kept = Vec::with_capacity(named.len());
    for one in named {
        let Some(row) = scan.find(one.account, one.id) else {
            continue;
        };
        let is_usual = row.is_leased(one.token, clock::now())
            && !row.has_execution()
            && !row.has_crashed()
            && row.steps().is_none();
        if let Some(steps) = records.at(one.place).filter(|_| is_usual)
            && changing.keep(&row, steps.jsonb_or_null())
        {
            kept.push(one.id);
        }
        scan.give_back(row);
    }
    changing.close();
    scan.close();
    queue.close();
    kept
}
