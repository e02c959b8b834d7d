//! What an agent may ask: which tools there are, and to call one. Each request is answered for the key that came with
//! it, whatever session it belongs to.

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, Implementation, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, ServerNotification, SubscriptionFilter, Tool,
    ToolAnnotations, ToolListChangedNotification,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};

use super::changes::{Ended, ToolsChanged};
use super::keys::{Caller, Keys};
use super::sessions::Sessions;
use crate::outcomes::Outcomes;
use crate::queue::Queue;
use crate::queue::agent_tools::AgentTool;
use crate::stop::Stop;

/// Tools in one answer; the next ones come with its cursor.
const PAGE: i32 = 100;

/// Answers requests. Cheap to clone: the SDK takes one for each session or request.
#[derive(Clone)]
pub struct Agent {
    pub(super) queue: Queue,
    pub(super) outcomes: Outcomes,
    pub(super) keys: Arc<Keys>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) changed: ToolsChanged,
    pub(super) stop: Stop,
}

impl ServerHandler for Agent {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("automationd", env!("CARGO_PKG_VERSION")))
            .with_instructions("Each tool runs an automation and returns its output.")
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = caller(&context.extensions)?;
        if !caller.may("tools:read") {
            return Err(ErrorData::invalid_request(
                "this API key may not list tools",
                None,
            ));
        }
        let after = request.and_then(|request| request.cursor);
        let found = self
            .queue
            .agent_tools(caller.whose(), None, after.as_deref(), PAGE + 1)
            .await
            .map_err(internal)?;
        let more = found.len() > PAGE as usize;
        let tools: Vec<Tool> = found
            .into_iter()
            .take(PAGE as usize)
            .map(shown)
            .collect::<Result<_, _>>()?;
        let next_cursor = tools.last().filter(|_| more).map(|tool| tool.name.to_string());
        // what one key sees no cache may show to another
        let mut result = ListToolsResult::with_all_items(tools)
            .with_cache_scope(CacheScope::Private)
            .with_ttl_ms(0);
        result.next_cursor = next_cursor;
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = caller(&context.extensions)?;
        let result = self.call(&caller, request, &context).await;
        let status = match &result {
            Ok(result) if result.is_error == Some(true) => "tool_error",
            Ok(_) => "ok",
            Err(_) => "protocol_error",
        };
        metrics::counter!("automationd_mcp_calls_total", "status" => status).increment(1);
        result.map(CallToolResponse::from)
    }

    /// Sessions of older revisions hear of changes until they end.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let Ok(caller) = caller(&context.extensions) else {
            return;
        };
        let session = context
            .extensions
            .get::<Parts>()
            .and_then(|parts| parts.headers.get(super::SESSION))
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        let (agent, peer) = (self.clone(), context.peer);
        tokio::spawn(async move {
            let tell = || async { peer.notify_tool_list_changed().await.is_ok() };
            let gone = || peer.is_transport_closed();
            let watching = agent
                .changed
                .watch(&agent.queue, &agent.keys, &caller, tell, gone);
            let ended = tokio::select! {
                ended = watching => ended,
                () = agent.stop.asked() => return,
            };
            if let (Ended::Key, Some(session)) = (ended, session) {
                agent.sessions.close(&session).await;
            }
        });
    }

    fn accepted_subscription_filter(&self, _requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    /// Without sessions whoever wants to hear of changes leaves a request open.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let caller = caller(&context.request_context().extensions)?;
        let changed =
            || ServerNotification::ToolListChangedNotification(ToolListChangedNotification::default());
        let tell = || async { context.sink().send(changed()).await.is_ok() };
        tokio::select! {
            _ = self.changed.watch(&self.queue, &self.keys, &caller, tell, || false) => {}
            () = context.cancelled() => {}
            () = self.stop.asked() => {}
        }
        Ok(())
    }
}

/// For whom this request speaks, as its own key said.
fn caller(extensions: &rmcp::model::Extensions) -> Result<Caller, ErrorData> {
    let parts = extensions.get::<Parts>();
    let caller = parts.and_then(|parts| parts.extensions.get::<Caller>());
    caller
        .cloned()
        .ok_or_else(|| ErrorData::internal_error("the request came without its key", None))
}

fn shown(tool: AgentTool) -> Result<Tool, ErrorData> {
    let schema: JsonObject = serde_json::from_str(&tool.schema).map_err(internal)?;
    let annotations = ToolAnnotations::new().read_only(!tool.acts);
    Ok(
        Tool::new_with_raw(tool.name, tool.description.map(Into::into), Arc::new(schema))
            .with_annotations(annotations),
    )
}

/// What is our trouble and nobody else's business.
pub(super) fn internal(error: impl std::fmt::Display) -> ErrorData {
    tracing::warn!(%error, "a request of an agent could not be answered");
    ErrorData::internal_error("the request could not be answered; try again", None)
}
