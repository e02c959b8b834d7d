//! How long what is to be written waits for company. Where few executions run, not at all: each is on its own, and is
//! written at once. Where many do, to set a call up costs several times what one more in it does, so a call waits until
//! there is a group that is worth it, and not for long.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::leases::Leases;

/// So few executions that each is on its own.
pub const FEW: usize = 8;

/// A group is worth its call when it has this part of what runs.
const PART: usize = 4;

/// The longest wait for company: shorter than what it saves where all cores are busy.
const PATIENCE: Duration = Duration::from_millis(3);

/// Knows how many executions run.
#[derive(Clone)]
pub struct Gathering(Arc<Leases>);

impl Gathering {
    /// Of what these leases hold.
    pub fn new(leases: Arc<Leases>) -> Gathering {
        Gathering(leases)
    }

    /// Waits for more of what comes in this line, up to `most` in all.
    pub async fn gather<T>(&self, line: &mut mpsc::Receiver<T>, ready: &mut Vec<T>, most: usize) {
        let worth = worth(self.0.len(), most);
        let until = Instant::now() + PATIENCE;
        while ready.len() < worth {
            let room = most.saturating_sub(ready.len());
            match timeout_at(until, line.recv_many(ready, room)).await {
                Ok(more) if more > 0 => {}
                _ => return,
            }
        }
    }
}

/// What a call waits for while so many executions run.
pub fn worth(running: usize, most: usize) -> usize {
    match running {
        0..=FEW => 1,
        many => (many / PART).min(most),
    }
}

/// Splits a group, in its order, so that no part is larger than `most` unless it is one alone.
pub fn within<T>(group: Vec<T>, most: usize, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut parts: Vec<Vec<T>> = Vec::new();
    let mut left = 0;
    for one in group {
        let bytes = size(&one);
        match parts.last_mut().filter(|_| bytes <= left) {
            Some(part) => {
                left -= bytes;
                part.push(one);
            }
            None => {
                left = most.saturating_sub(bytes);
                parts.push(vec![one]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_few_waits_for_nobody_and_one_of_many_for_a_part_of_them() {
        assert_eq!(
            [1, FEW, 64, 10_000].map(|running| worth(running, 256)),
            [1, 1, 16, 256]
        );
    }

    #[tokio::test]
    async fn a_group_that_does_not_come_is_not_waited_for() {
        let leases = Leases::new(Duration::from_secs(30));
        let claim = |n| crate::queue::Claim {
            account_id: uuid::Uuid::from_u128(n),
            id: uuid::Uuid::from_u128(n),
            token: uuid::Uuid::nil(),
        };
        let now = std::time::Instant::now();
        let _held: Vec<_> = (0..64).map(|n| leases.hold(claim(n), now)).collect();
        let gathering = Gathering::new(leases);
        let (sender, mut line) = mpsc::channel(100);
        let mut ready = vec![0];
        let send = async {
            for n in 1..40 {
                sender.send(n).await.unwrap();
            }
        };
        tokio::join!(send, gathering.gather(&mut line, &mut ready, 30));
        assert!((16..=30).contains(&ready.len()), "{}", ready.len());
        let mut ready = vec![0];
        while line.try_recv().is_ok() {}
        gathering.gather(&mut line, &mut ready, 30).await; // nothing comes
        assert_eq!(ready, [0]);
    }

    #[test]
    fn a_group_is_bounded_by_bytes_and_one_alone_may_be_larger() {
        let parts = |sizes: &[usize]| within(sizes.to_vec(), 10, |size| *size);
        assert_eq!(parts(&[4, 6, 1]), [vec![4, 6], vec![1]]);
        assert_eq!(parts(&[25, 3, 7, 11]), [vec![25], vec![3, 7], vec![11]]);
        assert!(parts(&[]).is_empty());
    }
}
