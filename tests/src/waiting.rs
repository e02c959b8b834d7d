//! Waiting for what must happen: look again until it did, or a generous deadline ends the test.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a thing may take before a test calls it lost. A bound for a loaded machine, not an expectation.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Looks until `look` gives a value, and gives that.
///
/// # Panics
/// When [`DEADLINE`] is over; `what` says what never happened.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    until_within(DEADLINE, what, look).await
}

/// As [`until`], with a deadline for what takes its time by nature (pg_cron's full minute).
pub async fn until_within<T, F: Future<Output = Option<T>>>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(began.elapsed() < deadline, "waited {deadline:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}
