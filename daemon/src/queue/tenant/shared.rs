//! One transaction in which several nodes of an account act, each for an execution of its own: become the tenant once; for
//! each node prove that nobody left the role, say for which execution, act; step back, write what all of them came to,
//! commit. All or nothing: what fails, or is given up, takes the others back, and each of them runs again alone. It is rolled
//! back by its own task, whatever the walks of its nodes are busy with.
//!
//! Nodes join while it is open. Each sends its own statements behind those of the others, and hands in what is to be
//! written with it; a task of the transaction writes and commits when all have.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::{join, try_join};
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{Notify, SetOnce, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Client, Error, Row, Statement};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::commit::{FINISH, RECORD};
use super::own::{BECOME_TENANT, LEAVE_TENANT, RUN_DEFERRED};
use super::{Committed, OwnTransaction, Tenant, TenantError};
use crate::engine::record::Record;
use crate::queue::{Claim, Queue, columns};

const NEXT_OF_TENANT: &str = "SELECT automations.next_of_tenant($1, $2, $3, $4, $5, $6)::text";

/// Nodes in one transaction: each holds the locks of what it wrote until all have committed.
pub const MOST: usize = 32;
/// How long it waits until it is worth its commit.
const PATIENCE: Duration = Duration::from_millis(3);
/// How long it takes others in: what is locked in it is not to be locked for long.
const OPEN: Duration = Duration::from_millis(10);
/// How long all of its nodes may take, to act and to hand in.
const LIMIT: Duration = Duration::from_millis(250);
/// Bytes that all of its nodes may hand in, as JSON: one with more goes alone.
const MOST_BYTES: usize = 8 << 20;

/// A transaction of several nodes.
pub struct Shared {
    queue: Queue,
    tenant: Tenant,
    /// None in it: it could not be begun.
    begun: SetOnce<Option<Begun>>,
    state: Mutex<State>,
    /// Something has been handed in.
    handed_in: Notify,
    /// It is to be rolled back.
    broken: CancellationToken,
}

/// In which the nodes act.
struct Begun {
    transaction: OwnTransaction,
    role: Arc<str>,
    next_of_tenant: Statement,
    run_deferred: Statement,
    leave_tenant: Statement,
    /// Held while the statements of one node are sent: they belong together. True: it is being rolled back, and what is
    /// sent now would be no part of it.
    sending: Mutex<bool>,
}

struct State {
    /// When it began: a connection that has to be made first holds no locks.
    since: Instant,
    /// So many nodes are worth a commit.
    worth: usize,
    members: usize,
    handed: Vec<Handed>,
    bytes: usize,
    /// It takes nobody any more, and nobody leaves.
    is_written: bool,
}

/// What a node hands in.
struct Handed {
    claim: Claim,
    what: What,
    answer: oneshot::Sender<Committed>,
}

enum What {
    /// A list of records.
    Steps(Box<RawValue>),
    /// A result.
    End(Box<RawValue>),
}

impl What {
    fn bytes(&self) -> usize {
        let (What::Steps(json) | What::End(json)) = self;
        json.get().len()
    }
}

/// What drives it. However that ends, nobody waits for it any more.
struct Task(Arc<Shared>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.broken.cancel();
        let _ = self.0.begun.set(None);
        self.0.lock().handed.clear();
    }
}

/// A node's part in it. Dropped before all is written, it takes the transaction with it.
pub struct Member(Arc<Shared>);

impl Shared {
    /// A new one with its first member, who need not wait for it to begin.
    pub fn open(queue: Queue, tenant: Tenant, worth: usize) -> (Arc<Shared>, Member) {
        let shared = Arc::new(Shared {
            queue,
            tenant,
            begun: SetOnce::new(),
            state: Mutex::new(State {
                since: Instant::now(),
                worth,
                members: 1,
                handed: Vec::new(),
                bytes: 0,
                is_written: false,
            }),
            handed_in: Notify::new(),
            broken: CancellationToken::new(),
        });
        let task = Task(shared.clone());
        shared
            .queue
            .calls
            .giving_up
            .track(async move { task.0.drive().await });
        (shared.clone(), Member(shared))
    }

    /// Whose nodes act in it.
    pub fn account(&self) -> Uuid {
        self.tenant.account_id
    }

    /// A part in it, if it has room.
    pub fn join(self: &Arc<Shared>, worth: usize) -> Option<Member> {
        let mut state = self.lock();
        let has_room = !state.is_written
            && !self.broken.is_cancelled()
            && state.members < MOST
            && state.since.elapsed() < OPEN;
        has_room.then(|| {
            state.members += 1;
            state.worth = state.worth.max(worth);
            Member(self.clone())
        })
    }

