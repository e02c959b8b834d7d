//! Queue rows without a query, where the queue is as `install()` makes it ([`crate::tables`]); else, and where somebody holds
//! a lock on it, the query of [`super::write`] does it.
//!
//! No right is asked for: capture writes as the owner of the tables in any case. The role is changed only where a CHECK
//! is looked at, which may hold what the owner of the queue has written.

use std::ffi::CString;

use pgrx::{IntoDatum, PgMemoryContexts, pg_sys};
use uuid::Uuid;

use super::provenance::Provenance;
use super::write::Match;
use crate::acting::{as_role, table_owner};
use crate::ids::{new_id, to_postgres};
use crate::refusal::Refusal;
use crate::tables::queue::{self, FILLED, Indexed, Shape};
use crate::tables::storing::{self, TOGETHER, Target};

/// Queues the matches; false where it has to be done by a query.
///
/// # Errors
/// Data that jsonb refuses; what Postgres raises is for whoever contains it.
pub fn queued(matches: &[&Match], provenance: Provenance) -> Result<bool, Refusal> {
    // SAFETY: reads a variable of this transaction: only temporary tables may be written to in it.
    if unsafe { pg_sys::XactReadOnly } {
        return Ok(false);
    }
    let Some(shape) = queue::locked()? else {
        return Ok(false);
    };
    let mut context = PgMemoryContexts::new("automations capture: queue rows");
    // SAFETY: nothing that is made in the context is used after it.
    unsafe { context.switch_to(|_| store(&shape, matches, provenance)) }?;
    Ok(true)
}

unsafe fn store(shape: &Shape, matches: &[&Match], provenance: Provenance) -> Result<(), Refusal> {
    let owner = table_owner()?;
    let wanted = |indexed: Indexed| match indexed {
        Indexed::Ask => true,
        Indexed::Priority => matches.iter().any(|one| one.priority != 0),
        Indexed::Record => matches.iter().any(|one| one.record.is_some()),
        Indexed::Never => false,
    };
    let indexes: Vec<pg_sys::Oid> = shape
        .indexes
        .iter()
        .filter(|(_, indexed)| wanted(*indexed))
        .map(|(index, _)| *index)
        .collect();
    // SAFETY: the table is locked, and of this shape.
    let mut target = unsafe { Target::open(shape.queue, indexes.into_iter(), matches.len()) };
    let done = matches.chunks(TOGETHER).try_for_each(|some| {
        for (slot, one) in target.slots().iter().zip(some) {
            // SAFETY: a slot of the table whose shape this is.
            unsafe { put(*slot, shape, one, provenance) }?;
            if target.is_constrained() && !shape.keeps_constraints.get() {
                as_role(owner, &[], || {
                    // SAFETY: it was just filled.
                    unsafe { target.check(*slot) };
                    Ok(())
                })?;
                shape.keeps_constraints.set(shape.constrained_alike);
            }
        }
        // SAFETY: so many were filled, and keep the constraints.
        unsafe { target.store(some.len()) };
        Ok(())
    });
    target.close();
    done
}

unsafe fn put(
    slot: *mut pg_sys::TupleTableSlot,
    shape: &Shape,
    one: &Match,
    provenance: Provenance,
) -> Result<(), Refusal> {
    let uuid = |id: Option<Uuid>| id.map(to_postgres).into_datum();
    // SAFETY: reads a variable of this transaction.
    let began = unsafe { pg_sys::GetCurrentTransactionStartTimestamp() };
    let values: [Option<pg_sys::Datum>; FILLED.len()] = [
        uuid(Some(one.account)),
        uuid(Some(new_id())),
        uuid(one.automation),
        one.version.into_datum(),
        "event".into_datum(),
        provenance.depth.into_datum(),
        began.into_datum(),
        one.priority.into_datum(),
        one.data.as_deref().map(jsonb).transpose()?.flatten(),
        uuid(one.lead),
        uuid(one.conversation),
        uuid(provenance.caused_by),
        one.record.as_deref().and_then(IntoDatum::into_datum),
    ];
    // SAFETY: a slot of the table whose shape this is; the values live as long as the memory context of all of it.
    unsafe {
        let filled = shape.filled.iter().copied().zip(values);
        storing::fill(slot, shape.unfilled.iter().copied(), filled);
    }
    Ok(())
}

fn jsonb(text: &str) -> Result<Option<pg_sys::Datum>, Refusal> {
    Ok(crate::jsonb::datum_of(&CString::new(text)?))
}
