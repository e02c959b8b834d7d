//! Firing schedules: whatever is due is started in batches, and the alarm is set for the next one. Any daemon may do it,
//! all of them do; the SQL function leaves to others what they have in hand.

use super::Worker;
use crate::queue::QueueError;

impl Worker {
    /// Fires what is due.
    pub(super) async fn fire(&self) -> Result<(), QueueError> {
        loop {
            let round = self.queue.fire_schedules().await?;
            metrics::counter!("automationd_schedules_fired_total").increment(round.fired.into());
            metrics::counter!("automationd_schedules_left_out_total").increment(round.left_out.into());
            if !self.has_more_due(round.moved, round.next) {
                return Ok(());
            }
        }
    }
}
