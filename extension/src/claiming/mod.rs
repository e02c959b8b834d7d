//! `claim()`: of captured changes without a query, where one account alone has anything waiting and nothing is to be decided, as it
//! is nearly always where little waits. What `claim_in_turns()` does comes down to this, and takes most of its time to set up,
//! and to find each row three times.
//!
//! Where several have something waiting, or somebody else has something to say ([`lone`]), or one of the rows is more than a
//! change that nobody has touched yet, nothing is claimed here, and no more is locked than what the turns look at again: they
//! decide.

mod answer;
mod lone;

use pgrx::prelude::*;
use pgrx::{PgMemoryContexts, pg_sys};
use uuid::Uuid;

use crate::acting::set_for_transaction;
use crate::clock;
use crate::holding::{hold, uuid_array};
use crate::ids::{from_postgres, to_postgres};
use crate::in_place;
use crate::plans::{Plan, writing_plan};
use crate::refusal::Refusal;
use crate::tables::queue_rows::{self, Queue, Row, Scan};
use answer::Answer;
use lone::Lone;

thread_local! {
    static NOTE: Plan = const { Plan::new() };
    static TURNS: Plan = const { Plan::new() };
}

const TURNS_SQL: &str = "SELECT t.* FROM automations.claim_in_turns($1, $2, $3, $4, $5, $6) t";

/// Says which claims are under a token.
const NOTE_SQL: &str = "
    INSERT INTO automations.claims AS c (token, accounts, ids) VALUES ($1, $2, $3)
    ON CONFLICT ON CONSTRAINT claims_pkey DO UPDATE
       SET accounts = c.accounts || excluded.accounts, ids = c.ids || excluded.ids";

/// Larger claims are not made here: each of their rows keeps its page in memory until it is written.
const MOST: usize = 1024;

/// What a claim is to bring.
struct Wanted {
    token: Uuid,
    batch: usize,
    lease_ms: i64,
    /// The account that alone had anything, and the place behind which to look.
    known: Option<Uuid>,
    place: Uuid,
}

/// Ids of a call, as they came.
type Ids = Option<Vec<Option<pgrx::Uuid>>>;

/// `automations.claim(token, batch, lease_ms, but_not, known, places)`.
#[pg_extern(sql = false)]
fn claim(
    token: Option<pgrx::Uuid>,
    batch: Option<i32>,
    lease_ms: Option<i64>,
    but_not: Ids,
    known: Ids,
    places: Ids,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<Option<bool>, pg_sys::panic::ErrorReport> {
    let token = token.ok_or(Refusal::Null("token"))?;
    let batch = batch.ok_or(Refusal::Null("batch"))?;
    let lease_ms = lease_ms.ok_or(Refusal::Null("lease_ms"))?;
    let first = |ids: &Ids| ids.as_ref().and_then(|ids| ids.first().copied().flatten());
    let is_of_one =
        but_not.as_ref().is_some_and(Vec::is_empty) && known.as_ref().is_none_or(|known| known.len() <= 1);
    // SAFETY: called as a table function, as it is declared; nothing that is made in the context is used after it.
    unsafe {
        let answer = Answer::begin(fcinfo, known.is_some())?;
        if batch > 0 && is_of_one {
            let wanted = Wanted {
                token: from_postgres(token),
                batch: usize::try_from(batch).unwrap_or(0),
                lease_ms,
                known: first(&known).map(from_postgres),
                place: first(&places).map(from_postgres).unwrap_or_default(),
            };
            let mut context = PgMemoryContexts::new("automations: a claim");
            context.switch_to(|_| claim_captured(&wanted, &answer))?;
        }
        if answer.says_something() {
            set_for_transaction(c"synchronous_commit", c"off");
            return Ok(None);
        }
        let types = [
            pg_sys::UUIDOID,
            pg_sys::INT4OID,
            pg_sys::INT8OID,
            pg_sys::UUIDARRAYOID,
            pg_sys::UUIDARRAYOID,
            pg_sys::UUIDARRAYOID,
        ];
        Spi::connect_mut(|client| {
            let plan = writing_plan(&TURNS, client, TURNS_SQL, &types.map(PgOid::from))?;
            let arguments = [
                token.into(),
                batch.into(),
                lease_ms.into(),
                but_not.into(),
                known.into(),
                places.into(),
            ];
            client.update(plan, None, &arguments)?;
            answer.pass_on(pg_sys::SPI_tuptable);
            Ok::<_, Refusal>(())
        })?;
    }
    Ok(None)
}

fn claim_captured(wanted: &Wanted, answer: &Answer) -> Result<(), Refusal> {
    if wanted.batch > MOST {
        return Ok(());
    }
    let Some(depth_limit) = lone::depth_limit() else {
        return Ok(());
    };
    let Some(known) = queue_rows::locked() else {
        return Ok(());
    };
    // SAFETY: the queue is locked, and as it is known.
    let Some(queue) = (unsafe { Queue::open(&known) }) else {
        return Ok(());
    };
    // SAFETY: called by a statement.
    let mut scan = unsafe { queue.scan() };
    let done = match Lone::find(&mut scan, wanted.known, depth_limit)? {
        Some(lone) => claim_of(&lone, &queue, &mut scan, wanted, answer),
        None => Ok(()),
    };
    scan.close();
    queue.close();
    done
}

fn claim_of<'q>(
    lone: &Lone,
    queue: &'q Queue<'q>,
    scan: &mut Scan<'q>,
    wanted: &Wanted,
    answer: &Answer,
) -> Result<(), Refusal> {
    scan.begin_behind(lone.account, wanted.place);
    let mut claim = Claim::default();
    while claim.take(queue, scan, lone, wanted, answer)? {}
    claim.close(lone, wanted, answer)
}

