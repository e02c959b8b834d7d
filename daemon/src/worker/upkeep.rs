//! What has to happen now and then: partitions ahead of time, changes that capture missed, the recorder's histograms.
//! Any daemon may do it, all of them do; the SQL functions skip what somebody else has in hand.

use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::health::{Health, State};
use crate::queue::Queue;
use crate::telemetry;

/// Partitions are made four weeks ahead.
const MAINTAIN_EVERY: Duration = Duration::from_secs(3_600);
/// How long a missed change waits at most.
const REPLAY_EVERY: Duration = Duration::from_secs(60);

/// Runs for ever: abort the task to stop it.
pub async fn keep_up(queue: Queue, health: Health, recorder: PrometheusHandle, poll_interval: Duration) {
    let mut maintained: Option<Instant> = None;
    let every = REPLAY_EVERY
        .max(poll_interval)
        .min(telemetry::UPKEEP.max(poll_interval));
    loop {
        recorder.run_upkeep();
        if health.status().state == State::Claiming {
            if let Err(error) = queue.replay_missed().await {
                tracing::warn!(%error, "missed changes could not be replayed");
            }
            if maintained.is_none_or(|at| at.elapsed() >= MAINTAIN_EVERY) {
                match queue.maintain().await {
                    Ok(()) => maintained = Some(Instant::now()),
                    Err(error) => tracing::warn!(%error, "the tables could not be maintained"),
                }
            }
        }
        tokio::time::sleep(every).await;
    }
}
