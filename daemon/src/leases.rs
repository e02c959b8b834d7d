//! What this daemon holds: the claims, how long each lease lasts by the monotonic clock, and the fence before its
//! end (DESIGN D7). Database time and local time are never compared: a lease counts from before its call was sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::queue::Claim;

/// Everything that is held.
pub struct Leases {
    held: Mutex<HashMap<Uuid, Held>>,
    length: Duration,
    /// Asks for a heartbeat before its time.
    pub beat_now: Notify,
}

struct Held {
    claim: Claim,
    until: Instant,
    lost: CancellationToken,
    hint: Arc<Notify>,
}

/// One claim in the hands of a walk. Dropping it ends the holding, not the claim.
pub struct Hold {
    claim: Claim,
    lost: CancellationToken,
    hint: Arc<Notify>,
    leases: Arc<Leases>,
}

impl Leases {
    /// Nothing is held.
    pub fn new(length: Duration) -> Arc<Leases> {
        Arc::new(Leases {
            held: Mutex::default(),
            length,
            beat_now: Notify::new(),
        })
    }

    /// How long a lease lasts without a heartbeat.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// How long before its end a lease is given up: what is being written then must reach the database in time.
    pub fn margin(&self) -> Duration {
        self.length / 6
    }

    /// Takes a claim whose call was sent at `since`.
    pub fn hold(self: &Arc<Leases>, claim: Claim, since: Instant) -> Hold {
        let (lost, hint) = (CancellationToken::new(), Arc::new(Notify::new()));
        let held = Held {
            claim,
            until: since + self.length,
            lost: lost.clone(),
            hint: hint.clone(),
        };
        self.lock().insert(claim.id, held);
        Hold {
            claim,
            lost,
            hint,
            leases: self.clone(),
        }
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Something has happened to this execution: whoever has it in hand looks, and a heartbeat asks whether it still
    /// is ours. False if it is not in hand.
    pub fn hint(&self, id: Uuid) -> bool {
        let held = self.lock();
        let Some(one) = held.get(&id) else { return false };
        one.hint.notify_one();
        self.beat_now.notify_one();
        true
    }

    /// The accounts of what is held, each once.
    pub fn accounts(&self) -> Vec<Uuid> {
        let accounts: HashSet<Uuid> = self.lock().values().map(|held| held.claim.account_id).collect();
        accounts.into_iter().collect()
    }

    /// All claims, for a heartbeat or to hand them back.
    pub fn claims(&self) -> Vec<Claim> {
        self.lock().values().map(|held| held.claim).collect()
    }

    /// A heartbeat that was sent at `since` for `asked` came back with `kept`: the rest is lost.
    pub fn beaten(&self, asked: &[Claim], kept: &HashSet<Uuid>, since: Instant) -> usize {
        let mut lost = 0;
        let mut held = self.lock();
        for claim in asked {
            let Some(one) = held.get_mut(&claim.id).filter(|one| one.claim == *claim) else {
                continue;
            };
            if kept.contains(&claim.id) {
                one.until = one.until.max(since + self.length);
            } else {
                one.lost.cancel();
                lost += 1;
            }
        }
        lost
    }

    /// Gives up what is too near to its end; returns how many.
    pub fn fence(&self, now: Instant) -> usize {
        let margin = self.margin();
        let held = self.lock();
        let over = held
            .values()
            .filter(|one| !one.lost.is_cancelled() && one.until <= now + margin);
        over.inspect(|one| one.lost.cancel()).count()
    }

    fn is_over(&self, claim: &Claim) -> bool {
        let limit = Instant::now() + self.margin();
        self.lock()
            .get(&claim.id)
            .is_none_or(|held| held.claim != *claim || held.until <= limit)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// What every write names.
    pub fn claim(&self) -> Claim {
        self.claim
    }

    /// True when nothing may be done or written any more. Looks at the clock: a process that was stopped for a
    /// minute must not act in the moment before its fence runs.
    pub fn is_lost(&self) -> bool {
        self.lost.is_cancelled() || self.leases.is_over(&self.claim)
    }

    /// How many others this daemon holds.
    pub fn beside(&self) -> usize {
        self.leases.len().saturating_sub(1)
    }

    /// How many others of its account this daemon holds.
    pub fn beside_in_account(&self) -> usize {
        self.of_account(&self.leases.lock()).count().saturating_sub(1)
    }

    /// Whether its account has no more than `few` in hand here and others have more: it need not wait in one line with
    /// them.
    pub fn is_beside_a_flood(&self, few: usize) -> bool {
        let held = self.leases.lock();
        if held.len() <= few {
            return false;
        }
        let own = self.of_account(&held).take(few + 1).count();
        own <= few && held.len() - own > few
    }

    fn of_account<'a>(&self, held: &'a HashMap<Uuid, Held>) -> impl Iterator<Item = &'a Held> {
        let account = self.claim.account_id;
        held.values().filter(move |one| one.claim.account_id == account)
    }

