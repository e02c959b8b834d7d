//! The end of a database node's transaction: its record is the last write, then the commit (DESIGN D8).

use flow::StepId;
use serde_json::Value;

use super::story::Told;
use super::walk::{Halt, Walk};
use crate::queue::error::Verdict;
use crate::queue::tenant::TenantTransaction;

/// What became of the transaction.
pub(super) enum Committed {
    /// Effect and record are there.
    Yes,
    /// Neither is: run the step again.
    Again,
}

/// Records the step with everything that is not recorded yet, and commits.
pub(super) async fn commit(
    walk: &mut Walk<'_>,
    step: &StepId,
    told: &Told,
    transaction: TenantTransaction,
) -> Result<Committed, Halt> {
    let mut steps = walk.unrecorded.clone();
    steps.extend(walk.row(step, told));
    let (claim, steps) = (walk.hold.claim(), Value::Array(steps));
    if walk.hold.is_lost() {
        return Err(Halt::Lost);
    }
    let written = tokio::select! {
        biased;
        () = walk.hold.lost() => return Err(Halt::Lost),
        written = transaction.record(claim.account_id, claim.token, &steps) => written,
    };
    match written {
        Ok(true) => {}
        Ok(false) => return Err(Halt::Lost),
        Err(error) if error.verdict() == Verdict::Refused => {
            return Err(Halt::failed(error.refusal(), error.to_string()));
        }
        Err(error) => {
            tracing::warn!(%error, "a database node could not be recorded and runs again");
            return Ok(Committed::Again);
        }
    }
    if let Err(error) = transaction.commit().await {
        tracing::warn!(%error, "whether a database node was committed is not known; looking");
        return look(walk, step).await;
    }
    walk.unrecorded.clear();
    Ok(Committed::Yes)
}

/// After a commit without an answer: the record says whether it happened.
async fn look(walk: &mut Walk<'_>, step: &StepId) -> Result<Committed, Halt> {
    use super::insist::{Insisted, insist};
    let stored = match insist(walk.hold, || walk.engine.queue.execution_steps(walk.execution.id)).await {
        Insisted::Answer(stored) => stored,
        Insisted::Refused(error) => return Err(Halt::failed("interrupted", error.to_string())),
        Insisted::Lost => return Err(Halt::Lost),
    };
    let place = step.place.to_string();
    let there = stored.iter().any(|record| {
        *record.node_id == *step.node
            && record.place == place
            && u32::try_from(record.run) == Ok(step.run)
            && record.status == "completed"
    });
    if there {
        walk.unrecorded.clear();
        return Ok(Committed::Yes);
    }
    Ok(Committed::Again)
}
