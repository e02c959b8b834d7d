//! The end of an execution that was a captured change until then, in one step: its queue row goes and its row is made, as it
//! ended. What most executions come to is done here without a query, because to set up a statement takes longer than to read
//! or store a row, and two references of each row are asked one by one though all of them are held already.
//!
//! Only what is as usual: the lease holds, nobody has locked the row, automation, lead and conversation are there and belong to
//! the account, nothing is kept of the change, and the tables are as `install()` makes them ([`crate::tables`]). The rest stays as it
//! is, and `finish()` decides about it by queries, which are the rules' home.

mod outcome;

use std::rc::Rc;

use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use pgrx::{AnyElement, IntoDatum, PgMemoryContexts, PgOid, pg_sys};
use uuid::Uuid;

use crate::clock;
use crate::holding::{hold, uuid_array};
use crate::ids::to_postgres;
use crate::in_place::List;
use crate::plans::{Plan, writing_plan};
use crate::refusal::Refusal;
use crate::tables::history::{self, FILLED, History, Indexed, Leaf};
use crate::tables::lock_first;
use crate::tables::queue_rows::{self, Named, Queue, named};
use crate::tables::storing::{self, TOGETHER, Target};
use outcome::{Outcome, Status, datum_of};

thread_local! {
    static FREE: Plan = const { Plan::new() };
    static COUNT: Plan = const { Plan::new() };
}

/// Gives back what they held of a limit, as `free_slots()` does.
const FREE_SQL: &str =
    "DELETE FROM automations.in_flight f WHERE f.execution_id = ANY ($1) RETURNING automations.wake()";

const COUNT_SQL: &str = "SELECT automations.count_executions($1, $2, $3, $4)";

/// A captured change whose execution ends, and what it came to.
struct Ended<'q> {
    row: queue_rows::Row<'q>,
    outcome: Outcome,
    leaf: Rc<Leaf>,
}

/// `automations.end_captured(account_ids, ids, tokens, results, locked)`.
#[pg_extern(sql = false)]
fn end_captured(
    account_ids: Vec<Option<pgrx::Uuid>>,
    ids: Vec<Option<pgrx::Uuid>>,
    tokens: Vec<Option<pgrx::Uuid>>,
    results: AnyElement,
    locked: bool,
) -> Result<Vec<pgrx::Uuid>, pg_sys::panic::ErrorReport> {
    let named = named(&account_ids, &ids, &tokens);
    let mut context = PgMemoryContexts::new("automations: ends");
    // SAFETY: nothing that is made in the context is used after it.
    let done = unsafe { context.switch_to(|_| end(&named, results.datum(), locked)) }?;
    Ok(uuid_array(&done))
}

fn end(named: &[Named], results: pg_sys::Datum, locked: bool) -> Result<Vec<Uuid>, Refusal> {
    // SAFETY: a jsonb, as the function is declared.
    let outcomes = unsafe { List::of(results) };
    let Some(outcomes) = outcomes.filter(|_| lock_first()) else {
        return Ok(Vec::new());
    };
    // in the order in which install() locks them
    let Some(known) = queue_rows::locked() else {
        return Ok(Vec::new());
    };
    let Some(history) = history::locked() else {
        return Ok(Vec::new());
    };
    // SAFETY: the queue is locked, and as it is known.
    let Some(queue) = (unsafe { Queue::open(&known) }) else {
        return Ok(Vec::new());
    };
    let found = found(&history, &queue, named, outcomes);
    let done = end_found(&queue, &found, locked);
    for one in found {
        one.row.close();
    }
    queue.close();
    done
}

/// Those of these whose lease holds and which have no row yet, with what they came to.
fn found<'q>(history: &History, queue: &'q Queue<'q>, named: &[Named], outcomes: List) -> Vec<Ended<'q>> {
    // SAFETY: called by a statement.
    let mut scan = unsafe { queue.scan() };
    let mut found = Vec::with_capacity(named.len());
    for one in named {
        let Some(row) = scan.find(one.account, one.id) else {
            continue;
        };
        let is_ours = row.is_leased(one.token, clock::now()) && !row.has_execution();
        let known = || {
            Some((
                outcomes.at(one.place).and_then(Outcome::of)?,
                history.leaf_for(one.id)?,
            ))
        };
        match is_ours.then(known).flatten() {
            Some((outcome, leaf)) => found.push(Ended { row, outcome, leaf }),
            None => scan.give_back(row),
        }
    }
    scan.close();
    found
}

