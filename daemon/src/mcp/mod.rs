//! `POST /mcp`: automations as tools for AI agents, by the Model Context Protocol over streamable HTTP. Revision
//! 2026-07-28 has no sessions, older ones have; GET and DELETE belong to those.
//!
//! | room | does |
//! |---|---|
//! | [`keys`], [`guesses`] | for whom a request speaks |
//! | [`sessions`] | whose session it is |
//! | [`server`], [`call`], [`answer`] | lists tools, calls them, and words what came of it |
//! | [`changes`] | tells of changes of the list |

mod answer;
mod call;
mod changes;
mod guesses;
mod keys;
mod server;
mod sessions;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::changes::ToolsChanged;
use self::keys::{Keys, Refused};
use self::server::Agent;
use self::sessions::Sessions;
use crate::http::body::{Broken, Room};
use crate::http::problem::{Problem, retry_after};
use crate::outcomes::Outcomes;
use crate::queue::Queue;
use crate::stop::Stop;

/// A request may have the megabyte that trigger data may have, and what JSON adds to it.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// Memory for requests that are being answered, in MiB.
const IN_MEMORY: usize = 64;
/// Of an answer that the SDK words itself so much is read.
const MAX_ERROR: usize = 4_096;
const SESSION: &str = "mcp-session-id";

/// What the server is made of.
pub struct Parts {
    /// The database.
    pub queue: Queue,
    /// Who waits for executions.
    pub outcomes: Outcomes,
    /// Told by the listener.
    pub changed: ToolsChanged,
    /// What links begin with: its pages may ask from a browser.
    pub public_url: Option<Url>,
    /// Nothing new is taken.
    pub stop: Stop,
}

#[derive(Clone)]
struct Mcp {
    keys: Arc<Keys>,
    sessions: Arc<Sessions>,
    room: Room,
    service: StreamableHttpService<Agent, LocalSessionManager>,
}

/// `/mcp`, until HTTP is over. The name of the host is looked at for all of HTTP.
pub fn routes(parts: Parts, over: CancellationToken) -> Router {
    let (keys, sessions) = (
        Arc::new(Keys::new(parts.queue.clone())),
        Arc::new(Sessions::new()),
    );
    let mut config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_allowed_origins(origins(parts.public_url.as_ref()))
        .enforce_origin_validation()
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY);
    config.cancellation_token = over;
    let agent = Agent {
        queue: parts.queue,
        outcomes: parts.outcomes,
        keys: keys.clone(),
        sessions: sessions.clone(),
        changed: parts.changed,
        stop: parts.stop,
    };
    let service = StreamableHttpService::new(move || Ok(agent.clone()), sessions.manager.clone(), config);
    Router::new().route("/mcp", any(serve)).with_state(Mcp {
        keys,
        sessions,
        room: Room::new(IN_MEMORY),
        service,
    })
}

async fn serve(State(mcp): State<Mcp>, request: Request) -> Response {
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = from.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| {
        address.ip()
    });
    let caller = match mcp.keys.caller(request.headers(), from).await {
        Ok(caller) => caller,
        Err(refused) => return refusal(&refused),
    };
    let session = request
        .headers()
        .get(SESSION)
        .map(|id| id.to_str().map(str::to_owned));
    if let Some(id) = &session
        && !id.as_ref().is_ok_and(|id| mcp.sessions.belongs(id, caller.key))
    {
        return Problem::new(404, "There is no such session.").into_response();
    }
    let key = caller.key;
    let (mut head, body) = request.into_parts();
    let mut body = match mcp.room.read(body, MAX_BODY).await {
        Ok(body) if body.too_large => {
            let detail = format!("A request may have {MAX_BODY} bytes.");
            return Problem::new(413, detail).into_response();
        }
        Ok(body) => body,
        Err(broken) => return unread(broken),
    };
    head.extensions.insert(caller);
    // the SDK keeps the head of a request beside it, and a log of its own at level trace would show the key
    head.headers.remove(header::AUTHORIZATION);
    let request = Request::from_parts(head, Body::from(std::mem::take(&mut body.bytes)));
    let response = mcp.service.handle(request).await.map(Body::new);
    drop(body);
    let opened = response.headers().get(SESSION).and_then(|id| id.to_str().ok());
    if let (None, Some(id)) = (session, opened) {
        mcp.sessions.open(id, key).await;
    }
    worded(response).await
}

/// Whatever is wrong with a key, one answer.
fn refusal(refused: &Refused) -> Response {
    let status = match refused {
        Refused::Unknown => 401,
        Refused::TooMany(_) => 429,
        Refused::Away(error) => {
            tracing::warn!(%error, "an API key could not be looked up");
            503
        }
    };
    let problem = Problem::new(status, refused.to_string());
    match refused {
        Refused::Unknown => ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response(),
        Refused::TooMany(wait) => ([retry_after(*wait)], problem).into_response(),
        Refused::Away(_) => problem.into_response(),
    }
}

/// A body that did not come.
fn unread(broken: Broken) -> Response {
    let close = [(header::CONNECTION, "close")];
    match broken {
        Broken::Slow => (close, Problem::new(408, "The request took too long.")).into_response(),
        Broken::Cut => (close, Problem::new(400, "The request was cut off.")).into_response(),
        Broken::Full => {
            let problem = Problem::new(503, "Not now: try again.");
            ([retry_after(Duration::from_secs(1))], problem).into_response()
        }
    }
}

/// What the SDK says in plain text, as every other error of ours; an error of JSON-RPC stays what it is.
async fn worded(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let status = response.status();
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let detail = match status {
        StatusCode::INTERNAL_SERVER_ERROR => "The request could not be answered.".to_owned(),
        _ => {
            let text = axum::body::to_bytes(body, MAX_ERROR).await.unwrap_or_default();
            String::from_utf8_lossy(&text).into_owned()
        }
    };
    let mut problem = Problem::new(status.as_u16(), detail).into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

/// Pages of the public URL itself; other pages are refused, programs send no origin.
fn origins(public_url: Option<&Url>) -> Vec<String> {
    let mut origins: Vec<String> = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]
        .map(str::to_owned)
        .into();
    origins.extend(public_url.map(|url| match url.port_or_known_default() {
        Some(port) => format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or_default()),
        None => url.origin().ascii_serialization(),
    }));
    origins
}
