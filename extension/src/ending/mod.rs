//! The end of an execution that was a captured change until then, in one step: its queue row goes and its row is made, as it
//! ended. What most executions come to is done here without a query, because to set up a statement takes longer than to read
//! or store a row, and two references of each row are asked one by one though all of them are held already.
//!
//! Only what is as usual: the lease holds, nobody has locked the row, automation, lead and conversation are there and belong to
//! the account, nothing is kept of the change, and the tables are as `install()` makes them ([`crate::tables`]). The rest stays as it
//! is, and `finish()` decides about it by queries, which are the rules' home.

mod outcome;
mod taken;

use std::collections::HashMap;

use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use pgrx::{AnyElement, IntoDatum, PgMemoryContexts, PgOid, pg_sys};
use uuid::Uuid;

use crate::acting::as_table_owner;
use crate::host::{self, Owners};
use crate::plans::{Plan, writing_plan};
use crate::refusal::Refusal;
use crate::tables::history::{self, FILLED, History, Indexed, Leaf};
use crate::tables::queue;
use crate::tables::storing::{self, TOGETHER, Target};
use outcome::{Outcomes, Status, datum_of};
use taken::{Ended, Queue, Taken};

thread_local! {
    static AUTOMATIONS: Plan = const { Plan::new() };
    static FREE: Plan = const { Plan::new() };
    static COUNT: Plan = const { Plan::new() };
}

/// Holds automations as `all_held()` does: their versions, of those of which no change is kept.
const AUTOMATIONS_SQL: &str = "
    SELECT a.id, a.version FROM public.automations a
     WHERE a.id = ANY ($1) AND NOT EXISTS (
           SELECT FROM automations.listeners l WHERE l.keep AND l.automation_id = a.id)
     ORDER BY a.id FOR KEY SHARE OF a SKIP LOCKED";

/// Gives back what they held of a limit, as `free_slots()` does.
const FREE_SQL: &str =
    "DELETE FROM automations.in_flight f WHERE f.execution_id = ANY ($1) RETURNING automations.wake()";

const COUNT_SQL: &str = "SELECT automations.count_executions($1, $2, $3, $4)";

/// `automations.end_captured(account_ids, ids, tokens, results, locked)`.
#[pg_extern(sql = false)]
fn end_captured(
    account_ids: Vec<Option<pgrx::Uuid>>,
    ids: Vec<Option<pgrx::Uuid>>,
    tokens: Vec<Option<pgrx::Uuid>>,
    results: AnyElement,
    locked: bool,
) -> Result<Vec<pgrx::Uuid>, pg_sys::panic::ErrorReport> {
    let id = |id: &Option<pgrx::Uuid>| id.map(|id| Uuid::from_bytes(*id.as_bytes()));
    let given = account_ids.iter().zip(&ids).zip(&tokens).enumerate();
    let mut ended: Vec<Ended> = given
        .filter_map(|(place, ((account, execution), token))| {
            Some(Ended {
                account: id(account)?,
                id: id(execution)?,
                token: id(token)?,
                place,
            })
        })
        .collect();
    // in the order in which everybody locks them
    ended.sort_unstable();
    ended.dedup_by_key(|one| (one.account, one.id));
    let mut context = PgMemoryContexts::new("automations: ends");
    // SAFETY: nothing that is made in the context is used after it.
    let done = unsafe { context.switch_to(|_| end(&ended, results.datum(), locked)) }?;
    Ok(done
        .into_iter()
        .map(|id| pgrx::Uuid::from_bytes(*id.as_bytes()))
        .collect())
}

fn end(ended: &[Ended], results: pg_sys::Datum, locked: bool) -> Result<Vec<Uuid>, Refusal> {
    // SAFETY: variables of this transaction; a jsonb, as the function is declared.
    let (is_usual, outcomes) = unsafe {
        (
            !pg_sys::XactReadOnly && pg_sys::XactIsoLevel < pg_sys::XACT_REPEATABLE_READ as i32,
            Outcomes::of(results),
        )
    };
    let Some(outcomes) = outcomes.filter(|_| is_usual) else {
        return Ok(Vec::new());
    };
    let (Some(history), Some(shape)) = (history::locked()?, queue::locked()?) else {
        return Ok(Vec::new());
    };
    // SAFETY: the queue is locked, and of this shape.
    let Some(queue) = (unsafe { Queue::open(&shape) }) else {
        return Ok(Vec::new());
    };
    // SAFETY: called by a statement.
    let found = unsafe {
        queue.look(ended, |one| {
            history.leaf_of(one.id)?;
            outcomes.at(one.place)
        })
    };
    let done = end_found(&history, &queue, &found, locked);
    for one in found {
        one.close();
    }
    queue.close();
    done
}

