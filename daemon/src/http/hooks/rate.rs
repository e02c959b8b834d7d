//! How often may be called: for each key a time before which it is full (the generic cell rate algorithm), which takes
//! one number a key and no timer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// Calls of so much time may come at once.
const BURST: Duration = Duration::from_secs(6);
/// Keys, beyond which those that are empty again are dropped.
const MANY: usize = 10_000;

/// One limit for each key.
#[derive(Default)]
pub struct Rates {
    full_until: Mutex<HashMap<Uuid, Instant>>,
}

impl Rates {
    /// Counts a call at `now`, or says how long to wait.
    ///
    /// # Errors
    /// The time after which one is free.
    pub fn take(&self, key: Uuid, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let each = Duration::from_secs(60) / per_minute.max(1);
        let mut all = self.full_until.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY {
            all.retain(|_, until| *until > now);
        }
        let until = all.get(&key).map_or(now, |until| (*until).max(now)) + each;
        let most = now + each.max(BURST);
        if until > most {
            return Err(until - most);
        }
        all.insert(key, until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_as_many_as_are_allowed() {
        let (rates, key, now) = (Rates::default(), Uuid::nil(), Instant::now());
        let taken = (0..1_000).filter(|_| rates.take(key, 600, now).is_ok()).count();
        assert_eq!(taken, 60);
        assert_eq!(rates.take(key, 600, now), Err(Duration::from_millis(100)));
        assert_eq!(rates.take(key, 600, now + Duration::from_millis(100)), Ok(()));
        assert_eq!(rates.take(Uuid::max(), 600, now), Ok(()), "another key");
        let later = now + Duration::from_secs(60);
        assert_eq!(
            (0..1_000).filter(|_| rates.take(key, 600, later).is_ok()).count(),
            60
        );
    }

    #[test]
    fn one_a_minute_is_one_a_minute() {
        let (rates, key, now) = (Rates::default(), Uuid::nil(), Instant::now());
        assert_eq!(rates.take(key, 1, now), Ok(()));
        assert_eq!(rates.take(key, 1, now), Err(Duration::from_secs(60)));
        assert_eq!(rates.take(key, 1, now + Duration::from_secs(60)), Ok(()));
    }
}
