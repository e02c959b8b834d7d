//! The end of a database node's transaction: its record is the last write, then the commit (DESIGN D8).

use std::time::Duration;

use flow::StepId;

use super::insist::{Insisted, insist};
use super::story::Told;
use super::walk::{Halt, Walk};
use crate::backoff::Backoff;
use crate::queue::error::Verdict;
use crate::queue::execution_steps::StoredStep;
use crate::queue::tenant::{Committed as Kept, TenantTransaction};

/// What became of the transaction.
pub(super) enum Committed {
    /// Effect and record are there.
    Yes,
    /// Neither is, for this reason: run the step again.
    Again(String),
}

/// How often a step whose record could not be committed runs again.
const AGAIN: u32 = 6;

/// The tries of one step.
pub(super) struct Tries {
    left: u32,
    backoff: Backoff,
}

impl Default for Tries {
    fn default() -> Tries {
        Tries {
            left: AGAIN,
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(2)),
        }
    }
}

impl Tries {
    /// The pause before the next try; none when there have been enough.
    pub(super) fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        Some(self.backoff.pause())
    }
}

/// Records the step with everything that is not recorded yet, and commits.
pub(super) async fn commit(
    walk: &mut Walk<'_>,
    step: &StepId,
    told: &Told,
    transaction: TenantTransaction,
) -> Result<Committed, Halt> {
    if walk.hold.is_lost() {
        return Err(Halt::Lost);
    }
    let Some(row) = walk.row(step, told) else {
        return Err(Halt::failed(
            "node_failed",
            "internal error: no record".to_owned(),
        ));
    };
    walk.unrecorded.push(row);
    let (claim, steps) = (walk.hold.claim(), walk.unrecorded.rows());
    let committed = tokio::select! {
        biased;
        () = walk.hold.lost() => return Err(Halt::Lost),
        committed = transaction.commit(claim, steps) => committed,
    };
    match committed {
        Kept::Yes => {
            walk.unrecorded.take();
            walk.is_shown();
            Ok(Committed::Yes)
        }
        Kept::Lost => Err(Halt::Lost),
        Kept::No(error) if error.verdict() == Verdict::Refused => {
            walk.unrecorded.take();
            Err(Halt::failed(error.refusal(), error.to_string()))
        }
        Kept::No(error) => {
            tracing::warn!(%error, "a database node could not be recorded and runs again");
            walk.unrecorded.pop();
            Ok(Committed::Again(error.to_string()))
        }
        Kept::Unknown(error) => {
            tracing::warn!(%error, "whether a database node was committed is not known; looking");
            look(walk, step, error.to_string()).await
        }
    }
}

/// After a commit without an answer: the record says whether it happened.
async fn look(walk: &mut Walk<'_>, step: &StepId, why: String) -> Result<Committed, Halt> {
    let place = step.place.to_string();
    let is_it = |record: &StoredStep| {
        *record.node_id == *step.node
            && record.place == place
            && u32::try_from(record.run) == Ok(step.run)
            && record.status == "completed"
    };
    let (queue, execution) = (&walk.engine.queue, walk.execution.id);
    let look = || async {
        let mut there = false;
        let take = |record| {
            there = is_it(&record);
            !there
        };
        queue.execution_steps(execution, take).await?;
        Ok(there)
    };
    let there = match insist(walk.hold, look).await {
        Insisted::Answer(there) => there,
        Insisted::Refused(error) => return Err(Halt::failed("interrupted", error.to_string())),
        Insisted::Lost => return Err(Halt::Lost),
    };
    if there {
        walk.unrecorded.take();
        walk.is_shown();
        return Ok(Committed::Yes);
    }
    walk.unrecorded.pop();
    Ok(Committed::Again(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_cannot_be_committed_runs_again_more_slowly_each_time_and_not_for_ever() {
        let mut tries = Tries::default();
        let pauses: Vec<_> = std::iter::from_fn(|| tries.next()).collect();
        assert_eq!(pauses.len(), AGAIN as usize);
        assert!(pauses.last() > pauses.first());
    }
}
