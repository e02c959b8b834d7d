//! Pauses between tries: twice as long each time, and never quite the same, so that many who failed together do not
//! come back together.

use std::time::Duration;

use uuid::Uuid;

/// Pauses from `first` to `most`.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    /// The first pause, and the longest.
    pub fn new(first: Duration, most: Duration) -> Backoff {
        Backoff { next: first, most }
    }

    /// The next pause: between half and the whole of what it would be.
    pub fn pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.most);
        // the low bits of a fresh UUID are random; there is no other need for a generator
        let share = (Uuid::now_v7().as_u128() & 0xFFFF) as f64 / 65_536.0;
        whole.mul_f64(0.5 + share / 2.0)
    }

    /// Waits for the next pause.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.pause()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_keep_at_least_half() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        for whole in [100, 200, 400, 400] {
            let pause = backoff.pause();
            let whole = Duration::from_millis(whole);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?}");
        }
    }
}
