//! Where a walk begins: at the start of the graph, or where the records of an earlier walk end.

use std::collections::HashMap;

use flow::StepId;

use super::Engine;
use super::execution::Execution;
use super::insist::{Insisted, insist};
use super::replay::{Before, Replay, ReplayError};
use super::story::{Begun, Story};
use super::walk::Halt;
use crate::definitions::Definition;
use crate::leases::Hold;

/// The story so far: of an execution that has steps, what its records say. They are read one at a time, because all
/// of them together may be larger than a story may be.
pub(super) async fn take_up(
    engine: &Engine,
    execution: &Execution,
    definition: &Definition,
    hold: &Hold,
    has_steps: bool,
) -> Result<(Story, Vec<Begun>, HashMap<StepId, Before>), Halt> {
    let limits = &engine.services.limits;
    let start = || Story::start(definition.plan.clone(), execution.trigger.clone(), limits);
    if !has_steps {
        let (story, moves) = start();
        return Ok((story, moves.begin, HashMap::new()));
    }
    let read = || async {
        let (mut story, moves) = start();
        let mut replay = Replay::new(moves);
        let mut unfit = None;
        let take = |record| match replay.take(&mut story, record, limits.max_held) {
            Ok(()) => true,
            Err(error) => {
                unfit = Some(error);
                false
            }
        };
        engine.queue.execution_steps(execution.id, take).await?;
        Ok(match unfit {
            Some(error) => Err(error),
            None => {
                let resumed = replay.resume(&story);
                Ok((story, resumed.begin, resumed.before))
            }
        })
    };
    match insist(hold, read).await {
        Insisted::Answer(Ok(resumed)) => Ok(resumed),
        Insisted::Answer(Err(ReplayError::Newer(format))) => Err(Halt::Newer(format)),
        Insisted::Answer(Err(error)) => Err(Halt::failed(error.code(), error.to_string())),
        Insisted::Refused(error) => Err(Halt::failed("interrupted", error.to_string())),
        Insisted::Lost => Err(Halt::Lost),
    }
}
