//! Which transaction a database node shares: the one of its account that has room, or a new one. A transaction that came
//! to nothing had one node in it that spoiled it for the others, or took too long with their locks held: its account's
//! nodes go alone for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use uuid::Uuid;

use super::member::Member;
use super::nodes::Asked;
use super::shared::Shared;
use super::{Committed, Tenant, TenantError};
use crate::engine::record::Record;
use crate::queue::{Claim, Queue};

/// How long the nodes of an account go alone after a transaction of theirs came to nothing.
const ALONE: Duration = Duration::from_secs(10);

/// Statistics that had to wait are added that much later: others of the same moment wait with them.
const COUNTED_AFTER: Duration = Duration::from_millis(200);

/// The transactions that have room, one of an account at most. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sharing {
    accounts: Arc<Mutex<Accounts>>,
    is_counting: Arc<AtomicBool>,
}

#[derive(Default)]
struct Accounts {
    open: HashMap<Uuid, Arc<Shared>>,
    alone_until: HashMap<Uuid, Instant>,
}

impl Sharing {
    /// Whether nodes of this account share transactions now.
    pub fn is_open_to(&self, account: Uuid) -> bool {
        let until = self.lock().alone_until.get(&account).copied();
        until.is_none_or(|until| until <= Instant::now())
    }

    /// From now on nodes of this account go alone for a while.
    pub(super) fn close_to(&self, account: Uuid) {
        let now = Instant::now();
        let mut accounts = self.lock();
        accounts.alone_until.retain(|_, until| *until > now);
        accounts.alone_until.insert(account, now + ALONE);
    }

    /// This one takes nobody any more.
    pub(super) fn full(&self, shared: &Arc<Shared>) {
        let mut accounts = self.lock();
        if accounts
            .open
            .get(&shared.account())
            .is_some_and(|open| Arc::ptr_eq(open, shared))
        {
            accounts.open.remove(&shared.account());
        }
    }

    /// A place in the transaction of its account that has room.
    fn join(&self, queue: &Queue, tenant: Tenant, worth: usize) -> Member {
        let mut accounts = self.lock();
        let open = accounts.open.get(&tenant.account_id);
        if let Some(member) = open.and_then(|open| open.join(worth)) {
            return member;
        }
        let (shared, member) = Shared::open(queue.clone(), tenant, worth);
        accounts.open.insert(tenant.account_id, shared);
        member
    }

    /// Has the statistics added that could not be added at once because somebody else counted.
    pub(super) fn count_later(&self, queue: &Queue) {
        if self.is_counting.swap(true, Ordering::Relaxed) {
            return;
        }
        let (queue, is_counting) = (queue.clone(), self.is_counting.clone());
        tokio::spawn(async move {
            tokio::time::sleep(COUNTED_AFTER).await;
            is_counting.store(false, Ordering::Relaxed);
            queue.count_what_waited().await;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node's place in a shared transaction, taken when it acts: one that has nothing to do disturbs nobody.
pub struct Place {
    queue: Queue,
    tenant: Tenant,
    worth: usize,
    member: OnceLock<Member>,
}

impl Place {
    /// Nothing is asked yet. `worth`: so many nodes make a transaction worth its commit; fewer wait a moment for others.
    pub fn new(queue: &Queue, tenant: Tenant, worth: usize) -> Place {
        Place {
            queue: queue.clone(),
            tenant,
            worth,
            member: OnceLock::new(),
        }
    }

    pub(super) async fn act(&self, asked: Asked<'_>) -> Result<Option<String>, TenantError> {
        if self.member.get().is_some() {
            return Err(TenantError::closed());
        }
        let join = || self.queue.sharing.join(&self.queue, self.tenant, self.worth);
        let member = self.member.get_or_init(join);
        member.act(&self.tenant, asked).await
    }

    pub(super) async fn commit(self, claim: Claim, steps: &[Record]) -> Committed {
        match self.member.into_inner() {
            Some(member) => member.record(claim, steps).await,
            None => Committed::Apart,
        }
    }

    pub(super) async fn finish(self, claim: Claim, result: &RawValue) -> Committed {
        match self.member.into_inner() {
            Some(member) => member.end(claim, result).await,
            None => Committed::Apart,
        }
    }
}