    /// From its begin to its end.
    async fn drive(self: &Arc<Shared>) {
        let begun = self.begin().await;
        let begun =
            begun.inspect_err(|error| tracing::debug!(%error, "a shared transaction could not begin"));
        self.lock().since = Instant::now();
        let _ = self.begun.set(begun.ok());
        let handed = match self.begun.get() {
            Some(Some(begun)) => self.all_handed_in().await.map(|handed| (begun, handed)),
            _ => None,
        };
        self.queue.sharing.full(self);
        match handed {
            Some((begun, handed)) => self.write(begun, handed).await,
            None => self.come_apart().await,
        }
    }

    async fn begin(&self) -> Result<Begun, TenantError> {
        let lent = self.queue.for_tenant().await.map_err(|_| TenantError::closed())?;
        let transaction = OwnTransaction::over(lent, self.tenant);
        let (become_tenant, next_of_tenant, run_deferred, leave_tenant) = try_join!(
            transaction.prepared(BECOME_TENANT),
            transaction.prepared(NEXT_OF_TENANT),
            transaction.prepared(RUN_DEFERRED),
            transaction.prepared(LEAVE_TENANT),
        )?;
        let role = transaction.begin(&become_tenant).await?;
        Ok(Begun {
            transaction,
            role,
            next_of_tenant,
            run_deferred,
            leave_tenant,
            sending: Mutex::default(),
        })
    }

    /// What its nodes have handed in, when all have; none: it is to be rolled back.
    async fn all_handed_in(&self) -> Option<Vec<Handed>> {
        loop {
            let until = {
                let mut state = self.lock();
                let waits_for_company = state.members < state.worth && state.since.elapsed() < PATIENCE;
                if self.broken.is_cancelled() || state.since.elapsed() > LIMIT {
                    return None;
                }
                if state.handed.len() == state.members && !waits_for_company {
                    state.is_written = true;
                    return Some(std::mem::take(&mut state.handed));
                }
                match state.handed.len() == state.members {
                    true => state.since + PATIENCE,
                    false => state.since + LIMIT,
                }
            };
            tokio::select! {
                () = self.broken.cancelled() => {}
                _ = timeout_at(until, self.handed_in.notified()) => {}
            }
        }
    }

    /// All that was handed in is the last of the transaction.
    async fn write(&self, begun: &Begun, handed: Vec<Handed>) {
        let came = self.written(begun, &handed).await;
        if matches!(came, Committed::Lost | Committed::No(_) | Committed::Apart) {
            undone();
        }
        // what was cancelled or locked at the wrong moment says nothing of the next
        if !matches!(came, Committed::Yes | Committed::Lost) {
            self.queue.sharing.close_to(self.account());
        }
        for one in handed {
            let _ = one.answer.send(match &came {
                Committed::Yes => Committed::Yes,
                Committed::Unknown(why) => Committed::Unknown(why.clone()),
                Committed::No(_) | Committed::Lost | Committed::Apart => Committed::Apart,
            });
        }
    }

