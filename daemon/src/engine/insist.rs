//! Calls that must reach the database as long as the lease is held: tried again until they do, or it is lost.

use std::future::Future;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::leases::Hold;
use crate::queue::QueueError;
use crate::queue::error::Tried;

/// What became of a call.
pub enum Insisted<T> {
    /// The answer.
    Answer(T),
    /// The database will refuse this data each time.
    Refused(QueueError),
    /// The lease was lost first: write nothing more.
    Lost,
}

/// Calls until there is an answer, the data is refused, or the lease is lost.
pub async fn insist<T, F: Future<Output = Result<T, QueueError>>>(
    hold: &Hold,
    mut call: impl FnMut() -> F,
) -> Insisted<T> {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    let mut tried = Tried::default();
    loop {
        if hold.is_lost() {
            return Insisted::Lost;
        }
        let error = tokio::select! {
            biased;
            () = hold.lost() => return Insisted::Lost,
            // in a box: a walk would carry the room for it through every move of its future
            result = Box::pin(call()) => match result {
                Ok(answer) => return Insisted::Answer(answer),
                Err(error) => error,
            },
        };
        if tried.is_refused(&error) {
            return Insisted::Refused(error);
        }
        metrics::counter!("automationd_database_errors_total").increment(1);
        tracing::warn!(%error, "the database refused a write; trying again while the lease lasts");
        tokio::select! {
            () = hold.lost() => return Insisted::Lost,
            () = backoff.wait() => {}
        }
    }
}
