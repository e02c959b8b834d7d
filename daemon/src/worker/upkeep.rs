//! What has to happen now and then: partitions ahead of time, changes that capture missed, the recorder's histograms.
//! Any daemon may do it, all of them do; the SQL functions skip what somebody else has in hand.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::health::{Health, State};
use crate::queue::{Queue, QueueError};
use crate::telemetry;

/// Partitions are made four weeks ahead.
const MAINTAIN_EVERY: Duration = Duration::from_secs(3_600);
/// How long a missed change waits at most, and statistics that somebody's lock was in the way of.
const EVERY: Duration = telemetry::UPKEEP;
/// Calls in a row that find something to do; what is left then waits for the next time, so that a function that
/// never comes to an end does not keep this task from the other.
const CALLS: usize = 1_000;

/// How long the first maintenance waits: not beside the first claims.
const AFTER_START: Duration = Duration::from_secs(1);

/// Runs for ever: abort the task to stop it. `put_aside`: the last poll saw something to make up for.
pub async fn keep_up(queue: Queue, health: Health, recorder: PrometheusHandle, put_aside: Arc<AtomicBool>) {
    let mut maintained: Option<Instant> = None;
    loop {
        // at the start this is as soon as everything is there
        let _ = tokio::time::timeout(EVERY, health.claiming()).await;
        recorder.run_upkeep();
        if health.status().state == State::Claiming {
            if put_aside.load(Ordering::Relaxed) {
                make_up(&queue).await;
            }
            if maintained.is_none() {
                tokio::time::sleep(AFTER_START).await;
            }
            if maintained.is_none_or(|at| at.elapsed() >= MAINTAIN_EVERY) {
                match until_nothing(|| queue.maintain()).await {
                    Ok(()) => maintained = Some(Instant::now()),
                    Err(error) => tracing::warn!(%error, "the tables could not be maintained"),
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn make_up(queue: &Queue) {
    if let Err(error) = until_nothing(|| queue.replay_missed()).await {
        tracing::warn!(%error, "missed changes could not be replayed");
    }
    if let Err(error) = queue.fold_uncounted().await {
        tracing::warn!(%error, "statistics that had to wait could not be added");
    }
}

/// Calls until there was nothing to do.
async fn until_nothing<F: Future<Output = Result<i32, QueueError>>>(
    mut call: impl FnMut() -> F,
) -> Result<(), QueueError> {
    for _ in 0..CALLS {
        if call().await? == 0 {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_call_is_repeated_until_there_is_nothing_to_do_or_it_never_ends() {
        for (batches, calls) in [(0, 1), (3, 4), (CALLS + 5, CALLS)] {
            let called = Cell::new(0);
            let call = || {
                called.set(called.get() + 1);
                let found = i32::from(called.get() <= batches);
                std::future::ready(Ok(found))
            };
            until_nothing(call).await.unwrap();
            assert_eq!(called.get(), calls);
        }
    }
}