/// Ends those whose automation, lead and conversation can be held.
fn end_found(queue: &Queue<'_>, found: &[Ended<'_>], locked: bool) -> Result<Vec<Uuid>, Refusal> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let held = hold(found.iter().map(|ended| &ended.row))?;
    let mut rows: Vec<Row<'_>> = Vec::with_capacity(found.len());
    for ended in found {
        let queued = &ended.row;
        let is_usual = held.is_whole(queued)
            && held.is_of_account(queued)
            && held.is_referred_to(queued, &ended.leaf)
            && !held.is_kept(queued);
        if is_usual
            && let Some(version) = held.version_of(queued)
            && queue.take(queued, locked)
        {
            let row = Row {
                ended,
                version,
                completed_at: clock::now().max(queued.occurred_at()),
            };
            rows.push(row);
        }
    }
    for some in rows.chunk_by(|one, other| one.ended.leaf.table == other.ended.leaf.table) {
        store(some);
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.ended.row.id()).collect();
    if !ids.is_empty() {
        Spi::connect_mut(|client| {
            free(client, &ids)?;
            count(client, &rows)
        })?;
    }
    Ok(ids)
}

/// The row of an execution that has ended.
struct Row<'q> {
    ended: &'q Ended<'q>,
    version: pg_sys::Datum,
    /// Microseconds since 2000.
    completed_at: i64,
}

impl Row<'_> {
    /// As `create_executions()` says it.
    fn values(&self, none: Nothing) -> [Option<pg_sys::Datum>; FILLED.len()] {
        let Ended { row, outcome, .. } = self.ended;
        let milliseconds = clock::milliseconds(row.occurred_at(), self.completed_at);
        // as `milliseconds_since()` says it
        let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
        let uuid = |id: Option<Uuid>| id.map(to_postgres).into_datum();
        [
            uuid(Some(row.id())),
            uuid(Some(row.automation())),
            uuid(Some(row.account())),
            Some(self.version),
            row.trigger_type(),
            Some(datum_of(outcome.status.as_str().as_bytes())),
            row.occurred_at().into_datum(),
            row.is_test().into_datum(),
            row.depth().into_datum(),
            outcome.variables.or(none.object),
            outcome.nodes_executed.or(none.list),
            self.completed_at.into_datum(),
            milliseconds.into_datum(),
            row.trigger_data(),
            uuid(row.lead()),
            uuid(row.conversation()),
            row.caused_by(),
            outcome.error,
            outcome.error_code,
            outcome.error_node_id,
            outcome.output,
            // where it ends without them, what it was about to do is still said
            outcome.steps.or(row.steps()),
        ]
    }

    /// Whether the statistics of its automation are about it.
    fn counts(&self) -> bool {
        self.ended.outcome.status != Status::Cancelled && !self.ended.row.is_test()
    }
}

/// What a column holds where there is nothing.
#[derive(Clone, Copy)]
struct Nothing {
    object: Option<pg_sys::Datum>,
    list: Option<pg_sys::Datum>,
}

/// Makes the rows of one partition.
fn store(rows: &[Row<'_>]) {
    let Some(leaf) = rows.first().map(|row| &row.ended.leaf) else {
        return;
    };
    let wanted = |indexed: Indexed| match indexed {
        Indexed::Ask => true,
        Indexed::Lead => rows.iter().any(|row| row.ended.row.lead().is_some()),
        Indexed::Conversation => rows.iter().any(|row| row.ended.row.conversation().is_some()),
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
            for (slot, row) in target.slots().iter().zip(some) {
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

fn count(client: &mut SpiClient<'_>, rows: &[Row<'_>]) -> Result<(), Refusal> {
    let counted = || rows.iter().filter(|row| row.counts());
    if counted().next().is_none() {
        return Ok(());
    }
    let types = [
        pg_sys::UUIDARRAYOID,
        pg_sys::TEXTARRAYOID,
        pg_sys::TEXTARRAYOID,
        pg_sys::TIMESTAMPTZARRAYOID,
    ];
    let automations: Vec<Uuid> = counted().map(|row| row.ended.row.automation()).collect();
    let statuses: Vec<&str> = counted().map(|row| row.ended.outcome.status.as_str()).collect();
    let codes: Vec<Option<pg_sys::Datum>> = counted().map(|row| row.ended.outcome.error_code).collect();
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