/// Ends those whose automation, lead and conversation can be held.
fn end_found(history: &History, queue: &Queue, found: &[Taken], locked: bool) -> Result<Vec<Uuid>, Refusal> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let held = held(found)?;
    let mut rows: Vec<(&Leaf, Row<'_>)> = Vec::with_capacity(found.len());
    for one in found {
        if let Some(version) = held.version_for(one)
            && let Some(leaf) = history.leaf_of(one.id())
            // the last of an execution's partitions may have gone meanwhile
            && history::lock_leaf(leaf)
            && queue.take(one, locked)
        {
            // SAFETY: asks the clock.
            let now = unsafe { pg_sys::GetCurrentTimestamp() };
            let row = Row {
                taken: one,
                version,
                completed_at: now.max(one.occurred_at()),
            };
            rows.push((leaf, row));
        }
    }
    for some in rows.chunk_by(|(one, _), (other, _)| one.table == other.table) {
        if let Some((leaf, _)) = some.first() {
            store(leaf, some);
        }
    }
    let ids: Vec<Uuid> = rows.iter().map(|(_, row)| row.taken.id()).collect();
    if !ids.is_empty() {
        Spi::connect_mut(|client| {
            free(client, &ids)?;
            count(client, &rows)
        })?;
    }
    Ok(ids)
}

/// What is held until the transaction ends, so that it cannot be deleted meanwhile.
struct Held {
    versions: HashMap<Uuid, Option<i32>>,
    owners: Owners,
}

impl Held {
    /// The version that it ran; none where something that it refers to is not held, or belongs to somebody else now.
    fn version_for(&self, one: &Taken) -> Option<pg_sys::Datum> {
        let newest = self.versions.get(&one.automation())?;
        let account = Some(one.account());
        let is_of_account = |owners: &HashMap<Uuid, Option<Uuid>>, id: Option<Uuid>| {
            id.is_none_or(|id| owners.get(&id).is_some_and(|owner| *owner == account))
        };
        let is_whole = is_of_account(&self.owners.leads, one.lead())
            && is_of_account(&self.owners.conversations, one.conversation());
        one.version()
            .or_else(|| newest.and_then(IntoDatum::into_datum))
            .filter(|_| is_whole)
    }
}

/// Takes hold of what these refer to, without waiting for anybody.
fn held(found: &[Taken]) -> Result<Held, Refusal> {
    let distinct = |of: &dyn Fn(&Taken) -> Option<Uuid>| {
        let mut ids: Vec<Uuid> = found.iter().filter_map(of).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    as_table_owner(|| {
        Spi::connect_mut(|client| {
            let uuids = PgOid::from(pg_sys::UUIDARRAYOID);
            let automations = uuid_array(&distinct(&|one| Some(one.automation())));
            let plan = writing_plan(&AUTOMATIONS, client, AUTOMATIONS_SQL, &[uuids])?;
            let mut versions = HashMap::new();
            for row in client.update(plan, None, &[automations.into()])? {
                if let Some(id) = row.get::<pgrx::Uuid>(1)? {
                    versions.insert(Uuid::from_bytes(*id.as_bytes()), row.get::<i32>(2)?);
                }
            }
            let owners = host::owners(client, &distinct(&Taken::lead), &distinct(&Taken::conversation))?;
            Ok(Held { versions, owners })
        })
    })
}

/// The row of an execution that has ended.
struct Row<'q> {
    taken: &'q Taken,
    version: pg_sys::Datum,
    /// Microseconds since 2000.
    completed_at: i64,
}

impl Row<'_> {
    /// As `create_executions()` says it.
    fn values(&self, none: Nothing) -> [Option<pg_sys::Datum>; FILLED.len()] {
        let Row { taken, version, .. } = self;
        let outcome = &taken.outcome;
        let uuid = |id: Option<Uuid>| id.and_then(|id| pgrx::Uuid::from_bytes(*id.as_bytes()).into_datum());
        [
            uuid(Some(taken.id())),
            uuid(Some(taken.automation())),
            uuid(Some(taken.account())),
            Some(*version),
            taken.trigger_type(),
            Some(datum_of(outcome.status.as_str().as_bytes())),
            taken.occurred_at().into_datum(),
            taken.is_test().into_datum(),
            taken.depth(),
            outcome.variables.or(none.object),
            outcome.nodes_executed.or(none.list),
            self.completed_at.into_datum(),
            milliseconds(taken.occurred_at(), self.completed_at).into_datum(),
            taken.trigger_data(),
            uuid(taken.lead()),
            uuid(taken.conversation()),
            taken.caused_by(),
            outcome.error,
            outcome.error_code,
            outcome.error_node_id,
            outcome.output,
            // where it ends without them, what it was about to do is still said
            outcome.steps.or(taken.steps()),
        ]
    }

    /// Whether the statistics of its automation are about it.
    fn counts(&self) -> bool {
        self.taken.outcome.status != Status::Cancelled && !self.taken.is_test()
    }
}

/// What a column holds where there is nothing.
#[derive(Clone, Copy)]
struct Nothing {
    object: Option<pg_sys::Datum>,
    list: Option<pg_sys::Datum>,
}