    async fn written(&self, begun: &Begun, handed: &[Handed]) -> Committed {
        let (mut recorded, mut ended) = (Group::default(), Group::default());
        for one in handed {
            match &one.what {
                What::Steps(steps) => recorded.add(one.claim, steps),
                What::End(result) => ended.add(one.claim, result),
            }
        }
        let transaction = &begun.transaction;
        let Some(client) = &transaction.client else {
            return Committed::Apart;
        };
        let prepared = transaction
            .answered(async { try_join!(client.prepare_cached(RECORD), client.prepare_cached(FINISH)) })
            .await;
        let (record, finish) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Committed::No(error.into()),
        };
        transaction.committing.store(true, Ordering::Relaxed);
        let role: [&(dyn ToSql + Sync); 1] = [&&*begun.role];
        let all = async {
            join!(
                client.query_one(&begun.leave_tenant, &role),
                recorded.write(client, &record),
                ended.write(client, &finish),
                client.batch_execute("COMMIT"),
            )
        };
        let (left, recorded, ended, committed) = transaction.answered(transaction.switch.write(all)).await;
        transaction.over.store(committed.is_ok(), Ordering::Relaxed);
        let is_uncounted = |row: &Option<Row>| {
            row.as_ref()
                .is_some_and(|row| matches!(row.try_get(0), Ok(Some(true))))
        };
        if committed.is_ok() && ended.as_ref().is_ok_and(is_uncounted) {
            self.queue.sharing.count_later(&self.queue);
        }
        Committed::of(left.and(recorded).and(ended).map(drop), committed)
    }

    /// It comes to nothing: each goes alone.
    async fn come_apart(&self) {
        self.broken.cancel();
        self.queue.sharing.close_to(self.account());
        undone();
        if let Some(Some(begun)) = self.begun.get() {
            *begun.sending.lock().unwrap_or_else(PoisonError::into_inner) = true;
            begun.transaction.roll_back().await;
        }
        for one in std::mem::take(&mut self.lock().handed) {
            let _ = one.answer.send(Committed::Apart);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Acts for the execution of this tenant, behind whoever acts in it already.
    pub async fn act(
        &self,
        tenant: &Tenant,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, TenantError> {
        let acted = async {
            let Some(begun) = self.0.begun.wait().await else {
                return Err(TenantError::closed());
            };
            let transaction = &begun.transaction;
            let statement = transaction.prepared(sql).await?;
            let role = &*begun.role;
            let next: [&(dyn ToSql + Sync); 6] = [
                &role,
                &tenant.account_id,
                &tenant.execution_id,
                &tenant.depth,
                &tenant.lock_timeout_ms,
                &tenant.statement_timeout_ms,
            ];
            let all = async {
                join!(
                    transaction.prepared_row(&begun.next_of_tenant, &next),
                    transaction.prepared_row(&statement, parameters),
                    transaction.executed(&begun.run_deferred),
                )
            };
            let sent = sent_together(&begun.sending, all).await;
            let (became, acted, settled) = sent.ok_or_else(TenantError::closed)?;
            became?;
            let row = acted?;
            settled?;
            Ok(row)
        };
        let acted = tokio::select! {
            biased;
            () = self.0.broken.cancelled() => Err(TenantError::closed()),
            acted = acted => acted,
        };
        acted.inspect_err(|_| self.0.broken.cancel())
    }

    /// Hands in the records of steps; returns when all of the transaction is written, or will never be.
    pub async fn record(self, claim: Claim, steps: &[Record]) -> Committed {
        match to_raw_value(steps) {
            Ok(steps) => self.hand_in(claim, What::Steps(steps)).await,
            Err(_) => Committed::Apart,
        }
    }

    /// Hands in the result of its execution; returns as [`Member::record`].
    pub async fn end(self, claim: Claim, result: &RawValue) -> Committed {
        self.hand_in(claim, What::End(result.to_owned())).await
    }

    async fn hand_in(self, claim: Claim, what: What) -> Committed {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.0.lock();
            state.bytes += what.bytes();
            if self.0.broken.is_cancelled() || state.bytes > MOST_BYTES {
                self.0.broken.cancel();
                return Committed::Apart;
            }
            state.handed.push(Handed { claim, what, answer });
        }
        self.0.handed_in.notify_one();
        answered.await.unwrap_or_else(|_| {
            Committed::Unknown("the task of a shared transaction has ended before its answer".to_owned())
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !self.0.lock().is_written {
            self.0.broken.cancel();
        }
    }
}

fn undone() {
    metrics::counter!("automationd_shared_transactions_undone_total").increment(1);
}

/// What is written with one statement.
#[derive(Default)]
struct Group<'a> {
    claims: Vec<Claim>,
    what: Vec<&'a RawValue>,
}

impl<'a> Group<'a> {
    fn add(&mut self, claim: Claim, what: &'a RawValue) {
        self.claims.push(claim);
        self.what.push(what);
    }

    /// Asks nothing where there is nothing to write.
    async fn write(self, client: &Client, statement: &Statement) -> Result<Option<Row>, Error> {
        if self.claims.is_empty() {
            return Ok(None);
        }
        let (accounts, ids, tokens) = columns(&self.claims);
        let row = client
            .query_one(statement, &[&accounts, &ids, &tokens, &Json(self.what)])
            .await?;
        Ok(Some(row))
    }
}

/// Polls it first with this lock held: what it sends at once is sent without anything of others in between. None: too
/// late, nothing was sent.
async fn sent_together<F: Future>(sending: &Mutex<bool>, all: F) -> Option<F::Output> {
    let mut all = pin!(all);
    let first = poll_fn(|context| {
        let is_over = sending.lock().unwrap_or_else(PoisonError::into_inner);
        Poll::Ready((!*is_over).then(|| all.as_mut().poll(context)))
    });
    match first.await? {
        Poll::Ready(done) => Some(done),
        Poll::Pending => Some(all.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_while_it_is_rolled_back_is_not_sent() {
        let (sending, sent) = (Mutex::new(false), Mutex::new(0));
        let send = || async {
            *sent.lock().unwrap() += 1;
            tokio::task::yield_now().await; // the answer
            7
        };
        assert_eq!(sent_together(&sending, send()).await, Some(7));
        *sending.lock().unwrap() = true;
        assert_eq!(sent_together(&sending, send()).await, None);
        assert_eq!(*sent.lock().unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_is_sent_between_two_statements_of_another() {
        let shared = Arc::new((Mutex::new(false), Mutex::new(Vec::new())));
        let both = [1, 2].map(|node| {
            let shared = shared.clone();
            tokio::spawn(async move {
                let (sending, order) = &*shared;
                let statement = || async {
                    order.lock().unwrap().push(node);
                    std::thread::sleep(Duration::from_millis(20)); // the other thread has its chance
                    tokio::task::yield_now().await;
                };
                let all = async { join!(statement(), statement(), statement()) };
                sent_together(sending, all).await
            })
        });
        for one in both {
            assert!(one.await.unwrap().is_some());
        }
        let order = shared.1.lock().unwrap().clone();
        assert!(
            order == [1, 1, 1, 2, 2, 2] || order == [2, 2, 2, 1, 1, 1],
            "{order:?}"
        );
    }
}
