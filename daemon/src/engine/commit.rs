//! The end of a database node's transaction: its record is the last write, then the commit (DESIGN D8).

use std::time::{Duration, Instant};

use flow::StepId;
use serde_json::value::to_raw_value;

use super::ending::Ending;
use super::insist::{Insisted, insist};
use super::story::Told;
use super::walk::{Halt, Walk};
use crate::backoff::Backoff;
use crate::queue::error::Verdict;
use crate::queue::execution_steps::StoredStep;
use crate::queue::record::Sure;
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
            if !walk.newly_parked.is_empty() {
                walk.unrecorded.write_by(Instant::now()); // their records are made when they are written
            }
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
        Kept::Apart => {
            walk.unrecorded.pop();
            Ok(Committed::Again(
                "the transaction that it shared with others came to nothing".to_owned(),
            ))
        }
        Kept::Unknown(why) => {
            tracing::warn!(%why, "whether a database node was committed is not known; looking");
            look(walk, step, why).await
        }
    }
}

/// The step with which the execution ends: its effect, its record and the result are one transaction. Where that cannot be
/// written the walk begins anew from what is recorded, and goes the ordinary way: the step's own transaction, and the
/// result with those of others.
pub(super) async fn commit_with_end(
    walk: &mut Walk<'_>,
    step: &StepId,
    told: Told,
    transaction: TenantTransaction,
) -> Halt {
    let (Some((row, beside)), false) = (walk.row_and_beside(step, &told), walk.hold.is_lost()) else {
        return Halt::Lost;
    };
    let row = match walk.completed(step, told) {
        Ok(line) => beside.filter(|_| line.is_some()).unwrap_or(row),
        Err(halt) => return halt, // as if it had not run: its effect goes with the transaction
    };
    let Some(end) = walk.story.end() else {
        return Halt::Anew;
    };
    let before = walk.unrecorded.rows().to_vec();
    let mut steps = walk.unrecorded.take_with_end();
    steps.push(row);
    let ending = Ending::of(&walk.story, end, &walk.engine.services.limits, steps);
    let claim = walk.hold.claim();
    let committed = match to_raw_value(&ending) {
        Ok(result) => tokio::select! {
            biased;
            () = walk.hold.lost() => return Halt::Lost,
            committed = transaction.finish(claim, &result) => committed,
        },
        Err(_) => Kept::Lost,
    };
    match committed {
        Kept::Yes => return Halt::Ended(ending.status),
        Kept::Lost | Kept::Apart => {
            tracing::debug!("the result cannot be written with its last step; trying it by itself");
        }
        Kept::No(error) => tracing::warn!(%error, "a database node could not be recorded and runs again"),
        Kept::Unknown(why) => {
            tracing::warn!(%why, "whether a database node was committed is not known; looking");
            match is_recorded(walk, step).await {
                Ok(true) => return Halt::Ended(ending.status),
                Ok(false) => {}
                Err(halt) => return halt,
            }
        }
    }
    if before.is_empty() {
        return Halt::Anew;
    }
    let record = || walk.engine.queue.record(claim, &before, Sure::OnDisk);
    match insist(walk.hold, record).await {
        // what is refused here is refused again, with its reason
        Insisted::Answer(true) | Insisted::Refused(_) => Halt::Anew,
        Insisted::Answer(false) | Insisted::Lost => Halt::Lost,
    }
}

/// After a commit without an answer: the record says whether it happened.
async fn look(walk: &mut Walk<'_>, step: &StepId, why: String) -> Result<Committed, Halt> {
    if is_recorded(walk, step).await? {
        walk.unrecorded.take();
        walk.is_shown();
        return Ok(Committed::Yes);
    }
    walk.unrecorded.pop();
    Ok(Committed::Again(why))
}

async fn is_recorded(walk: &mut Walk<'_>, step: &StepId) -> Result<bool, Halt> {
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
    match insist(walk.hold, look).await {
        Insisted::Answer(there) => Ok(there),
        Insisted::Refused(error) => Err(Halt::failed("interrupted", error.to_string())),
        Insisted::Lost => Err(Halt::Lost),
    }
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