/// What has been claimed so far.
#[derive(Default)]
struct Claim {
    ids: Vec<Uuid>,
    /// The last one that was looked at.
    last: Option<Uuid>,
    /// More is to be decided about the next one.
    is_undecided: bool,
}

impl Claim {
    /// Leases as many of the next ones as are still wanted, and says whether to look further: somebody else may have locked some
    /// of them, or have been first with them.
    fn take<'q>(
        &mut self,
        queue: &'q Queue<'q>,
        scan: &mut Scan<'q>,
        lone: &Lone,
        wanted: &Wanted,
        answer: &Answer,
    ) -> Result<bool, Refusal> {
        let missing = wanted.batch.saturating_sub(self.ids.len());
        let mut next = Vec::with_capacity(missing);
        self.is_undecided = !find(&mut next, scan, lone, missing);
        let done = match self.is_undecided {
            true => Ok(()),
            false => self.lease(queue, &next, wanted, answer),
        };
        let may_be_more = next.len() == missing;
        next.into_iter().for_each(Row::close);
        done?;
        Ok(may_be_more && !self.is_undecided && self.ids.len() < wanted.batch)
    }

    /// Leases those of these that nobody else has, and says so.
    fn lease(
        &mut self,
        queue: &Queue<'_>,
        next: &[Row<'_>],
        wanted: &Wanted,
        answer: &Answer,
    ) -> Result<(), Refusal> {
        let held = hold(next.iter())?;
        if !next.iter().all(|row| held.is_whole(row)) {
            self.is_undecided = true;
            return Ok(());
        }
        let now = clock::now();
        let until = now.saturating_add(wanted.lease_ms.saturating_mul(1000));
        let mut changing = queue.changing();
        for row in next {
            if changing.lease(row, wanted.token, until) {
                self.ids.push(row.id());
                answer.say(row, now);
            }
        }
        changing.close();
        self.last = next.last().map(Row::id);
        Ok(())
    }

    /// Notes what was claimed, and says how far the account has been looked through.
    fn close(self, lone: &Lone, wanted: &Wanted, answer: &Answer) -> Result<(), Refusal> {
        if !self.ids.is_empty() {
            note(wanted.token, lone.account, &self.ids)?;
        }
        if !self.is_undecided {
            let is_full = self.ids.len() == wanted.batch;
            answer.say_place(lone.account, self.last.filter(|_| is_full));
        } else if !self.ids.is_empty() {
            answer.say_more();
        }
        Ok(())
    }
}

/// Says which claims are under a token.
fn note(token: Uuid, account: Uuid, ids: &[Uuid]) -> Result<(), Refusal> {
    Spi::connect_mut(|client| {
        let types = [pg_sys::UUIDOID, pg_sys::UUIDARRAYOID, pg_sys::UUIDARRAYOID].map(PgOid::from);
        let plan = writing_plan(&NOTE, client, NOTE_SQL, &types)?;
        let accounts = vec![account; ids.len()];
        let arguments = [
            to_postgres(token).into(),
            uuid_array(&accounts).into(),
            uuid_array(ids).into(),
        ];
        client.update(plan, None, &arguments)?;
        Ok(())
    })
}

/// The next changes that nobody has claimed and whose automation may run, as many as are missing; false where one of them is
/// more than that.
fn find<'q>(next: &mut Vec<Row<'q>>, scan: &mut Scan<'q>, lone: &Lone, missing: usize) -> bool {
    while next.len() < missing {
        pgrx::check_for_interrupts!();
        let Some(row) = scan.next() else { break };
        let is_stopped = || lone.stopped.binary_search(&row.automation()).is_ok();
        if !row.is_free() || !row.is_test() && is_stopped() {
            scan.give_back(row);
            continue;
        }
        let is_odd = is_odd(&row, lone.depth_limit);
        next.push(row);
        if is_odd {
            return false;
        }
    }
    true
}

/// As `is_odd()` says it, or deeper than may run, or before others.
fn is_odd(row: &Row<'_>, depth_limit: i32) -> bool {
    row.has_execution()
        || row.has_priority()
        || row.has_crashed()
        || row.has_record()
        || row.steps().is_some()
        || i32::from(row.depth()) > depth_limit
        || row
            .trigger_data()
            .is_some_and(|data| in_place::has_key(data, c"too_large"))
}
