//! One transaction in which several nodes of an account act, each for an execution of its own: become the tenant once; for
//! each node prove that nobody left the role, say for which execution, act, all in one statement; step back, write what all of them came to,
//! commit. All or nothing: what fails, or is given up, takes the others back, and each of them runs again alone. It is rolled
//! back by its own task, whatever the walks of its nodes are busy with.
//!
//! Nodes join while it is open. Each sends its own statement behind those of the others, and hands in what is to be
//! written with it; a task of the transaction writes and commits when all have.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::try_join;
use tokio::sync::{Notify, SetOnce};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Statement;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::member::Member;
use super::own::{BECOME_TENANT, LEAVE_TENANT};
use super::writing::Handed;
use super::{Committed, OwnTransaction, Tenant, TenantError};
use crate::queue::Queue;

/// Nodes in one transaction: each holds the locks of what it wrote until all have committed.
pub const MOST: usize = 32;
/// How long it waits until it is worth its commit.
const PATIENCE: Duration = Duration::from_millis(3);
/// How long it takes others in: what is locked in it is not to be locked for long.
const OPEN: Duration = Duration::from_millis(10);
/// How long all of its nodes may take, to act and to hand in.
const LIMIT: Duration = Duration::from_millis(250);

/// A transaction of several nodes.
pub struct Shared {
    pub(super) queue: Queue,
    tenant: Tenant,
    /// None in it: it could not be begun.
    pub(super) begun: SetOnce<Option<Begun>>,
    state: Mutex<State>,
    /// Something has been handed in.
    pub(super) handed_in: Notify,
    /// It is to be rolled back.
    pub(super) broken: CancellationToken,
}

/// In which the nodes act.
pub struct Begun {
    pub(super) transaction: OwnTransaction,
    pub(super) role: Arc<str>,
    pub(super) leave_tenant: Statement,
    /// Held while a statement is sent. True: it is being rolled back, and what is sent now would be no part of it.
    pub(super) sending: Mutex<bool>,
}

/// What its nodes and its task decide by.
pub struct State {
    /// When it began: a connection that has to be made first holds no locks.
    since: Instant,
    /// So many nodes are worth a commit.
    worth: usize,
    members: usize,
    pub(super) handed: Vec<Handed>,
    pub(super) bytes: usize,
    /// It takes nobody any more, and nobody leaves.
    pub(super) is_written: bool,
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
        let (become_tenant, leave_tenant) = try_join!(
            transaction.prepared(BECOME_TENANT),
            transaction.prepared(LEAVE_TENANT),
        )?;
        let role = transaction.begin(&become_tenant).await?;
        Ok(Begun {
            transaction,
            role,
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

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn undone() {
    metrics::counter!("automationd_shared_transactions_undone_total").increment(1);
}
