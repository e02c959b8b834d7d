//! How many wrong keys may come from one address. Keys have 256 random bits and cannot be guessed; this keeps whoever
//! tries from keeping the database busy.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong keys at once, and the time in which one more is allowed.
const AT_ONCE: f64 = 30.0;
const ONE_MORE: Duration = Duration::from_secs(2);
/// Addresses that are remembered; beyond it those with the fewest guesses are forgotten.
const MOST: usize = 20_000;

/// Counts them.
#[derive(Default)]
pub struct Guesses {
    made: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Guesses {
    /// None while a key from there may be looked at, else how long not.
    pub fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, at) = made.get(&network(from))?;
        let over = left(*count, *at, now) - (AT_ONCE - 1.0);
        (over > 0.0).then(|| ONE_MORE.mul_f64(over))
    }

    /// A key from there was wrong.
    pub fn note(&self, from: IpAddr, now: Instant) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= MOST {
            made.retain(|_, (count, at)| left(*count, *at, now) >= 1.0);
            if made.len() >= MOST {
                made.clear(); // so many addresses at once: the limit of each helps no more
            }
        }
        let entry = made.entry(network(from)).or_insert((0.0, now));
        *entry = (left(entry.0, entry.1, now) + 1.0, now);
    }
}

fn left(count: f64, at: Instant, now: Instant) -> f64 {
    let gone = now.saturating_duration_since(at).as_secs_f64() / ONE_MORE.as_secs_f64();
    (count - gone).max(0.0)
}

/// Who has one IPv6 address has 2^64 of them.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_one_after_another_and_each_address_for_itself() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        let (from, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        for _ in 0..30 {
            assert_eq!(guesses.wait(from, now), None);
            guesses.note(from, now);
        }
        assert_eq!(guesses.wait(from, now), Some(ONE_MORE));
        assert_eq!(guesses.wait(other, now), None);
        assert_eq!(guesses.wait(from, now + ONE_MORE), None);
        guesses.note(from, now + ONE_MORE);
        assert!(guesses.wait(from, now + ONE_MORE).is_some());
        assert_eq!(guesses.wait(from, now + ONE_MORE * 60), None);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for n in 0..30_u16 {
            guesses.note(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n).into(), now);
        }
        let wait = |text: &str| guesses.wait(text.parse().unwrap(), now);
        assert!(wait("2001:db8:0:1:ffff::1").is_some());
        assert!(wait("2001:db8:0:2::1").is_none());
    }
}
