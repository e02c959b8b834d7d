//! `trigger-*`: where an execution begins. The output is the trigger data.

use async_trait::async_trait;

use super::{Class, Done, NodeError, NodeKind, NodeRun};

/// A trigger of any type; they differ in what starts them, which is over when they run.
pub struct Trigger(pub(super) &'static str);

#[async_trait]
impl NodeKind for Trigger {
    fn name(&self) -> &'static str {
        self.0
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        Ok(Done::with(run.execution.trigger.clone()))
    }
}
