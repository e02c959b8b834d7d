//! `action-http`: sends a request through the egress client and gives `{status, headers, body}`.
//!
//! The step's idempotency key goes along as `Idempotency-Key`, the same for every attempt (DESIGN D8), unless the
//! configuration has that header itself. A status that does not count as success is a failure that carries `status`
//! and `body`, so that an `error` edge can look at them.

mod answer;
mod request;
mod shown;
mod status;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde_json::Value;

use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};
use crate::egress::EgressError;

/// The node type.
pub struct ActionHttp;

#[async_trait]
impl NodeKind for ActionHttp {
    fn name(&self) -> &'static str {
        "action-http"
    }

    fn class(&self) -> Class {
        Class::External
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        if setting::given(run.config, "connectionId").is_some() {
            return Err(NodeError::new(
                "no_secret",
                "the connection of connectionId cannot be opened by this daemon",
            ));
        }
        let success = status::Success::read(run.config)?;
        let limit = run.services.limits.max_http_answer;
        let (mut request, mut warnings) = request::build(run.config, run.idempotency_key, limit)?;
        request.follow = !success.names_redirects();
        let answer = run.services.egress.send(request).await.map_err(failure)?;
        let output = answer::output(&answer, &mut warnings).await;
        if success.counts(answer.status.as_u16()) {
            return Ok(Done {
                warnings,
                ..Done::with(output)
            });
        }
        Err(answer::refused(&answer, output))
    }

    fn describe(&self, config: &Value) -> Value {
        super::described(self.name(), shown::request(config))
    }
}

/// The egress client's error as the node's: its code by what went wrong, its sentence as it is.
fn failure(error: EgressError) -> NodeError {
    let code = match &error {
        EgressError::Denied { .. } => "denied",
        EgressError::Timeout { .. } => "timeout",
        EgressError::TooLarge { .. } | EgressError::Headers => "too_large",
        _ => "node_failed",
    };
    NodeError::new(code, error.to_string())
}
