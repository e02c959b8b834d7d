//! `logic-break`: ends the innermost loop around it; what that means is the position's business (rule 10).

use async_trait::async_trait;
use flow::Outcome;

use super::{Class, Done, NodeError, NodeKind, NodeRun};

/// The node type.
pub struct LogicBreak;

#[async_trait]
impl NodeKind for LogicBreak {
    fn name(&self) -> &'static str {
        "logic-break"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        Ok(Done {
            outcome: Outcome::Broke,
            ..Done::with(run.input.clone())
        })
    }
}
