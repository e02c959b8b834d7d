//! Firing schedules: whatever is due is started in batches, and the alarm is set for the next one. Any daemon may do it,
//! all of them do; the SQL function leaves to others what they have in hand.

use std::time::{Duration, Instant};

use super::Worker;
use crate::queue::QueueError;

impl Worker {
    /// Fires what is due.
    pub(super) async fn fire(&self) -> Result<(), QueueError> {
        loop {
            let round = self.queue.fire_schedules().await?;
            metrics::counter!("automationd_schedules_fired_total").increment(round.fired.into());
            metrics::counter!("automationd_schedules_left_out_total").increment(round.left_out.into());
            if let Some(next) = round.next.filter(|next| !next.is_zero()) {
                self.wake.alarm(Instant::now() + next);
            }
            // zero: there are more that are due, unless somebody else has them in hand
            if round.moved == 0 || round.next != Some(Duration::ZERO) {
                return Ok(());
            }
        }
    }
}
