//! `automations.start_child`: an execution that a step of another one starts.

use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Claim, Queue, QueueError};
use crate::nodes::outside::Child;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// It is there, now or from an earlier call.
    Child(Uuid),
    /// It may not be.
    Refused {
        /// A sentence for the person who drew the node.
        why: String,
        /// The step's error code.
        code: String,
    },
    /// The lease is lost and nothing was written.
    Lost,
}

impl Queue {
    /// Starts it under the lease of the execution that wants it. The same attempt of the same step gives the same
    /// execution, however often it is called. With `child.wait` its end is kept for the step from now on.
    pub async fn start_child(
        &self,
        claim: Claim,
        step_key: Uuid,
        attempt: u32,
        child: &Child,
    ) -> Result<Started, QueueError> {
        let attempt = i32::try_from(attempt).unwrap_or(i32::MAX);
        let rows = self
            .calls
            .write(
                "SELECT child_id, refused, code FROM automations.start_child($1, $2, $3, $4, $5, $6, $7, $8)",
                &[
                    &claim.account_id,
                    &claim.id,
                    &claim.token,
                    &step_key,
                    &child.automation_id,
                    &Json(&child.input),
                    &child.wait,
                    &attempt,
                ],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(Started::Lost);
        };
        Ok(match row.try_get::<_, Option<Uuid>>(0)? {
            Some(id) => Started::Child(id),
            None => Started::Refused {
                why: row.try_get::<_, Option<String>>(1)?.unwrap_or_default(),
                code: row.try_get::<_, Option<String>>(2)?.unwrap_or_default(),
            },
        })
    }
}