    /// Nothing may be done under it any more.
    pub fn give_up(&self) {
        self.lost.cancel();
    }

    /// Waits until something is said to have happened to the execution; what was said before counts once.
    pub async fn hinted(&self) {
        self.hint.notified().await;
    }

    /// Waits until the lease is lost.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.leases.lock();
        if held
            .get(&self.claim.id)
            .is_some_and(|one| one.claim == self.claim)
        {
            held.remove(&self.claim.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        Claim {
            account_id: Uuid::now_v7(),
            id: Uuid::now_v7(),
            token: Uuid::now_v7(),
        }
    }

    const LEASE: Duration = Duration::from_secs(30);

    #[test]
    fn what_a_heartbeat_does_not_name_is_lost() {
        let leases = Leases::new(LEASE);
        let (one, two) = (claim(), claim());
        let (kept, gone) = (leases.hold(one, Instant::now()), leases.hold(two, Instant::now()));
        assert_eq!(
            leases.beaten(&[one, two], &HashSet::from([one.id]), Instant::now()),
            1
        );
        assert!(!kept.is_lost() && gone.is_lost());
    }

    #[test]
    fn one_of_an_account_with_few_need_not_wait_with_the_many_of_another() {
        let leases = Leases::new(LEASE);
        let (now, many) = (Instant::now(), Uuid::now_v7());
        let single = leases.hold(claim(), now);
        assert!(!single.is_beside_a_flood(2));
        let flood: Vec<Hold> = (0..3)
            .map(|_| {
                let account_id = many;
                leases.hold(
                    Claim {
                        account_id,
                        ..claim()
                    },
                    now,
                )
            })
            .collect();
        assert!(single.is_beside_a_flood(2));
        assert!(flood.iter().all(|hold| !hold.is_beside_a_flood(2)));
    }

    #[test]
    fn a_claim_that_came_after_the_heartbeat_was_sent_is_not_lost() {
        let leases = Leases::new(LEASE);
        let hold = leases.hold(claim(), Instant::now());
        assert_eq!(leases.beaten(&[], &HashSet::new(), Instant::now()), 0);
        assert!(!hold.is_lost());
    }

    #[test]
    fn the_daemon_fences_itself_before_the_lease_ends() {
        let leases = Leases::new(LEASE);
        let now = Instant::now();
        let hold = leases.hold(claim(), now);
        assert_eq!(leases.fence(now + Duration::from_secs(24)), 0);
        assert_eq!(leases.fence(now + Duration::from_secs(25)), 1);
        assert!(hold.is_lost());
    }

    #[test]
    fn a_lease_that_ran_out_while_the_process_stood_still_is_lost_at_once() {
        let Some(long_ago) = Instant::now().checked_sub(LEASE) else {
            return;
        };
        let leases = Leases::new(LEASE);
        assert!(leases.hold(claim(), long_ago).is_lost());
    }

    #[test]
    fn dropping_an_old_hold_leaves_the_new_claim_of_the_same_execution() {
        let leases = Leases::new(LEASE);
        let (old, new) = (
            claim(),
            Claim {
                token: Uuid::now_v7(),
                ..claim()
            },
        );
        let new = Claim { id: old.id, ..new };
        let first = leases.hold(old, Instant::now());
        let _second = leases.hold(new, Instant::now());
        drop(first);
        assert!(leases.hint(new.id));
        assert_eq!(leases.len(), 1);
    }

    #[tokio::test]
    async fn a_hint_reaches_who_holds_the_execution_also_when_it_looks_later() {
        let leases = Leases::new(LEASE);
        let hold = leases.hold(claim(), Instant::now());
        assert!(!leases.hint(Uuid::now_v7()));
        assert!(leases.hint(hold.claim().id) && leases.hint(hold.claim().id));
        hold.hinted().await;
        let mut again = Box::pin(hold.hinted());
        assert!(futures_util::poll!(&mut again).is_pending());
    }
}