/// From one time to another, as `milliseconds_since()` says it.
fn milliseconds(from: i64, to: i64) -> i32 {
    if from == i64::MIN || from == i64::MAX {
        return 0;
    }
    let passed = (to.saturating_sub(from).max(0).saturating_add(500)) / 1000;
    i32::try_from(passed).unwrap_or(i32::MAX)
}

/// Makes the rows of one partition.
fn store(leaf: &Leaf, rows: &[(&Leaf, Row<'_>)]) {
    let wanted = |indexed: Indexed| match indexed {
        Indexed::Ask => true,
        Indexed::Lead => rows.iter().any(|(_, row)| row.taken.lead().is_some()),
        Indexed::Conversation => rows.iter().any(|(_, row)| row.taken.conversation().is_some()),
        Indexed::Never => false,
    };
    let indexes: Vec<pg_sys::Oid> = leaf
        .indexes
        .iter()
        .filter(|(_, indexed)| wanted(*indexed))
        .map(|(index, _)| *index)
        .collect();
    let none = Nothing {
        object: crate::jsonb::datum_of(c"{}"),
        list: crate::jsonb::datum_of(c"[]"),
    };
    // SAFETY: the partition is locked, and these are the columns and the indexes that it has.
    unsafe {
        let mut target = Target::open(leaf.table, indexes.into_iter(), rows.len());
        for some in rows.chunks(TOGETHER) {
            for (slot, (_, row)) in target.slots().iter().zip(some) {
                let filled = leaf.filled.iter().copied().zip(row.values(none));
                storing::fill(*slot, std::iter::repeat_n(None, leaf.columns), filled);
            }
            target.store(some.len());
        }
        target.close();
    }
}

fn free(client: &mut SpiClient<'_>, ids: &[Uuid]) -> Result<(), Refusal> {
    let plan = writing_plan(&FREE, client, FREE_SQL, &[PgOid::from(pg_sys::UUIDARRAYOID)])?;
    client.update(plan, None, &[uuid_array(ids).into()])?;
    Ok(())
}

fn count(client: &mut SpiClient<'_>, rows: &[(&Leaf, Row<'_>)]) -> Result<(), Refusal> {
    let counted = || rows.iter().map(|(_, row)| row).filter(|row| row.counts());
    if counted().next().is_none() {
        return Ok(());
    }
    let types = [
        pg_sys::UUIDARRAYOID,
        pg_sys::TEXTARRAYOID,
        pg_sys::TEXTARRAYOID,
        pg_sys::TIMESTAMPTZARRAYOID,
    ];
    let automations: Vec<Uuid> = counted().map(|row| row.taken.automation()).collect();
    let statuses: Vec<&str> = counted().map(|row| row.taken.outcome.status.as_str()).collect();
    let codes: Vec<Option<pg_sys::Datum>> = counted().map(|row| row.taken.outcome.error_code).collect();
    let times: Vec<Option<pg_sys::Datum>> = counted().map(|row| row.completed_at.into_datum()).collect();
    let plan = writing_plan(&COUNT, client, COUNT_SQL, &types.map(PgOid::from))?;
    client.update(
        plan,
        None,
        &[
            uuid_array(&automations).into(),
            statuses.into(),
            array(&codes, pg_sys::TEXTOID, pg_sys::TEXTARRAYOID),
            array(&times, pg_sys::TIMESTAMPTZOID, pg_sys::TIMESTAMPTZARRAYOID),
        ],
    )?;
    Ok(())
}

fn uuid_array(ids: &[Uuid]) -> Vec<pgrx::Uuid> {
    ids.iter()
        .map(|id| pgrx::Uuid::from_bytes(*id.as_bytes()))
        .collect()
}

/// An array of values as they are, whatever the encoding of the database is.
fn array(values: &[Option<pg_sys::Datum>], of: pg_sys::Oid, kind: pg_sys::Oid) -> DatumWithOid<'static> {
    let mut datums: Vec<pg_sys::Datum> = values
        .iter()
        .map(|value| value.unwrap_or(pg_sys::Datum::null()))
        .collect();
    let mut nulls: Vec<bool> = values.iter().map(Option::is_none).collect();
    let (mut length, mut lower) = (i32::try_from(values.len()).unwrap_or(0), 1);
    // SAFETY: so many datums of this type, which are copied; DatumWithOid is told what kind of array it is.
    unsafe {
        let (mut size, mut by_value, mut align) = (0, false, 0);
        pg_sys::get_typlenbyvalalign(of, &mut size, &mut by_value, &mut align);
        let made = pg_sys::construct_md_array(
            datums.as_mut_ptr(),
            nulls.as_mut_ptr(),
            1,
            &mut length,
            &mut lower,
            of,
            i32::from(size),
            by_value,
            align,
        );
        DatumWithOid::new(pg_sys::Datum::from(made), kind)
    }
}
