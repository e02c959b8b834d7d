//! Where in the queue each account was looked at up to, so that a claim need not read again what lies in front of that:
//! what is in flight, what may not run, and what has ended and cannot be vacuumed yet. With one transaction open
//! somewhere for long enough, that is everything that ended since (`sql/functions/42_queue_turn.sql` says what a place is
//! and what may come to lie before one).
//!
//! A place is a memory and not a fact, so it holds only for a while: a look at an account from its beginning takes at
//! most a tenth of the time ([`SHARE`]), and as long as a place holds, the claim loop does not sleep past its end. Where
//! looks from the beginning are quick nothing is kept at all. At each tick everything is looked at from its beginning.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// A place holds for so many times what the look from the beginning took.
const SHARE: u32 = 10;

/// A claim that took less than this looks from the beginning again the next time.
const QUICK: Duration = Duration::from_millis(5);

/// Of so many accounts places are kept. Beyond that, claims read past what lies in front of the others.
const MOST: usize = 256;

/// The places that this daemon knows.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<Uuid, Place>>);

#[derive(Debug, Clone, Copy)]
struct Place {
    id: Uuid,
    until: Instant,
}

/// What one claim is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The accounts.
    pub accounts: Vec<Uuid>,
    /// Behind which row each is looked at; the nil UUID: from the beginning.
    pub places: Vec<Uuid>,
    /// When the first of these places ceases to hold: until then something may lie before one. None: the claim looks at
    /// everything.
    pub until: Option<Instant>,
}

impl Places {
    /// What a claim may be told now.
    pub(super) fn known(&self, now: Instant) -> Known {
        let known = self.lock();
        let place = |one: &Place| if one.until > now { one.id } else { Uuid::nil() };
        let ends = known.values().map(|one| one.until).filter(|end| *end > now);
        Known {
            accounts: known.keys().copied().collect(),
            places: known.values().map(place).collect(),
            until: ends.min(),
        }
    }

    /// Takes in what a claim that was told `told` at `since` and took so long said about places.
    pub(super) fn learn(&self, told: &Known, said: &[(Uuid, Uuid)], since: Instant, took: Duration) {
        let mut known = self.lock();
        if told.until.is_none() && took < QUICK {
            known.clear();
            return;
        }
        let told: HashMap<&Uuid, &Uuid> = std::iter::zip(&told.accounts, &told.places).collect();
        for (account, id) in said {
            if told.get(account).is_some_and(|place| !place.is_nil()) {
                // further on, but no longer than the look from the beginning allows
                if let Some(place) = known.get_mut(account) {
                    place.id = *id;
                }
            } else if known.len() < MOST || known.contains_key(account) {
                let until = since + took * SHARE;
                known.insert(*account, Place { id: *id, until });
            }
        }
    }

    /// The next claim looks at everything from its beginning. Which accounts there are stays known: a claim goes around
    /// what has ended in those that have nothing.
    pub(super) fn expire(&self, now: Instant) {
        for place in self.lock().values_mut() {
            place.until = place.until.min(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const SLOW: Duration = Duration::from_millis(100);

    fn row(n: u128) -> Uuid {
        Uuid::from_u128(100 + n)
    }

    /// A look that took so long and got to that row.
    fn looked(places: &Places, at: Instant, took: Duration, to: Uuid) {
        places.learn(&places.known(at), &[(ACCOUNT, to)], at, took);
    }

    #[test]
    fn where_looks_are_quick_nothing_is_kept() {
        let (places, now) = (Places::default(), Instant::now());
        looked(&places, now, Duration::from_millis(1), row(1));
        assert_eq!(places.known(now), Known::default());
    }

    #[test]
    fn a_place_holds_for_ten_times_the_look_and_moving_on_does_not_make_it_hold_longer() {
        let (places, now) = (Places::default(), Instant::now());
        looked(&places, now, SLOW, row(1));
        let end = now + 10 * SLOW;
        assert_eq!(places.known(now).until, Some(end));
        looked(&places, now + 5 * SLOW, Duration::from_millis(1), row(2));
        let known = places.known(end - Duration::from_millis(1));
        assert_eq!((known.places, known.until), (vec![row(2)], Some(end)));
        let known = places.known(end);
        assert_eq!((known.places, known.until), (vec![Uuid::nil()], None));
    }

    #[test]
    fn after_a_tick_everything_is_looked_at_and_the_accounts_stay_known() {
        let (places, now) = (Places::default(), Instant::now());
        looked(&places, now, SLOW, row(1));
        places.expire(now);
        let known = places.known(now);
        assert_eq!((known.accounts, known.places), (vec![ACCOUNT], vec![Uuid::nil()]));
        looked(&places, now, Duration::from_millis(1), row(2));
        assert_eq!(places.known(now), Known::default());
    }

    #[test]
    fn an_account_that_a_claim_says_nothing_about_keeps_its_place() {
        let (places, now) = (Places::default(), Instant::now());
        looked(&places, now, SLOW, row(1));
        places.learn(&places.known(now), &[(OTHER, row(7))], now, SLOW);
        let known = places.known(now);
        let of: HashMap<Uuid, Uuid> = known.accounts.into_iter().zip(known.places).collect();
        assert_eq!(of, HashMap::from([(ACCOUNT, row(1)), (OTHER, row(7))]));
    }

    #[test]
    fn no_more_than_so_many_accounts_are_kept() {
        let (places, now) = (Places::default(), Instant::now());
        let said: Vec<_> = (0..1_000).map(|n| (Uuid::from_u128(n), row(n))).collect();
        places.learn(&Known::default(), &said, now, SLOW);
        assert_eq!(places.known(now).accounts.len(), MOST);
    }
}
