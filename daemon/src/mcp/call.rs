//! `tools/call`: checks the arguments, starts the automation and answers with its result. While it runs it reports how
//! far it is; when the client takes the call back the execution is cancelled. What goes wrong in the automation is the
//! tool's error, what is wrong with the request is the protocol's.

use std::time::Duration;

use axum::http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ContentBlock, MetaObject, ProgressNotificationParam, ProgressToken,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::SESSION;
use super::answer::{goes_on, sentence, told};
use super::keys::Caller;
use super::server::{Agent, internal};
use crate::queue::agent_tools::AgentTool;

/// How long a call may take; then the client is told that the execution goes on.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Between two reports, and before the first one: a short call needs none.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Keys of `_meta` that a client may send with a call, and the one that comes with each result.
const IDEMPOTENCY_KEY: &str = "automations/idempotencyKey";
const CONVERSATION: &str = "automations/conversationId";
const EXECUTION: &str = "automations/executionId";
/// The longest idempotency key.
const MAX_KEY: usize = 200;

/// What a client may say about a call beside its arguments.
struct Said {
    conversation_id: Option<Uuid>,
    idempotency_key: Option<String>,
}

impl Agent {
    /// Performs one call.
    pub(super) async fn call(
        &self,
        caller: &Caller,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        if !caller.may("tools:call") {
            return Err(ErrorData::invalid_request(
                "this API key may not call tools",
                None,
            ));
        }
        let said = said(caller, context)?;
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let started = self.start(caller, &request.name, arguments, &said).await?;
        let id = match started {
            Ok(id) => id,
            Err(sentence) => return Ok(CallToolResult::error(vec![ContentBlock::text(sentence)])),
        };
        let told = self.wait(caller, id, &said, context).await?;
        let mut meta = MetaObject::default();
        meta.insert(EXECUTION.to_owned(), json!(id));
        Ok(told.with_meta(Some(meta)))
    }

    /// The execution, or a sentence for the agent that called.
    async fn start(
        &self,
        caller: &Caller,
        name: &str,
        arguments: Value,
        said: &Said,
    ) -> Result<Result<Uuid, String>, ErrorData> {
        // between the look and the start it may be saved again; three times in a row it is not
        for _ in 0..3 {
            let tool = self.tool(caller, name).await?;
            let schema = serde_json::from_str(&tool.schema).map_err(internal)?;
            let arguments = match flow::trigger::tool::arguments(&schema, arguments.clone()) {
                Ok(arguments) => arguments,
                Err(sentence) => return Ok(Err(sentence)),
            };
            let key = said.idempotency_key.as_deref();
            let started = self
                .queue
                .start_tool(caller.account_id, &tool, &arguments, said.conversation_id, key)
                .await;
            match started {
                Ok(Some(id)) => return Ok(Ok(id)),
                Ok(None) => {}
                Err(error) => return sentence(error).map(Err),
            }
        }
        Err(ErrorData::internal_error(
            "the tool is being changed; call again",
            None,
        ))
    }

    async fn tool(&self, caller: &Caller, name: &str) -> Result<AgentTool, ErrorData> {
        let found = self.queue.agent_tools(caller.whose(), Some(name), None, 2).await;
        let mut found = found.map_err(internal)?;
        match (found.pop(), found.pop()) {
            (Some(tool), None) => Ok(tool),
            _ => {
                let shown: String = name.chars().take(80).collect();
                Err(ErrorData::invalid_params(
                    format!("unknown tool: {shown:?}"),
                    None,
                ))
            }
        }
    }

    async fn wait(
        &self,
        caller: &Caller,
        id: Uuid,
        said: &Said,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let mut ended = std::pin::pin!(self.outcomes.ended(id, caller.account_id, LONGEST));
        let token = context.meta.get_progress_token();
        let began = tokio::time::Instant::now();
        let mut report = tokio::time::interval_at(began + REPORT_EVERY, REPORT_EVERY);
        loop {
            tokio::select! {
                biased;
                outcome = &mut ended => return match outcome {
                    Ok(Some(outcome)) => Ok(told(outcome)),
                    Ok(None) => Ok(goes_on(id)),
                    Err(error) => Err(internal(error)),
                },
                () = context.ct.cancelled() => return self.taken_back(id, said, context).await,
                _ = report.tick(), if token.is_some() => {
                    if let Some(token) = &token {
                        self.report(caller, id, token, began.elapsed(), context).await;
                    }
                }
            }
        }
    }

    /// The client does not want it any more. It looks like that too when this daemon stops, and without a session when
    /// the connection is lost: who gave the call a key means to ask again then, and the execution goes on.
    async fn taken_back(
        &self,
        id: Uuid,
        said: &Said,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let in_session = parts.is_some_and(|parts| parts.headers.contains_key(SESSION));
        if self.stop.is_asked() || said.idempotency_key.is_some() && !in_session {
            return Ok(goes_on(id));
        }
        let queue = self.queue.clone();
        // to its end, whoever stops waiting for this
        let cancelling = tokio::spawn(async move { queue.cancel_execution(id).await });
        match cancelling.await {
            Ok(Ok(_)) => Err(ErrorData::internal_error("the call was cancelled", None)),
            Ok(Err(error)) => Err(internal(error)),
            Err(error) => Err(internal(error)),
        }
    }

    /// Progress is the time in seconds: how much is left nobody knows.
    async fn report(
        &self,
        caller: &Caller,
        id: Uuid,
        token: &ProgressToken,
        since: Duration,
        context: &RequestContext<RoleServer>,
    ) {
        let Ok(Some(progress)) = self.queue.progress(caller.account_id, id).await else {
            return; // only a report
        };
        let steps = match progress.label {
            Some(label) => format!(
                "{}: {} steps completed, the last: {label}",
                progress.status, progress.completed
            ),
            None => progress.status,
        };
        let report = ProgressNotificationParam::new(token.clone(), since.as_secs_f64()).with_message(steps);
        if let Err(error) = context.peer.notify_progress(report).await {
            tracing::debug!(%error, "progress was not told");
        }
    }
}

fn said(caller: &Caller, context: &RequestContext<RoleServer>) -> Result<Said, ErrorData> {
    let text = |key: &str| match context.meta.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ErrorData::invalid_params(
            format!("`_meta` {key} must be text"),
            None,
        )),
    };
    let conversation_id = match text(CONVERSATION)? {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| {
            ErrorData::invalid_params(format!("`_meta` {CONVERSATION} must be a UUID"), None)
        })?),
    };
    let key = text(IDEMPOTENCY_KEY)?;
    if key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > MAX_KEY || key.contains('\0'))
    {
        let message = format!("`_meta` {IDEMPOTENCY_KEY} must have 1 to {MAX_KEY} bytes");
        return Err(ErrorData::invalid_params(message, None));
    }
    // another key's calls are other calls
    let idempotency_key = key.map(|key| format!("mcp:{}:{key}", caller.key_id));
    Ok(Said {
        conversation_id,
        idempotency_key,
    })
}
