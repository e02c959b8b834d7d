//! What an agent is told about a call: the automation's output, or why there is none.

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};
use uuid::Uuid;

use super::server::internal;
use crate::queue::{Outcome, QueueError};

/// What the database refuses because of the call is told to the agent; what is our trouble is not.
pub(super) fn sentence(error: QueueError) -> Result<String, ErrorData> {
    match (error.sqlstate(), &error) {
        (Some("22023" | "23503" | "55000" | "P0002"), QueueError::Postgres(error)) => {
            let message = error.as_db_error().map(|error| error.message().to_owned());
            Ok(message.unwrap_or_else(|| "the call was refused".to_owned()))
        }
        (Some("22P05" | "22P02"), _) => {
            Ok("the arguments hold what cannot be stored, such as \\u0000".to_owned())
        }
        _ => Err(internal(error)),
    }
}

/// As the execution ended.
pub(super) fn told(outcome: Outcome) -> CallToolResult {
    match outcome.status.as_str() {
        "completed" => completed(outcome.output.unwrap_or_else(|| "null".to_owned())),
        "cancelled" => CallToolResult::error(vec![ContentBlock::text("the execution was cancelled")]),
        _ => {
            let error = outcome.error.unwrap_or_else(|| "the execution failed".to_owned());
            let mut result = CallToolResult::error(vec![ContentBlock::text(error.clone())]);
            result.structured_content = Some(json!({
                "error": error,
                "error_code": outcome.error_code,
                "error_node_id": outcome.error_node_id,
            }));
            result
        }
    }
}

/// Structured content is an object: older revisions take nothing else.
fn completed(output: String) -> CallToolResult {
    match serde_json::from_str(&output) {
        Ok(value @ Value::Object(_)) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(output)]);
            result.structured_content = Some(value);
            result
        }
        Ok(Value::String(text)) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text.clone())]);
            result.structured_content = Some(json!({ "result": text }));
            result
        }
        Ok(value) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(output)]);
            result.structured_content = Some(json!({ "result": value }));
            result
        }
        Err(_) => CallToolResult::success(vec![ContentBlock::text(output)]), // deeper than is parsed here
    }
}

/// It has not ended as far as this call is concerned.
pub(super) fn goes_on(id: Uuid) -> CallToolResult {
    let message = format!("execution {id} has not ended yet and goes on; its result will not come here");
    let mut result = CallToolResult::success(vec![ContentBlock::text(message)]);
    result.structured_content = Some(json!({ "execution_id": id, "status": "running" }));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: &str, output: Option<&str>) -> Outcome {
        Outcome {
            status: status.to_owned(),
            output: output.map(str::to_owned),
            error: None,
            error_code: None,
            error_node_id: None,
        }
    }

    #[test]
    fn structured_content_is_an_object_whatever_the_output_is() {
        for (output, structured) in [
            (Some(r#"{"a": 1}"#), json!({ "a": 1 })),
            (Some("[1]"), json!({ "result": [1] })),
            (Some("\"text\""), json!({ "result": "text" })),
            (None, json!({ "result": null })),
        ] {
            let result = told(outcome("completed", output));
            assert_eq!(result.structured_content, Some(structured));
            assert_eq!(result.is_error, Some(false));
        }
    }

    #[test]
    fn what_did_not_complete_is_an_error_of_the_tool() {
        for status in ["failed", "cancelled"] {
            assert_eq!(told(outcome(status, None)).is_error, Some(true));
        }
    }
}
