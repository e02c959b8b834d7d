//! What is about to act outside is said in the queue row of an execution without a row, where that is enough
//! (docs/decisions/steps_kept_in_the_queue.md).

use std::sync::Arc;
use std::time::Instant;

use super::Engine;
use super::recording::SHOWN_WHILE_ACTING;
use super::walk::{Halt, Walk};
use crate::queue::record::Sure;

/// What a queue row keeps at most, in bytes: it is written again with each change of the row.
const MOST_KEPT: usize = 16 << 10;

impl Walk<'_> {
    /// Writes what is not written yet into the queue row, once; whatever is written next says all of it again. False: it is
    /// to be recorded.
    pub(super) async fn keep(&mut self) -> Result<bool, Halt> {
        let is_enough = self.sure == Sure::Soon
            && self.show_at.is_some_and(|at| Instant::now() < at)
            // or somebody may ask for it before its request is answered
            && !self.definition.tells_who_it_is;
        if !is_enough || self.is_kept || self.unrecorded.bytes() > MOST_KEPT {
            return Ok(false);
        }
        self.is_kept = true;
        let (claim, rows) = (self.hold.claim(), self.unrecorded.rows());
        let Engine { groups, queue, .. } = &*self.engine;
        let with_others = self.goes_with_others();
        let kept = async {
            if with_others {
                return groups.keeps.write(claim, Arc::new(rows.to_vec())).await;
            }
            let kept = queue.keep_steps(&[claim], &[rows]).await;
            kept.is_ok_and(|kept| kept.contains(&claim.id)) // what it is refused for, record() is told again
        };
        let kept = tokio::select! {
            biased;
            () = self.hold.lost() => return Err(Halt::Lost),
            kept = Box::pin(kept) => kept,
        };
        if kept {
            self.sure = Sure::OnDisk;
            self.show_at = Some(Instant::now() + SHOWN_WHILE_ACTING);
        }
        Ok(kept)
    }
}
